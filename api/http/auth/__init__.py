"""Who asks (godkendelse): an API key, somebody's token from the sign-in service, or a session.

A header wins over a cookie. Whatever does not open gets the same answer, so nobody learns why.
"""

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from api.http.auth.keys import Find, Keys, refusal
from domain.access import Principal

if TYPE_CHECKING:
    from api.http.auth.people import People

__all__ = ["Gatekeeper", "refusal"]


class Gatekeeper:
    """Turns a request's headers into a principal."""

    def __init__(self, find: Find, people: "People | None" = None, *, on_loop: bool) -> None:
        """`find` looks a key id up; `people` is None where nobody but keys may enter."""
        self.people = people
        self._keys = Keys(find, on_loop=on_loop)

    def presented(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether anything was presented that might say who asks."""
        if b"authorization" in headers:
            return True
        return self.people is not None and self.people.has_cookie(headers)

    def principal(
        self, method: str, headers: Mapping[bytes, bytes], state: dict[str, Any]
    ) -> Awaitable[Principal]:
        """Find who asks; a person is noted in `state` as `person`, with all grants there are.

        401 unless what was presented opens, 403 when another site may have sent it.
        """
        authorization = headers.get(b"authorization")
        # Every token of a sign-in service has dots, no key of ours has one.
        if self.people is None or (authorization is not None and b"." not in authorization):
            text = None if authorization is None else authorization.decode("latin-1")
            return self._keys.principal(text)
        return _admitted(self.people, method, headers, state)


async def _admitted(
    people: "People", method: str, headers: Mapping[bytes, bytes], state: dict[str, Any]
) -> Principal:
    person = await people.admit(method, headers)
    state["person"] = person
    return person.principal

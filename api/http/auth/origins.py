"""Whether a request came from our own pages (CSRF): asked of every change that a cookie pays for.

A browser sends cookies along with what another site made it send. It also says who made it send
it, in headers that no page can forge; where it says nothing, the change is refused.
"""

from collections.abc import Mapping
from typing import Final

from api.http.problems import HttpProblem

SAFE: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing, and so need no proof."""
_JSON: Final = b"application/json"


def demand_own_site(headers: Mapping[bytes, bytes], origin: bytes) -> None:
    """Refuse with 403 unless a page at `origin` sent this."""
    site, given = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    named = site is not None or given is not None
    if not named or site not in {None, b"same-origin"} or given not in {None, origin}:
        raise HttpProblem("cross_site")


def demand_json(headers: Mapping[bytes, bytes]) -> None:
    """Refuse with 415 what a plain form could send."""
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != _JSON:
        raise HttpProblem("unsupported_media_type")

"""Where the views stand, for those who ask them: which tables serve, how far they are, waiting.

Doors take `at` (the position an answer is true for) and `suffix` (the tables that serve) from here
and hand both to the query functions.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Condition
from time import monotonic
from typing import Final

from domain.errors import Fault, Refused, Unavailable, Unknown
from domain.log.port import Log
from projections.runner import ViewState, serving, states
from projections.storage import OPEN, ViewStore

WAIT_SECONDS: Final = 5.0
"""How long a question waits for a view to reach the position it names."""
POLL_SECONDS_MIN: Final = 0.005
POLL_SECONDS_MAX: Final = 0.05
"""Waiters are woken by `notify`; polling is for when nobody notifies."""
CACHE_SECONDS: Final = 0.05
"""How old a known position may be where the database cannot cheaply tell that it changed."""
POSITION_DIGITS_MAX: Final = 18
EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Views:
    """The serving views of one store and how far they are; safe to use from several threads."""

    def __init__(self, store: ViewStore, log: Log, *, wait_seconds: float = WAIT_SECONDS) -> None:
        """`wait_seconds` bounds how long `at` waits for a view."""
        self.store = store
        self._log = log
        self._wait_seconds = wait_seconds
        self._woken = Condition()
        self._known: dict[str, ViewState] = {}
        self._mark: int | None = None
        self._fresh_until = -1.0

    def known(self) -> dict[str, ViewState]:
        """Return each view's serving generation, or the one being built where none serves yet."""
        mark = self.store.mark()
        if mark is None:
            if monotonic() < self._fresh_until:
                return self._known
        elif mark == self._mark:
            return self._known
        return self._load(mark)

    def suffix(self, name: str) -> str:
        """Return the table-name suffix of a view; raises Unavailable while it is first built."""
        state = self.known().get(name)
        if state is None or state.state != "active":
            failed = state is not None and state.error is not None
            raise Unavailable("view_failed" if failed else "view_behind", view=name)
        return state.suffix

    def standing(self, *names: str) -> tuple[int, dict[str, str]]:
        """Return the position the named views have all reached, and the suffix of each.

        One look instead of several: in step with each other, and a question costs less. Raises
        Unavailable while one of them is first built.
        """
        known = self.known()
        suffixes, reached = {}, OPEN
        for name in names:
            state = known.get(name)
            if state is None or state.state != "active":
                self.suffix(name)
            else:
                suffixes[name] = state.suffix
                reached = min(reached, state.position)
        return reached, suffixes

    def position(self, *names: str) -> int:
        """Return the position the named views have all reached.

        With no name: all views that are not parked, so that one parked view does not hold back
        questions that do not ask it.
        """
        active = {s.name: s for s in self.known().values() if s.state == "active"}
        if names:
            return min(active[name].position if name in active else 0 for name in names)
        return min((s.position for s in active.values() if s.error is None), default=0)

    def wait_for(self, position: int, seconds: float, *names: str) -> bool:
        """Wait until the views have reached a position; return whether they have in `seconds`.

        Raises Unavailable at once when a named view is parked before that position.
        """
        deadline = monotonic() + seconds
        pause = POLL_SECONDS_MIN
        while self.position(*names) < position:
            self._demand_running(position, names)
            left = deadline - monotonic()
            if left <= 0:
                return False
            with self._woken:
                self._woken.wait(min(pause, left))
            pause = min(pause * 2, POLL_SECONDS_MAX)
        return True

    def notify(self, position: int) -> None:
        """Wake those who wait: the follower says that `position` is visible."""
        if position > self.position():
            self._fresh_until = -1.0
        with self._woken:
            self._woken.notify_all()

    def at(
        self,
        as_of_recorded: str | None = None,
        min_position: int | None = None,
        names: Sequence[str] = (),
    ) -> int:
        """Return the position an answer shall be true for.

        `as_of_recorded` is a position or an RFC 3339 time with an offset; without it the answer is
        as new as the views are, and at least `min_position`. `names` are the views to be asked (all
        when empty). Waits for them. Raises Unknown when the log is not that long, Unavailable when
        the views are not that far, Refused when the words cannot be read.
        """
        wanted = min_position or 0
        if as_of_recorded is not None:
            wanted = _position(as_of_recorded, self._log)
        reached = self.position(*names)
        if wanted > reached:
            if wanted > self._log.head():
                raise Unknown("position_unknown", position=wanted)
            if not self.wait_for(wanted, self._wait_seconds, *names):
                raise Unavailable("view_behind", position=self.position(*names), wanted=wanted)
            reached = self.position(*names)
        return wanted if as_of_recorded is not None else reached

    def _load(self, mark: int | None) -> dict[str, ViewState]:
        with self.store.reading() as reader:
            found = serving(states(reader))
        self._known, self._mark = found, mark
        self._fresh_until = monotonic() + CACHE_SECONDS
        return found

    def _demand_running(self, position: int, names: Sequence[str]) -> None:
        known = self.known()
        for name in names:
            state = known.get(name)
            if state is not None and state.error is not None and state.position < position:
                raise Unavailable("view_failed", view=name, position=state.failed_at)


def _position(text: str, log: Log) -> int:
    """Read a position or a time; a time means the last position recorded by then."""
    if text.isascii() and text.isdigit() and len(text) <= POSITION_DIGITS_MAX:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused("invalid_input", [Fault("/as_of_recorded", "invalid_input")])
    return log.position_at((moment - EPOCH) // timedelta(microseconds=1))

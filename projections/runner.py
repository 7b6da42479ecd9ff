"""Follows the log and writes the views: pages, exactly once, parking, building beside, flipping.

A page of events changes rows and position of every view in one transaction, so a killed follower
loses and doubles nothing. A view that cannot apply an event stops before it and says so; the others
go on. It is tried again when the follower starts, by when its code may have been mended.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Final, Literal

from domain.errors import Broken, Conflict, DomainError, Unavailable, Unknown
from domain.log.codec import Codec, Fact
from domain.log.port import PAGE_ROWS_MAX, Log, StoredRow
from projections.registry import Indexed, View
from projections.storage import Reader, Tx, ViewStore, advance, columns_of, tables_of

PAGE_FACTS_MIN: Final = 50
PAGE_SECONDS: Final = 0.5
"""A page that took longer is followed by a smaller one: a killed follower repeats at most this."""
IDLE_SECONDS: Final = 0.25
"""How long one wait for the log lasts before `stop` is looked at."""
RETRY_SECONDS: Final = 0.5
"""Pause after the database was away."""
ANALYSE_FACTS_MIN: Final = 500
"""Events after which PostgreSQL first looks at a view's tables; then each time they doubled."""
GRACE_SECONDS: Final = 10.0
"""A replaced generation stays this long for readers that learnt its name before the flip."""
NAME_SHAPE: Final = re.compile(r"^[a-z]+$")

State = Literal["active", "building", "old"]


@dataclass(frozen=True, slots=True)
class ViewState:
    """One generation of one view as the tracking table has it; `position` is the last applied."""

    name: str
    version: int
    generation: int
    suffix: str
    position: int
    state: State
    failed_at: int | None
    error: str | None

    @property
    def status(self) -> str:
        """Return `parked` when an event could not be applied, else the state."""
        return "parked" if self.error is not None else self.state


def states(reader: Reader) -> list[ViewState]:
    """Return every generation of every view, by name, oldest first."""
    rows = reader.all(
        "SELECT name, version, generation, suffix, position, state, failed_at, error"
        " FROM tracking WHERE name IS NOT NULL ORDER BY name, version, generation"
    )
    return [ViewState(*row) for row in rows]


def serving(known: Sequence[ViewState]) -> dict[str, ViewState]:
    """Return of each view the generation that serves, or is being built where none serves yet."""
    chosen = {state.name: state for state in known if state.state == "building"}
    return chosen | {state.name: state for state in known if state.state == "active"}


def positions(store: ViewStore) -> dict[str, ViewState]:
    """Return how far each view is: its serving generation, or the one first being built."""
    with store.reading() as reader:
        return serving(states(reader))


def digest(store: ViewStore, name: str) -> str:
    """Return the SHA-256 of all rows of a view's serving generation; equal views, equal digests.

    Generation and paging leave no trace in it, and neither does the database. Raises Unknown.
    """
    hasher = hashlib.sha256()
    with store.reading() as reader:
        v = next((s.suffix for s in states(reader) if s.name == name and s.state == "active"), None)
        if v is None:
            raise Unknown("not_found", view=name)
        for table in tables_of(store, reader, v):
            columns = columns_of(store, reader, table)
            hasher.update(f"{table.removesuffix(v)}({','.join(columns)})\n".encode())
            order = ", ".join(str(n + 1) for n in range(len(columns)))
            for row in reader.each(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}"):
                hasher.update(repr(row).encode() + b"\n")
    return hasher.hexdigest()


class Runner:
    """Brings every view of one store forward, page by page; one at a time (`follower_lock`)."""

    def __init__(
        self,
        log: Log,
        codec: Codec,
        store: ViewStore,
        views: Iterable[View],
        *,
        page_facts: int = PAGE_ROWS_MAX,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """`page_facts` bounds a page (tests); `grace_seconds` keeps a replaced generation."""
        self._log = log
        self._codec = codec
        self._store = store
        self._views = {view.name: view for view in views}
        self._page_max = page_facts
        self._page = page_facts
        self._grace = grace_seconds
        self._old_since: dict[str, float] = {}
        self._counted: dict[str, int] = {}
        if wrong := [name for name in self._views if not NAME_SHAPE.match(name)]:
            raise ValueError(f"a view's name is lower-case letters only: {wrong}")
        self._prepare()

    def step(self) -> int:
        """Apply one page to every view that is behind; return how many facts were applied.

        Raises Unavailable when a database is away, Conflict when a second runner wrote meanwhile.
        """
        with self._store.reading() as reader:
            known = states(reader)
        building = any(s.state == "building" and s.error is None for s in known)
        head = self._log.head() if building else 0
        applied = sum(self._advance(group) for group in self._groups(known))
        if applied and self._store.dialect == "postgresql":
            self._count_rows(known)
        if building:
            self._flip(head)
        self._drop_old([s for s in known if s.state == "old"])
        return applied

    def run(self, stop: Event, on_progress: Callable[[int], None]) -> None:
        """Follow until `stop`; `on_progress` is told how far all serving views are.

        A database that is away is waited for. Raises Conflict when a second runner writes too.
        """
        told = -1
        while not stop.is_set():
            try:
                applied = self.step()
                reached = self.position()
                if reached != told:
                    on_progress(reached)
                    told = reached
                if not applied:
                    self._log.wait(self._followed(), IDLE_SECONDS)
            except Unavailable:
                stop.wait(RETRY_SECONDS)

    def catch_up(self) -> int:
        """Apply all there is; return the position reached. Parked views stay where they are."""
        while self.step():
            pass
        return self.position()

    def rebuild(self, name: str | None = None) -> None:
        """Begin to build a view anew (all when None) beside the one that serves; `step` goes on.

        Raises Unknown when there is no such view.
        """
        if name is not None and name not in self._views:
            raise Unknown("not_found", view=name)
        with self._store.writing() as tx:
            for view in self._views.values() if name is None else (self._views[name],):
                known = [state for state in states(tx) if state.name == view.name]
                for state in known:
                    if state.state == "building":
                        self._drop(tx, state)
                generation = max(
                    (s.generation for s in known if s.version == view.version), default=0
                )
                self._create(tx, view, generation + 1)

    def position(self) -> int:
        """Return the position that every serving view that is not parked has reached."""
        with self._store.reading() as reader:
            serving = [s for s in states(reader) if s.state == "active" and s.name in self._views]
        return min((s.position for s in serving if s.error is None), default=0)

    # ── pages ────────────────────────────────────────────────────────────────────────────────────

    def _followed(self) -> int:
        """Return the furthest position: what to wait beyond."""
        with self._store.reading() as reader:
            return max((s.position for s in self._mine(states(reader))), default=0)

    def _mine(self, known: Sequence[ViewState]) -> list[ViewState]:
        """Return the generations this code can bring forward and that are not parked."""
        versions = {view.name: view.version for view in self._views.values()}
        running = [s for s in known if s.state != "old" and s.error is None]
        return [s for s in running if versions.get(s.name) == s.version]

    def _groups(self, known: Sequence[ViewState]) -> list[list[ViewState]]:
        """Return generations that stand at the same position, the furthest first."""
        groups: dict[int, list[ViewState]] = {}
        for state in self._mine(known):
            groups.setdefault(state.position, []).append(state)
        return [groups[position] for position in sorted(groups, reverse=True)]

    def _advance(self, group: Sequence[ViewState]) -> int:
        """Apply the page after the group's position, all views in one transaction."""
        after = group[0].position
        rows = self._log.rows(after, self._page)
        if not rows:
            return 0
        started = monotonic()
        facts, broken = self._decode(after, rows)
        with self._store.writing() as tx:
            for state in group:
                self._apply_page(tx, state, facts, broken)
        self._adapt(monotonic() - started)
        return len(facts)

    def _count_rows(self, known: Sequence[ViewState]) -> None:
        """Have PostgreSQL look at tables that doubled; it plans by what it last saw of them.

        Its own look comes a minute late, and until then lists would be sorted instead of read in
        order.
        """
        for state in self._mine(known):
            if state.position >= 2 * self._counted.get(state.suffix, ANALYSE_FACTS_MIN // 2):
                with self._store.writing() as tx:
                    for table in tables_of(self._store, tx, state.suffix):
                        tx.run(f"ANALYZE {table}")
                self._counted[state.suffix] = state.position

    def _adapt(self, seconds: float) -> None:
        """Choose the size of the next page by what this one took."""
        if seconds > PAGE_SECONDS:
            self._page = max(min(PAGE_FACTS_MIN, self._page_max), self._page // 2)
        else:
            self._page = min(self._page_max, self._page * 2)

    def _decode(
        self, after: int, rows: Sequence[StoredRow]
    ) -> tuple[list[Fact], tuple[int, str] | None]:
        """Return the facts up to the first row that cannot be read, and where and why it cannot."""
        for expected, row in enumerate(rows, after + 1):
            if row.position != expected:
                return self._codec.facts(rows[: expected - after - 1]), (expected, "log_broken")
        try:
            return self._codec.facts(rows), None
        except Broken:
            facts: list[Fact] = []
            for row in rows:
                try:
                    facts += self._codec.facts([row])
                except Broken as error:
                    return facts, (row.position, error.code)
            return facts, None

    def _apply_page(
        self, tx: Tx, state: ViewState, facts: Sequence[Fact], broken: tuple[int, str] | None
    ) -> None:
        """Apply what can be applied, move the position, park the view if something could not."""
        view = self._views[state.name]
        wanted = [fact for fact in facts if fact.type in view.types]
        failure = self._apply(tx, view, state.suffix, wanted) or broken
        reached = facts[-1].position if facts else state.position
        if failure is not None:
            reached = failure[0] - 1
        if reached != state.position and not advance(tx, state.suffix, state.position, reached):
            raise Conflict("condition_failed", view=state.name)
        if failure is not None:
            tx.run(
                "UPDATE tracking SET failed_at = ?, error = ? WHERE suffix = ?",
                (*failure, state.suffix),
            )

    def _apply(self, tx: Tx, view: View, v: str, facts: Sequence[Fact]) -> tuple[int, str] | None:
        """Apply facts; on failure halve them until the one is found. Return it and the error."""
        if not facts:
            return None
        try:
            with tx.savepoint():
                view.apply(tx, v, facts)
        except Exception as error:
            if self._store.is_down(error):
                raise
            if len(facts) == 1:
                return facts[0].position, _error_name(error)
            half = len(facts) // 2
            return self._apply(tx, view, v, facts[:half]) or self._apply(tx, view, v, facts[half:])
        return None

    # ── generations ──────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        """Create what is missing, give parked views another try, let a fresh log's views serve."""
        with self._store.writing() as tx:
            tx.run("UPDATE tracking SET failed_at = NULL, error = NULL WHERE error IS NOT NULL")
            known = states(tx)
            for view in self._views.values():
                mine = [s for s in known if (s.name, s.version) == (view.name, view.version)]
                for state in known:
                    stale = state.name == view.name and state.version != view.version
                    if stale and state.state == "building":
                        self._drop(tx, state)
                if not any(s.state != "old" for s in mine):
                    generation = max((s.generation for s in mine), default=0)
                    self._create(tx, view, generation + 1)
        self._flip(self._log.head())

    def _create(self, tx: Tx, view: View, generation: int) -> None:
        v = f"{view.name}_{view.version}_{generation}"
        for table in view.tables():
            tx.run(self._store.ddl(table, v))
        tx.run(
            "INSERT INTO tracking (suffix, position, name, version, generation, state)"
            " VALUES (?, 0, ?, ?, ?, 'building')",
            (v, view.name, view.version, generation),
        )

    def _flip(self, head: int) -> None:
        """Let each new generation serve that has come as far as the one it replaces.

        Where none is replaced, or that one goes no further, it must have come to `head`, the log's
        end when the step began: with the end of now a busy log would never let it serve.
        """
        with self._store.reading() as reader:
            known = states(reader)
        mine = self._mine(known)
        for state in mine:
            if state.state != "building":
                continue
            ahead = [s.position for s in mine if s.name == state.name and s.state == "active"]
            if state.position >= (ahead[0] if ahead else head):
                self._flip_one(state)

    def _flip_one(self, state: ViewState) -> None:
        view = self._views[state.name]
        with self._store.writing() as tx:
            for index in view.indexes() if isinstance(view, Indexed) else ():
                tx.run(self._store.ddl(index, state.suffix))
            tx.run(
                "UPDATE tracking SET state = 'old' WHERE name = ? AND state = 'active'",
                (state.name,),
            )
            tx.run("UPDATE tracking SET state = 'active' WHERE suffix = ?", (state.suffix,))

    def _drop_old(self, old: Sequence[ViewState]) -> None:
        """Drop generations that were replaced long enough ago for every reader to have left."""
        now = monotonic()
        for state in old:
            if now - self._old_since.setdefault(state.suffix, now) >= self._grace:
                with self._store.writing() as tx:
                    self._drop(tx, state)
                del self._old_since[state.suffix]

    def _drop(self, tx: Tx, state: ViewState) -> None:
        for table in tables_of(self._store, tx, state.suffix):
            tx.run(f"DROP TABLE {table}")
        tx.run("DELETE FROM tracking WHERE suffix = ?", (state.suffix,))


def _error_name(error: Exception) -> str:
    """Name an error without its text, which may hold personal values."""
    return error.code if isinstance(error, DomainError) else type(error).__name__

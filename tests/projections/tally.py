"""The plainest view there can be: it counts facts by type. Doubled or lost facts show at once."""

from collections.abc import Sequence

from domain.log.codec import Fact
from projections.storage import Tx


class Tally:
    """Counts facts by type; fails on those whose position is in `bad`."""

    version = 1

    def __init__(self, name: str = "tally", bad: frozenset[int] = frozenset()) -> None:
        self.name = name
        self.bad = bad
        self.types = frozenset({"contact.logged/1", "log.clock_stepped_back/1"})
        self.pages: list[int] = []

    def tables(self) -> tuple[str, ...]:
        return ("CREATE TABLE tally_{v} (type {text} PRIMARY KEY, count {bigint}) {clustered}",)

    def indexes(self) -> tuple[str, ...]:
        return ("CREATE INDEX tally_count_{v} ON tally_{v} (count)",)

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        self.pages.append(len(facts))
        for fact in facts:
            if not tx.run(f"UPDATE tally_{v} SET count = count + 1 WHERE type = ?", (fact.type,)):
                tx.run(f"INSERT INTO tally_{v} VALUES (?, 1)", (fact.type,))
            if fact.position in self.bad:
                raise ValueError("Kim Larsen stands in this text")

"""What the timeline takes from the registers: every step of every record that concerned a party.

One range of one index for each register, within the asker's sight: both the record as it is now and
the version that a step made must be seen.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from domain.access import Sight
from domain.registers import REGISTERS
from projections.contact_rows import LEVELS
from projections.finality import levels_seen
from projections.naming import placeholders
from projections.register_rows import PARTY
from projections.storage import Reader
from projections.timeline_doors import Entry, Key

NAMES: Final = tuple(REGISTERS)
"""The views that are asked: one for each register."""
_LAST_DAY: Final = "9999-12-31"


def records_of(
    reader: Reader,
    vs: Mapping[str, str],
    at: int,
    day: str | None,
    sight: Sight,
    party: str,
    days: tuple[str, str],
    limit: int,
    after: Key | None,
) -> list[list[Entry]]:
    """Return, for each register, the newest steps of records that concerned a party."""
    last = min(day or _LAST_DAY, days[1])
    return [
        _of_register(reader, name, vs[name], at, sight, party, (days[0], last), limit, after)
        for name in NAMES
    ]


def _of_register(
    reader: Reader,
    name: str,
    v: str,
    at: int,
    sight: Sight,
    party: str,
    days: tuple[str, str],
    limit: int,
    after: Key | None,
) -> list[Entry]:
    levels = sorted({LEVELS[level] for level in levels_seen(sight)})
    seen = f"IN ({placeholders(len(levels))})"
    where = [f"r.level {seen}", f"c.level {seen}", "t.from_position <= ?"]
    params: list[object] = [*levels, *levels, at]
    if sight.parties is not None:
        own = sorted(sight.parties)
        where.append(
            f"EXISTS (SELECT 1 FROM record_term_{v} s WHERE s.kind = '{PARTY}' AND s.value IN"
            f" ({placeholders(len(own)) or 'NULL'}) AND s.from_position = r.from_position)"
        )
        params += own
    if sight.kle is not None:
        parts = " OR ".join("s.value >= ? AND s.value < ?" for _ in sight.kle) or "1=0"
        where.append(
            f"EXISTS (SELECT 1 FROM record_term_{v} s WHERE s.kind = 'kle' AND ({parts})"
            " AND s.from_position = r.from_position)"
        )
        params += [bound for start in sight.kle for bound in (start, f"{start}\U0010ffff")]
    if after is not None:
        where.append("(t.happened, t.from_position) < (?, ?)")
        params += after
    step = "step" if sight.assessment else "step_outside"
    rows = reader.all(
        f"SELECT t.happened, t.from_position, r.record_id, r.{step} FROM record_term_{v} t"
        f" CROSS JOIN record_{v} r CROSS JOIN record_{v} c"
        f" WHERE t.kind = '{PARTY}' AND t.value = ? AND t.happened >= ? AND t.happened <= ?"
        " AND r.from_position = t.from_position AND c.record_id = r.record_id"
        f" AND c.from_position <= ? AND c.to_position > ? AND {' AND '.join(where)}"
        " ORDER BY t.happened DESC, t.from_position DESC LIMIT ?",
        (party, *days, at, at, *params, limit),
    )
    return [
        Entry((row[0], row[1]), (party,), _body(name, str(row[2]), bytes(row[3]))) for row in rows
    ]


def _body(name: str, record_id: str, step: bytes) -> bytes:
    about = {"register": name, "id": record_id}
    return b'"record":%b,"step":%b' % (orjson.dumps(about), step)

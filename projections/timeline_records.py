"""What the timeline takes from the registers: every step of every record that concerned a party.

One range of one index for each register, within the asker's sight: both the version that a step
made (`n`) and the record as it is (`r` in its span `s`) must be seen.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from domain.access import Sight
from domain.registers import REGISTERS
from projections.contact_rows import LEVELS
from projections.finality import levels_seen
from projections.naming import placeholders
from projections.register_days import VALID, valid_at
from projections.register_rows import PARTY
from projections.registers import chain_of
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
    within = (days[0], last)
    return [
        _of_register(reader, name, vs[name], at, day, sight, party, within, limit, after)
        for name in NAMES
    ]


def _of_register(
    reader: Reader,
    name: str,
    v: str,
    at: int,
    day: str | None,
    sight: Sight,
    party: str,
    days: tuple[str, str],
    limit: int,
    after: Key | None,
) -> list[Entry]:
    levels = sorted({LEVELS[level] for level in levels_seen(sight)})
    seen = f"IN ({placeholders(len(levels))})"
    where = [f"n.level {seen}", f"r.level {seen}", "t.part = 0", "t.from_position <= ?"]
    params: list[object] = [*levels, *levels, at]
    if sight.parties is not None:
        own = sorted(sight.parties)
        where.append(
            f"EXISTS (SELECT 1 FROM record_term_{v} u WHERE u.kind = '{PARTY}' AND u.value IN"
            f" ({placeholders(len(own)) or 'NULL'}) AND u.from_position = n.from_position"
            " AND u.part = 0)"
        )
        params += own
    if sight.kle is not None:
        parts = " OR ".join("u.value >= ? AND u.value < ?" for _ in sight.kle) or "1=0"
        where.append(
            f"EXISTS (SELECT 1 FROM record_term_{v} u WHERE u.kind = 'kle' AND ({parts})"
            " AND u.from_position = n.from_position AND u.part = 0)"
        )
        params += [bound for start in sight.kle for bound in (start, f"{start}\U0010ffff")]
    if after is not None:
        where.append("(t.happened, t.from_position) < (?, ?)")
        params += after
    step = "step" if sight.assessment else "step_outside"
    rows = reader.all(
        f"SELECT t.happened, t.from_position, n.record_id, n.{step} FROM record_term_{v} t"
        f" CROSS JOIN record_{v} n CROSS JOIN record_{v} r CROSS JOIN record_span_{v} s"
        f" WHERE t.kind = '{PARTY}' AND t.value = ? AND t.happened >= ? AND t.happened <= ?"
        " AND n.from_position = t.from_position AND n.part = 0 AND r.record_id = n.record_id"
        f" AND {VALID} AND {' AND '.join(where)}"
        " ORDER BY t.happened DESC, t.from_position DESC LIMIT ?",
        (party, *days, *valid_at(chain_of(sight), at, day), *params, limit),
    )
    return [
        Entry((row[0], row[1]), (party,), _body(name, str(row[2]), bytes(row[3]))) for row in rows
    ]


def _body(name: str, record_id: str, step: bytes) -> bytes:
    about = {"register": name, "id": record_id}
    return b'"record":%b,"step":%b' % (orjson.dumps(about), step)

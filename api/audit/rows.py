"""Examines the rows of the log, a page at a time: fast while all is well, exact when it is not.

A page goes column by column through C code. Only a page in which something does not fit is gone
through row by row, and only there faults get their names.
"""

from binascii import a2b_base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import le
from typing import Any, Final

import orjson

from api.audit.evidence import (
    CLASSES,
    COLUMNS,
    LEAF,
    Explainer,
    Row,
    class_faults,
    is_leaf_itself,
    leaf_of,
    with_classes,
)
from api.audit.faults import Fault, Findings
from api.audit.jsontext import json_fault
from api.audit.seal import Seal
from domain.errors import Broken
from domain.log.leaf import body_hash, leaf_hash
from domain.log.merkle import HASH_BYTES
from domain.registry import EVENTS

CLOCK_STEP: Final = "log.clock_stepped_back/1"
"""The one event that may be older than the row before it."""
EVENT_ID_BYTES: Final = 16
SEALED_BYTES_MIN: Final = 12 + 16
"""Nonce and authentication tag of an empty value."""
TYPES: Final = frozenset(EVENTS)
_SEALED: Final[Mapping[str, tuple[tuple[str, ...], str | None]]] = {
    name: (kind.sealed, kind.sealed_people)
    for name, kind in EVENTS.items()
    if kind.sealed or kind.sealed_people
}
_CLASS_SETS: Final = tuple(frozenset(allowed) for allowed in CLASSES)
_TYPE, _TAGS, _METADATA, _DATA, _KEY_HASH = 3, 4, 5, 6, 9

_loads, _dumps = orjson.loads, orjson.dumps


class Rows:
    """The state of one pass over the log: what is expected next, and sums to compare with."""

    def __init__(
        self,
        findings: Findings,
        seal: Seal,
        *,
        explained_max: int,
        on_keys: Callable[[list[int]], None] | None = None,
    ) -> None:
        """`on_keys` is told the numbers of the keys that the values of a page are sealed with."""
        self._findings = findings
        self._seal = seal
        self._explainer = Explainer(TYPES, explained_max)
        self._on_keys = on_keys
        self._expected = 1
        self._last_time = 0
        self.count = 0
        self.types: Counter[str] = Counter()
        self.tag_count = 0
        """Different tags of all events: as many rows the index must have."""

    @property
    def head(self) -> int:
        """The last position that was seen."""
        return self._expected - 1

    def page(self, rows: Sequence[Row]) -> None:
        """Examine rows that follow those before, in order of position."""
        if not rows:
            return
        leaves = self._clean(rows)
        if leaves is not None:
            self._seal.grow(leaves)
            self.count += len(rows)
        else:
            for row in rows:
                self._one(row)

    # ── the page in which all is well ────────────────────────────────────────────────────────────

    def _clean(self, rows: Sequence[Row]) -> list[bytes] | None:
        """Return the page's leaves, or None when anything at all needs a closer look."""
        columns = tuple(zip(*rows, strict=True))
        positions, times = columns[0], columns[1]
        if positions != tuple(range(self._expected, self._expected + len(rows))):
            return None
        if any(not set(map(type, c)) <= s for c, s in zip(columns, _CLASS_SETS, strict=True)):
            return None
        if times[0] < self._last_time or not all(map(le, times, times[1:])):
            return None
        if set(map(len, columns[2])) != {EVENT_ID_BYTES}:
            return None
        if not {len(key) for key in columns[_KEY_HASH] if key is not None} <= {HASH_BYTES}:
            return None
        try:
            leaves = list(map(leaf_hash, positions, times, map(body_hash, *columns[2:LEAF])))
        except Broken:
            return None
        if leaves != list(columns[LEAF]):
            return None
        if not TYPES.issuperset(columns[_TYPE]) or not self._clean_content(columns):
            return None
        self._expected += len(rows)
        self._last_time = times[-1]
        self.types.update(columns[_TYPE])
        return leaves

    def _clean_content(self, columns: tuple[tuple[Any, ...], ...]) -> bool:
        """Tell whether all JSON is as our own writer writes it, which nothing doubled or added is.

        Other spellings are honest too: the closer look then finds nothing. Each document is let go
        before the next is read, or the garbage collector would walk them all.
        """
        numbers: list[int] = []
        count = 0
        content = (columns[_TYPE], columns[_TAGS], columns[_METADATA], columns[_DATA])
        try:
            for kind, tags_text, metadata, data in zip(*content, strict=True):
                document = _loads(data)
                if _dumps(document) != data or _dumps(_loads(metadata)) != metadata:
                    return False
                tags = _loads(tags_text)
                if tags and (
                    '["' + '","'.join(tags) + '"]' != tags_text or tags != sorted(set(tags))
                ):
                    return False
                count += len(tags)
                if kind in _SEALED and not _is_sealed(kind, document, numbers):
                    return False
        except (ValueError, TypeError, AttributeError, LookupError):
            return False
        self.tag_count += count
        if self._on_keys is not None and numbers:
            self._on_keys(numbers)
        return True

    # ── the row that is looked at closely ────────────────────────────────────────────────────────

    def _one(self, row: Row) -> None:
        position = row[0]
        if position < 1:
            self._findings.add(Fault("position_invalid", position))
            return
        if position < self._expected:
            self._findings.add(Fault("store_damaged", position, None, "read out of order"))
            return
        if position > self._expected:
            self._findings.add(Fault("missing", self._expected, None, "", position - 1))
            self._seal.lose(self._expected)
        self._expected = position + 1
        self.count += 1
        faults = list(class_faults(row))
        for fault in faults:
            self._findings.add(fault)
        self._judge_leaf(row, mended=with_classes(row) if faults else row)
        self._judge_time(row)
        self._judge_content(row)

    def _judge_leaf(self, row: Row, mended: Row) -> None:
        position, stored = row[0], row[LEAF]
        computed = leaf_of(row)
        if mended is not row and leaf_of(mended) == mended[LEAF]:
            # Only the class was changed, and that has its fault already.
            self._seal.grow([mended[LEAF]])
        elif computed is None:
            if mended is row:
                self._findings.add(Fault("row_changed", position))
            self._seal.lose(position)
        elif computed == stored:
            self._seal.grow([computed])
        elif is_leaf_itself(stored, computed):
            if mended is row:
                kind = "leaf_changed" if len(stored) == HASH_BYTES else "column_form"
                self._findings.add(Fault(kind, position, "leaf"))
            self._seal.grow([computed])
        elif mended is not row:
            self._findings.add(Fault("row_changed", position))
            self._seal.grow([stored])
        else:
            self._judge_doubt(row, computed)

    def _judge_doubt(self, row: Row, computed: bytes) -> None:
        explained = self._explainer.explain(row)
        if explained is None:
            self._seal.doubt(row[0], row[LEAF], computed)
            return
        self._findings.add(explained.fault)
        if explained.leaf is None:
            self._seal.lose(row[0])
        else:
            self._seal.grow([explained.leaf])

    def _judge_time(self, row: Row) -> None:
        time = row[1]
        if not isinstance(time, int):
            return
        if time < self._last_time and row[_TYPE] != CLOCK_STEP:
            self._findings.add(Fault("time_backwards", row[0], "recorded_at"))
        self._last_time = time

    def _judge_content(self, row: Row) -> None:
        position, kind = row[0], row[_TYPE]
        self.types[str(kind)] += 1
        for index, length in ((2, EVENT_ID_BYTES), (_KEY_HASH, HASH_BYTES)):
            if isinstance(row[index], bytes) and len(row[index]) != length:
                self._findings.add(Fault("column_form", position, COLUMNS[index]))
        is_known = kind in TYPES
        if is_known:
            self._judge_json(row)
        tags = _tags_of(row[_TAGS])
        if tags is None or (is_known and tags != sorted(set(tags))):
            self._findings.add(Fault("tags_form", position, "tags"))
        self.tag_count += len(set(tags or ()))

    def _judge_json(self, row: Row) -> None:
        for index in (_METADATA, _DATA):
            if isinstance(row[index], bytes):
                fault = json_fault(row[index])
                if fault is not None:
                    self._findings.add(Fault(fault, row[0], COLUMNS[index]))
        numbers: list[int] = []
        try:
            is_sealed = _is_sealed(row[_TYPE], _loads(row[_DATA]), numbers)
        except ValueError:
            return
        except (TypeError, AttributeError, LookupError):
            is_sealed = False
        if not is_sealed:
            self._findings.add(Fault("sealed_form", row[0], "data"))
        if self._on_keys is not None and numbers:
            self._on_keys(numbers)


def _tags_of(text: object) -> list[str] | None:
    if not isinstance(text, str):
        return None
    try:
        tags = _loads(text)
    except ValueError:
        return None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return None
    return tags


def tags_text_of(text: object) -> list[str]:
    """Return the tags of a column as a sorted list without doubles; none when it cannot be read."""
    return sorted(set(_tags_of(text) or ()))


def _is_sealed(kind: str, data: Any, numbers: list[int]) -> bool:
    """Tell whether every part that shall be sealed is; collect the numbers of the keys."""
    places = _SEALED.get(kind)
    if places is None:
        return True
    fields, people = places
    parts = [data[name] for name in fields]
    if people is not None:
        parts += [person["details"] for person in data[people] or ()]
    for part in parts:
        if part is None:
            continue
        number = part["key"]
        if type(number) is not int or number < 1 or len(part) != 2:  # noqa: PLR2004 key, sealed
            return False
        if len(a2b_base64(part["sealed"], strict_mode=True)) < SEALED_BYTES_MIN:
            return False
        numbers.append(number)
    return True

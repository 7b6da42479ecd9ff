"""The dated rules of the entry point as rows: service targets, calendars, routing rules.

Few rows that are asked for with every enquiry: one JSON document per version, read whole. What is
in force on a day is the domain's question (domain/service_targets.py); here it is only remembered.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson

from domain import service_targets
from domain.calendar import PROFILES, Profile, WorkingCalendar
from domain.log.codec import Fact
from domain.registry import Json
from domain.routing import RoutingRuleAdopted
from domain.service_targets import (
    STANDARD,
    STANDARD_CALENDARS,
    ServiceTargetSet,
    WorkingDaysDefined,
)
from domain.values import Value
from projections.contact_body import time_text
from projections.storage import OPEN, Reader, Tx

TARGET: Final = "target"
DAYS: Final = "days"
ROUTING: Final = "routing"

_OPENING: Final = {
    "service_target.set/1": (TARGET, "target_id"),
    "routing_rule.adopted/1": (ROUTING, "rule_id"),
}
_ENDING: Final = {
    "service_target.ended/1": (TARGET, "target_id"),
    "routing_rule.withdrawn/1": (ROUTING, "rule_id"),
}
_DEFINED: Final = "working_days.defined/1"
_HEAD: Final = ("id", "version", "position", "recorded_at", "changed_at", "reason")
"""Members that the view adds to what the event says."""

Model = TypeVar("Model", bound=Value)


class RulesView:
    """Service targets, calendars and routing rules: one row per version of each."""

    name = "rules"
    version = 1
    types = frozenset({*_OPENING, *_ENDING, _DEFINED})

    def tables(self) -> tuple[str, ...]:
        """Return the DDL."""
        return (
            (
                "CREATE TABLE rule_{v} (kind {text} NOT NULL, rule_id {text} NOT NULL,"
                " from_position {bigint} NOT NULL, to_position {bigint} NOT NULL,"
                " body {blob} NOT NULL, PRIMARY KEY (kind, rule_id, from_position))"
            ),
        )

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Write each fact as the rule's next version."""
        for fact in facts:
            kind, rule_id = _about(fact)
            before = _newest(tx, v, kind, rule_id)
            tx.run(
                f"UPDATE rule_{v} SET to_position=? WHERE kind=? AND rule_id=? AND to_position=?",
                (fact.position, kind, rule_id, OPEN),
            )
            body = orjson.dumps(_after(before, rule_id, fact))
            tx.run(
                f"INSERT INTO rule_{v} VALUES (?,?,?,?,?)",
                (kind, rule_id, fact.position, OPEN, body),
            )


VIEW: Final = RulesView()


def _about(fact: Fact) -> tuple[str, str]:
    if fact.type == _DEFINED:
        return DAYS, str(fact.data["profile"]["code"])
    kind, field = (_OPENING | _ENDING)[fact.type]
    return kind, fact.data[field]


def _newest(tx: Tx, v: str, kind: str, rule_id: str) -> Json | None:
    row = tx.one(
        f"SELECT body FROM rule_{v} WHERE kind=? AND rule_id=? AND to_position=?",
        (kind, rule_id, OPEN),
    )
    if row is None:
        return None
    found: Json = orjson.loads(row[0])
    return found


def _after(before: Json | None, rule_id: str, fact: Fact) -> Json:
    """Return the rule after a fact; an end without a beginning, which nobody records, is kept."""
    when = time_text(fact.recorded_at)
    head: Json = {
        "id": rule_id,
        "version": (before["version"] if before else 0) + 1,
        "position": fact.position,
        "recorded_at": before["recorded_at"] if before else when,
        "changed_at": when,
        "reason": None,
    }
    if fact.type in _ENDING:
        ended = {"valid_to": fact.data["valid_to"], "reason": fact.data["reason"]}
        return {**(before or {}), **head, **ended}
    if fact.type == _DEFINED:
        return {**head, **fact.data["profile"]}
    said = {key: value for key, value in fact.data.items() if not key.endswith("_id")}
    return head | said


# ── for decisions ────────────────────────────────────────────────────────────────────────────────


def targets(reader: Reader, v: str, at: int) -> tuple[ServiceTargetSet, ...]:
    """Return the service targets that were set, as known at `at`; the standard ones are not."""
    return tuple(_events(ServiceTargetSet, "target_id", documents(reader, v, at, TARGET)))


def rules(reader: Reader, v: str, at: int) -> tuple[RoutingRuleAdopted, ...]:
    """Return the routing rules as known at `at`, withdrawn ones with the day they ended."""
    return tuple(_events(RoutingRuleAdopted, "rule_id", documents(reader, v, at, ROUTING)))


def calendars(reader: Reader, v: str, at: int) -> dict[str, WorkingCalendar]:
    """Return every calendar by its code: those that come with the program, and those defined."""
    docs = documents(reader, v, at, DAYS)
    return {**STANDARD_CALENDARS, **{doc["id"]: WorkingCalendar(_profile(doc)) for doc in docs}}


def profiles(reader: Reader, v: str, at: int) -> dict[str, Profile]:
    """Return every profile of working days by its code, the program's own first."""
    own = {doc["id"]: _profile(doc) for doc in documents(reader, v, at, DAYS)}
    return {**PROFILES, **own}


def _profile(doc: Json) -> Profile:
    said = {key: value for key, value in doc.items() if key not in _HEAD}
    return WorkingDaysDefined.model_validate({"profile": said}, strict=False).profile


def _events(model: type[Model], id_field: str, docs: Iterable[Json]) -> Iterable[Model]:
    """Return documents as the events they would be if they had been recorded as they are now."""
    for doc in docs:
        said = {key: value for key, value in doc.items() if key not in _HEAD}
        yield model.model_validate({**said, id_field: doc["id"]}, strict=False)


# ── to be shown ──────────────────────────────────────────────────────────────────────────────────


def documents(reader: Reader, v: str, at: int, kind: str) -> list[Json]:
    """Return the documents of one kind as known at `at`, in the order they were first recorded."""
    rows = reader.all(
        f"SELECT body FROM rule_{v} WHERE kind=? AND from_position<=? AND to_position>?",
        (kind, at, at),
    )
    docs: list[Json] = [orjson.loads(row[0]) for row in rows]
    return sorted(docs, key=lambda doc: (doc["recorded_at"], doc["id"]))


def target_list(reader: Reader, v: str, at: int, day: str) -> list[Json]:
    """Return all service targets, the newest of each code first; the standard ones as such.

    `in_force` says whether it is one of those that count on `day`.
    """
    told = targets(reader, v, at)
    holding = {target.target_id for target in service_targets.in_force(told, day)}
    shown = [doc | {"standard": False} for doc in documents(reader, v, at, TARGET)]
    shown += [_standard(target) for target in STANDARD]
    for doc in shown:
        doc["in_force"] = doc["id"] in holding
    return sorted(
        shown,
        key=lambda doc: (doc["code"], doc["standard"], _backwards(doc["valid_from"]), doc["id"]),
    )


def _standard(target: ServiceTargetSet) -> Json:
    said = target.model_dump(mode="json")
    said.pop("target_id")
    unrecorded: Json = dict.fromkeys(_HEAD)
    return unrecorded | {"id": target.target_id, "version": 1, **said, "standard": True}


def rule_list(reader: Reader, v: str, at: int, day: str) -> list[Json]:
    """Return all routing rules in the order they are looked at: the highest priority first."""
    shown = documents(reader, v, at, ROUTING)
    for doc in shown:
        doc["in_force"] = _holds(doc, day)
    return sorted(shown, key=lambda doc: (-doc["priority"], doc["name"], doc["id"]))


def profile_list(reader: Reader, v: str, at: int) -> list[Json]:
    """Return every profile of working days, the program's own first."""
    recorded = {doc["id"]: doc for doc in documents(reader, v, at, DAYS)}
    return [
        {
            **{name: recorded.get(code, {}).get(name) for name in _HEAD if name != "reason"},
            "id": code,
            "version": recorded.get(code, {}).get("version", 1),
            **profile.model_dump(mode="json"),
            "standard": code not in recorded,
        }
        for code, profile in profiles(reader, v, at).items()
    ]


def found(docs: Iterable[Mapping[str, Any]], rule_id: str) -> Mapping[str, Any] | None:
    """Return the document with this id, None when there is none."""
    return next((doc for doc in docs if doc["id"] == rule_id), None)


def _holds(doc: Json, day: str) -> bool:
    return bool(doc["valid_from"] <= day and (doc["valid_to"] is None or day < doc["valid_to"]))


def _backwards(day: str) -> int:
    return -int(day.replace("-", ""))

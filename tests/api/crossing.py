"""What belongs to somebody else, and what an application looks at to answer: for tests of leaks."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from api.main import Services
from domain.access import Role
from domain.registers import REGISTERS
from tests.api.builders import Api, Json, contact, running, settings_in, with_parties
from tests.api.entry_point import enquiry, party_id

CANARY = "kanariefugl"
"""Stands in every text of what is hidden, and nowhere else."""
UNKNOWN = "0192f3a0-7c00-7abc-8def-001122334455"


SCOPED: Final = (
    "organisation",
    "officer of an organisation",
    "officer of a unit",
    "officer of a topic",
)
HIDDEN_FROM: Final = [
    *(("open", who) for who in SCOPED),
    *(("internal", who) for who in (*SCOPED, "councillor")),
    *(("restricted", who) for who in (*SCOPED, "councillor", "integration")),
]
"""Level of what is hidden, and who does not see it."""


@dataclass
class Stage:
    """Two organisations, two administrations, and what AAB and ØKF have with each other."""

    api: Api
    kab: str
    aab: str
    tmf: str
    okf: str
    level: str
    hidden: dict[str, str] = field(default_factory=dict)
    """By name of the path's part: the id of something that is none of KAB's and TMF's business."""
    position: int = 0

    def viewers(self) -> dict[str, Api]:
        """Those to whom all of it is hidden; the last two only by its level."""
        return {
            "organisation": self.api.as_role(Role.ORGANISATION, f"party:{self.kab}"),
            "officer of an organisation": self.api.as_role(Role.CASE_OFFICER, f"party:{self.kab}"),
            "officer of a unit": self.api.as_role(Role.ENTRY_DESK, f"unit:{self.tmf}"),
            "officer of a topic": self.api.as_role(Role.MANAGER, "kle:27.03"),
            "councillor": self.api.as_role(Role.COUNCILLOR),
            "integration": self.api.as_role(Role.INTEGRATION),
        }


def secret_contact(level: str = "restricted", **more: Any) -> Json:
    return contact(
        administrations=["ØKF"],
        organisations=["AAB"],
        subject=f"{CANARY} emne",
        facts=f"{CANARY} fakta",
        assessment=f"{CANARY} vurdering",
        place=f"{CANARY} sted",
        participants=[{"name": f"Kim {CANARY}", "role": CANARY, "party": "AAB"}],
        topics=[CANARY],
        kle=["85.02"],
        case_numbers=[f"{CANARY}-1"],
        document_numbers=[f"{CANARY}-2"],
        commitments=[{"text": CANARY, "by": "AAB"}],
        source={"system": CANARY, "id": "1"},
        confidentiality=level,
        **more,
    )


def staged(api: Api, level: str) -> Stage:
    """Something of everything that has an id, hidden; and of KAB and TMF, seen.

    What is hidden has this level: `open` is hidden by parties and topics alone.
    """
    ids = {key: party_id(api, key) for key in ("KAB", "AAB", "TMF", "ØKF")}
    stage = Stage(api, ids["KAB"], ids["AAB"], ids["TMF"], ids["ØKF"], level)
    key = {"Idempotency-Key": "of-the-owner"}
    made = taken(api.post("/v1/contacts", secret_contact(level), headers=key))
    path = f"/v1/contacts/{made['id']}"
    link = {"kind": "case", "target": f"{CANARY}-3", "reason": CANARY}
    linked = taken(api.post(f"{path}/links", link, headers={"If-Match": "*"}))
    change = {"reason": f"{CANARY} grund", "facts": f"{CANARY} rettet"}
    taken(api.post(f"{path}/corrections", change, headers={"If-Match": "*"}))
    received = taken(
        api.post(
            "/v1/enquiries",
            enquiry(
                sender="AAB",
                administrations=["ØKF"],
                subject=f"{CANARY} henvendelse",
                facts=CANARY,
                topics=[CANARY],
                kle=["85.02"],
                confidentiality=level,
            ),
        )
    )
    account = taken(
        api.post(
            "/v1/direct-contact/refusals",
            {
                "administration": "ØKF",
                "organisation": "AAB",
                "medium": "phone",
                "occurred": "2010-03-04",
                "told": f"{CANARY} fortalt",
                "reason": CANARY,
                "confidentiality": level,
            },
        )
    )
    stage.hidden = {
        "contact_id": made["id"],
        "link_id": linked["links"][0]["link_id"],
        "enquiry_id": received["id"],
        "account_id": account["id"],
        **hidden_records(api, level),
    }
    stage.position = taken(
        api.post("/v1/contacts", contact(subject="Åben", kle=["27.03.04"], confidentiality="open"))
    )["position"]
    return stage


_HIDDEN_RECORDS: Final[dict[str, Json]] = {
    "forums": {"forum": "ØKF", "purpose": CANARY, "chairs": [{"holder": "ØKF", "option": True}]},
    "meetings": {"title": CANARY, "forums": ["ØKF"], "planned": "2010-02-22", "invited": ["AAB"]},
    "positions": {
        "holder": "AAB",
        "stance": "concern",
        "about": CANARY,
        "conditions": [{"words": CANARY}],
    },
    "documents": {"kind": "briefing_note", "title": CANARY, "authors": ["ØKF"]},
    "efforts": {"topic": CANARY, "audiences": [{"party": "AAB", "kind": "organisation"}]},
    "commitments": {"by": "ØKF", "to": ["AAB"], "promised": CANARY},
    "followups": {"owner": "ØKF", "concerns": ["AAB"], "what": CANARY},
    "agreements": {"title": CANARY, "parties": ["ØKF", "AAB"]},
    "dialogues": {
        "organisation": "AAB",
        "administration": "ØKF",
        "year": 2010,
        "package": CANARY,
        "received": True,
    },
    "criteria": {"name": CANARY},
}
"""A record of each register that is between ØKF and AAB alone."""


def hidden_records(api: Api, level: str) -> dict[str, str]:
    """One hidden record of each register, by the name its id has in paths."""
    made = {}
    for name, register in REGISTERS.items():
        body = _HIDDEN_RECORDS[name] | {"confidentiality": level}
        made[register.id_field] = str(taken(api.post(f"/v1/{name}", body))["id"])
    return made


def taken(answer: Any) -> Json:
    assert answer.is_success, answer.text
    body: Json = answer.json()
    return body


class Stages:
    """One application for each level, made when it is first asked for."""

    def __init__(self, folder: Path, doors: ExitStack) -> None:
        self._folder, self._doors = folder, doors
        self._made: dict[str, Stage] = {}

    def of(self, level: str) -> Stage:
        if level not in self._made:
            place = self._folder / level
            place.mkdir()
            api = self._doors.enter_context(running(settings_in(place)))
            self._made[level] = staged(with_parties(api), level)
        return self._made[level]


# ── what an answer tells, and what was looked at for it ──────────────────────────────────────────

_OWN_HEADERS = ("x-request-id", "date", "ratelimit", "x-ratelimit", "retry-after")


def told(answer: Any) -> tuple[int, str, dict[str, str]]:
    """Everything a caller can tell two answers apart by, but the request's own id."""
    body = re.sub(r'"request_id":"[^"]*"', "", answer.text)
    headers = {k: v for k, v in answer.headers.items() if not k.startswith(_OWN_HEADERS)}
    headers.pop("content-length", None)
    return answer.status_code, body, headers


_BESIDES: Final = ("generation", "FROM api_key_")
"""Where the views stand, when one has moved on; and who asks, which is remembered for a moment."""


class _Counting:
    """A reader that counts the questions put to it."""

    def __init__(self, reader: Any, looks: list[str]) -> None:
        self._reader, self._looks = reader, looks

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._reader, name)
        if name not in {"one", "all", "each"}:
            return found

        def counted(sql: str, *more: Any) -> Any:
            if not any(word in sql for word in _BESIDES):
                self._looks.append(f"views: {sql[:60]}")
            return found(sql, *more)

        return counted


FOLLOWING: Final = frozenset({"views", "sealer", "policy"})
"""Threads of the application that answer nobody."""
LOG_LOOKS = ("matching", "rows", "row_of", "row_of_key", "position_at", "checkpoint", "leaves")


@contextmanager
def looking(services: Services, monkeypatch: Any) -> Iterator[list[str]]:
    """Every question put to views, log and keys while it lasts."""
    looks: list[str] = []
    services.directory.forget()  # else what keys mean is looked up or not, as time has passed
    with monkeypatch.context() as patch:
        reading = services.store.reading

        @contextmanager
        def counted_reading() -> Iterator[Any]:
            with reading() as reader:
                yield reader if _follows() else _Counting(reader, looks)

        patch.setattr(services.store, "reading", counted_reading)
        for name in LOG_LOOKS:
            patch.setattr(services.log, name, _noting(looks, name, getattr(services.log, name)))
        table = services.keys._table
        patch.setattr(table, "find", _noting(looks, "keys", table.find))
        yield looks


def _follows() -> bool:
    """Whether a follower looks: they do when they like, and nobody asked them."""
    return threading.current_thread().name in FOLLOWING


def _noting(looks: list[str], name: str, call: Any) -> Any:
    def noted(*given: Any, **more: Any) -> Any:
        if not _follows():
            looks.append(name)
        return call(*given, **more)

    return noted


def numbered(answer: Any) -> Any:
    """An answer without what each record has of its own: ids, positions, versions, times."""
    status, body, headers = told(answer)
    body = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", body)
    body = re.sub(r'"(position|version)":\d+', "", body)
    body = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", body)
    own = {"location", "link", "kontaktlog-position", "etag"}
    return status, body, {k: v for k, v in headers.items() if k not in own}

"""One play for two stores: every step of every register by script, and every question about it.

What is played and asked follows from the table of registers; ids, random in each store, are told by
the order in which they appeared, so that answers of two stores can be laid beside each other.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from starlette.testclient import TestClient

from api.http.app import create_app
from api.main import Services, open_services
from api.record_policies import Watch
from api.settings import Settings
from domain.access import Role
from domain.registers import REGISTERS, Register
from domain.storage import clock
from projections.registry import VIEWS
from projections.runner import Runner
from tests.api.builders import WAIT_SECONDS, Api, Json, desk_of, with_parties
from tests.api.entry_point import party_id
from tests.api.record_stage import ANY, BEFORE, fitting, seat

NAMES: Final = ("Ærø Boliger", "øens boliger", "Ålykke", "aalykke", "Abildgård", "Zenit", "Øster")
"""Organisations whose order tells one way of sorting letters from another."""
MERGED, ABROAD, HOME = "Øster", "Ærø Boliger", "KAB"
DAYS: Final = ("2010-02-22", "2010-02-22", "2010-02-24", "2010-03-01")
"""When things happened: equal days, so that an order must be made by something else."""
EVES: Final = ("2030-06-10T12:00:00+00:00", "2099-01-02T12:00:00+00:00")
"""When policies look: shortly before the days of the examples, and long after most."""
FIRST_YEAR: Final = 2000
MET_IN: Final = "2011"
"""The year of the first dialogue that comes to a meeting."""
LEVELS: Final = ("open", "internal", "restricted")
MORE: Final[Mapping[str, tuple[Json, ...]]] = {
    "commitments": (
        {"topics": ["ældreboliger", "Økonomi"], "contact": "$contact", "meeting": "$meeting"},
        {"due": "2099-01-06"},
    ),
    "positions": (
        {"document": "$document", "meeting": "$meeting"},
        {"contact": "$contact", "conditions": [{"words": "Åbenhed før møder"}]},
    ),
    "documents": ({"case_numbers": ["2010-ÆØÅ"], "kle": ["27.03.04"]},),
    "efforts": ({"document": "$document"},),
    "meetings": (
        {"forum_records": ["$forum"], "planned": "2010-02-22T10:00:00+01:00"},
        {"planned": "2010-03"},
    ),
    "followups": (
        {"topics": ["ældreboliger"], "contact": "$contact"},
        {"meeting": "$meeting"},
        {"commitment": "$commitment"},
        {"due": "2099-01-06"},
    ),
}
"""What the examples leave out and a filter asks for; `$noun` is the first of that kind."""
_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|p-[0-9a-f]{32}"
    r"|\b[0-9a-f]{16}\b"
)
"""Of records, of persons (pseudonyms), of keys: the actors."""
_LABEL: Final = re.compile(r"<id \d+>")
_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T[\d:.]+Z)?|(\d{8})T\d{6}Z")
_HEAD: Final = frozenset({"position", "recorded_at", "changed_at"})


@dataclass
class Played:
    """A store after the play: what was made, who may ask, and the names that ids go by."""

    api: Api
    ids: dict[str, str] = field(default_factory=dict)
    """By label, in order of appearance."""
    labels: dict[str, str] = field(default_factory=dict)
    records: dict[str, tuple[Register, Json]] = field(default_factory=dict)
    """By label of the record: its register, and how it was last answered."""
    viewers: dict[str, Api] = field(default_factory=dict)
    parties: dict[str, str] = field(default_factory=dict)
    """Labels of parties by key."""
    first: dict[str, str] = field(default_factory=dict)
    """Id of the first record of each kind."""
    said: list[Any] = field(default_factory=list)
    """What policies said, look by look."""
    days: set[str] = field(default_factory=set)
    head: int = 0

    def noted(self, answer: Any) -> Json:
        """Take an answer that must be good, and give what is new in it a label."""
        assert answer.is_success, (str(answer.url), answer.text)
        for found in _ID.findall(answer.text):
            if found not in self.labels:
                label = f"<id {len(self.labels)}>"
                self.labels[found], self.ids[label] = label, found
        body: Json = answer.json()
        return body

    def told(self, text: str) -> str:
        """Return a text with labels for ids, and one word for every time of the play itself."""
        text = _ID.sub(lambda found: self.labels.get(found[0], "<id ?>"), text.replace("\r\n ", ""))
        text = _DAY.sub(self._moment, text)
        return re.sub(r'"next":"[^"]+"', '"next":"more"', text)

    def _moment(self, found: re.Match[str]) -> str:
        day = found[1] or f"{found[2][:4]}-{found[2][4:6]}-{found[2][6:]}"
        return "<now>" if day in self.days else found[0]

    def meant(self, text: str) -> str:
        """Return a text with this store's ids for labels."""
        return _LABEL.sub(lambda found: self.ids[found[0]], text)


@contextmanager
def following(settings: Settings) -> Iterator[Api]:
    """An application that follows its log and does nothing by itself: no policy, no checkpoint.

    What policies say stands in the script, so both stores come to the same positions.
    """
    services = open_services(settings, writer=True)
    stop = threading.Event()
    runner = Runner(services.log, services.codec, services.store, VIEWS)
    thread = threading.Thread(target=runner.run, args=(stop, services.views.notify))
    thread.start()
    try:
        with TestClient(create_app(services), raise_server_exceptions=False) as client:
            yield desk_of(services, client)
    finally:
        stop.set()
        thread.join()
        services.close()


# ── the play ─────────────────────────────────────────────────────────────────────────────────────


def play(api: Api) -> Played:
    """Play the whole script; the same in every store."""
    played = Played(with_parties(api))
    played.days.add(_today())
    _named(played, api)
    for name in NAMES:
        played.noted(api.post("/v1/parties", {"kind": "housing_organisation", "name": name}))
    for key in ("KAB", "AAB", "BL", "TMF", "ØKF", *NAMES):
        listed = api.get("/v1/parties", params={"key": key})
        played.parties[key] = played.labels[played.noted(listed)["items"][0]["id"]]
    forums_last = sorted(REGISTERS.values(), key=lambda each: each.noun == "forum")
    for number, register in enumerate(forums_last):  # whoever holds a seat decides who may chair
        _openings(played, register, number)
        _steps(played, register, number)
    _further(played)
    into = {"into": HOME, "reason": "Fusion"}
    played.noted(api.post(f"/v1/parties/{party_id(api, MERGED)}/merge", into))
    api.services.directory.forget()  # what keys mean is remembered for a moment
    played.viewers = _viewers(api)
    for viewer in played.viewers.values():
        _named(played, viewer)
    for eve in EVES:
        _policies(played, datetime.fromisoformat(eve))
    played.head = api.services.log.head()
    assert api.services.views.wait_for(played.head, WAIT_SECONDS)
    played.days.add(_today())
    _heard(played)
    return played


def _named(played: Played, viewer: Api) -> None:
    """Give a key a label: it is the actor of what it did."""
    played.labels.setdefault(viewer.token.split("_")[1], f"<key {len(played.labels)}>")


def _heard(played: Played) -> None:
    """Take over what policies made of the records; what a day adds to an answer is no fact."""
    for register in REGISTERS.values():
        listed = played.api.get(f"/v1/{register.name}", params={"limit": "500"})
        for item in played.noted(listed)["items"]:
            label = played.labels[item["id"]]
            before = played.records.get(label, (register, item))[1]
            now = item if register.judge is None else {**before, "status": item["status"]}
            played.records[label] = (register, now)


def _today() -> str:
    return clock.now().astimezone(UTC).date().isoformat()


def _opened(played: Played, register: Register, day: str, **more: Any) -> Json:
    body = {**register.open.example, **more}
    if "occurred" in register.open.command.model_fields:
        body.setdefault("occurred", day)
    if "year" in register.open.command.model_fields:  # one a year is all there may be
        body["year"] = FIRST_YEAR + sum(own is register for own, _ in played.records.values())
    record = played.noted(played.api.post(f"/v1/{register.name}", body))
    played.first.setdefault(register.noun, record["id"])
    return _kept(played, register, record)


def _kept(played: Played, register: Register, record: Json) -> Json:
    played.records[played.labels[record["id"]]] = (register, record)
    return record


def _openings(played: Played, register: Register, number: int) -> None:
    """Open the example at every level, for organisations at home, abroad and soon to be merged."""
    for key in (HOME, ABROAD, MERGED):
        example = json.dumps(dict(register.open.example), ensure_ascii=False)
        given = json.loads(example.replace(f'"{HOME}"', f'"{key}"'))
        for turn, level in enumerate(LEVELS):
            day = DAYS[(number + turn) % len(DAYS)]
            _opened(played, register, day, **given, confidentiality=level)


def _steps(played: Played, register: Register, number: int) -> None:
    """Take every step of the register: of an open record, and of one that is not."""
    for turn, (name, rule) in enumerate(register.steps.items()):
        for level in ("open", LEVELS[1 + turn % 2]):
            day = DAYS[(number + turn) % len(DAYS)]
            record = _opened(played, register, day, confidentiality=level)
            for before, body in BEFORE.get(rule.operation, ()):
                given = {k: seat(record) if v == "SEAT" else v for k, v in body.items()}
                given = given or dict(register.steps[before].example)
                record = _stepped(played, register, record, before, given, day)
            given = fitting(played.api, record, rule.operation, dict(rule.example))
            _stepped(played, register, record, name, given, day)


def _stepped(
    played: Played, register: Register, record: Json, step: str, body: Json, day: str
) -> Json:
    if "occurred" in register.steps[step].command.model_fields:
        body.setdefault("occurred", day)
    path = f"/v1/{register.name}/{record['id']}/{step}"
    answer = played.api.post(path, body, headers=ANY)
    return _kept(played, register, played.noted(answer))


def _further(played: Played) -> None:
    """Open what the examples leave out, once there is something of every kind to refer to."""
    enquiry = {"sender": HOME, "administrations": ["TMF"], "medium": "email", "subject": "Æblegård"}
    played.noted(played.api.post("/v1/enquiries", {**enquiry, "received": _today()}))
    played.first["contact"] = played.noted(played.api.post("/v1/contacts", _CONTACT))["id"]
    for name, bodies in MORE.items():
        for level in LEVELS if name in REGISTERS else ():
            for body in bodies:
                told = re.sub(r"\$(\w+)", lambda n: played.first[n[1]], json.dumps(body))
                _opened(played, REGISTERS[name], DAYS[0], **json.loads(told), confidentiality=level)


_CONTACT: Final = {
    "channel": "direct",
    "direction": "inbound",
    "medium": "phone",
    "occurred": "2010-02-22",
    "administrations": ["TMF"],
    "organisations": ["KAB", ABROAD],
    "subject": "Ændret udlejning på Ærø",
    "confidentiality": "open",
}


def _viewers(api: Api) -> dict[str, Api]:
    return {
        "officer": api,
        "auditor": api.as_role(Role.AUDITOR),
        "councillor": api.as_role(Role.COUNCILLOR),
        "organisation": api.as_role(Role.ORGANISATION, f"party:{party_id(api, HOME)}"),
        "abroad": api.as_role(Role.ORGANISATION, f"party:{party_id(api, ABROAD)}"),
        "unit": api.as_role(Role.ENTRY_DESK, f"unit:{party_id(api, 'TMF')}"),
        "topic": api.as_role(Role.MANAGER, "kle:27.03"),
    }


def _policies(played: Played, now: datetime) -> None:
    """Let policies look until they have nothing to say."""
    services: Services = played.api.services
    while True:
        assert services.views.wait_for(services.log.head(), WAIT_SECONDS)
        said = Watch(services).step(now)
        played.said.append(said)
        if not any(said):
            return


# ── the questions ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Question:
    """Who asks, where and with what; ids by their labels. A walk goes on to the last page."""

    who: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    walk: bool = False

    def but(self, **more: str) -> Question:
        """The same with further parameters."""
        return Question(self.who, self.path, (*self.params, *more.items()), self.walk)


@dataclass(frozen=True)
class Answer:
    """What came of a question, comparable between stores."""

    status: int
    headers: tuple[str | None, ...]
    body: str

    @property
    def items(self) -> list[Json]:
        """The entries of a list; none where it is something else."""
        found: list[Json] = json.loads(self.body).get("items", [])
        return found


_HEADERS: Final = ("content-type", "etag", "kontaktlog-position")


def asked(played: Played, question: Question) -> Answer:
    """Ask a store; of a walk, put the pages together."""
    api, path = played.viewers[question.who], played.meant(question.path)
    params = [(name, played.meant(value)) for name, value in question.params]
    answer = api.get(path, params=params)
    items: list[Json] = []
    while question.walk:
        page = answer.json()
        items += page["items"]
        if page["next"] is None:
            return Answer(200, (), played.told(json.dumps({"items": items}, ensure_ascii=False)))
        answer = api.get(path, params=[*params, ("cursor", page["next"])])
    headers = tuple(answer.headers.get(name) for name in _HEADERS)
    return Answer(answer.status_code, headers, played.told(answer.text))


def answers(played: Played, questions: Iterable[Question]) -> dict[Question, Answer]:
    """Ask a store everything."""
    return {question: asked(played, question) for question in questions}


def differences(one: dict[Question, Answer], other: dict[Question, Answer]) -> list[Question]:
    """The questions that were answered otherwise."""
    return [question for question in one | other if one.get(question) != other.get(question)]


def every_question(played: Played) -> list[Question]:
    """Every read of the registers, by several who see differently."""
    return list(
        dict.fromkeys(
            [
                *(q for who in played.viewers for q in _now(played, who)),
                *_filtered(played, "officer"),
                *_filtered(played, "organisation"),
                *_walks(played),
                *_items(played),
                *(q.but(as_of_recorded=str(at)) for q in _past(played) for at in moments(played)),
                *(q.but(as_of_effective=day) for q in _past(played) for day in EFFECTIVE),
                *(
                    q.but(as_of_recorded=str(moments(played)[-2]), as_of_effective=EFFECTIVE[1])
                    for q in _past(played)
                ),
            ]
        )
    )


EFFECTIVE: Final = ("2010-02-21", "2010-02-23", "2012-06-30", "2030-07-01")
"""Days before, between and after what happened."""


def moments(played: Played) -> list[int]:
    """Positions of the log: some on the way, and the last."""
    return [played.head * part // 12 for part in (1, 4, 7, 11, 12)]


def _now(played: Played, who: str) -> Iterator[Question]:
    """What everybody asks: whole lists in both orders, and what looks across registers."""
    for name in REGISTERS:
        yield Question(who, f"/v1/{name}", (("limit", "500"),))
        yield Question(who, f"/v1/{name}", (("limit", "500"), ("sort", "day")))
    yield from _across(played, who, *played.parties)
    for name, value in (("party", HOME), ("party", ABROAD), ("forum", "BL")):
        yield Question(who, "/v1/meetings.ics", ((name, value),))
    yield Question(who, "/v1/meetings.ics", (("day_from", "2010-02-23"), ("day_to", "2010-12-31")))
    for key in (HOME, ABROAD, MERGED):
        yield Question(who, "/v1/positions/conditions", (("holder", key),))
    yield Question(who, "/v1/dialogues/coverage", (("year", "2003"),))


def _across(played: Played, who: str, *keys: str) -> Iterator[Question]:
    yield Question(who, "/v1/positions/conditions")
    yield Question(who, "/v1/dialogues/coverage", (("year", MET_IN),))
    yield Question(who, "/v1/meetings.ics")
    for key in keys:
        party = f"/v1/parties/{played.parties[key]}"
        yield Question(who, f"{party}/timeline", (("limit", "500"),))
        yield Question(who, f"{party}/briefing")


def _filtered(played: Played, who: str) -> Iterator[Question]:
    """Every filter of every register with values that are there, and days."""
    for name, register in REGISTERS.items():
        ask = Question(who, f"/v1/{name}")
        for kind, values in sorted(values_of(played, register).items()):
            for value in values:
                yield ask.but(**{kind: value})
            several = tuple((kind, value) for value in values)
            yield Question(who, ask.path, several)
        for days in ({"day_from": "2010-02-23"}, {"day_to": "2010-02-23"}):
            yield ask.but(**days)
            yield ask.but(**days, party=HOME, sort="day")
        yield ask.but(day_from="2010-02-22", day_to="2010-02-22")


def values_of(played: Played, register: Register) -> dict[str, list[str]]:
    """By kind of filter, up to three values that records bear; parties by key and by id."""
    asked_for = (*register.filters, *register.party_filters, "party")
    found: dict[str, list[str]] = {kind: [] for kind in asked_for}
    for own, body in played.records.values():
        if own is not register:
            continue
        told = {name: value for name, value in body.items() if name not in _HEAD}
        record = register.record.model_validate(told, strict=False)
        terms = [*register.terms(record), *(("party", p.id) for p in register.parties(record))]
        for kind, value in terms:
            label = played.labels.get(value, value)
            if kind in found and label not in found[kind]:
                found[kind].append(label)
    keys = {label: key for key, label in played.parties.items()}
    found["party"] = [*found["party"][:3], *(keys[each] for each in found["party"])]
    return {
        kind: values[: 12 if kind in {"party", "status"} else 3] for kind, values in found.items()
    }


def _walks(played: Played) -> Iterator[Question]:
    for number, name in enumerate(REGISTERS):
        sort = ("sort", ("day", "-day")[number % 2])
        yield Question("officer", f"/v1/{name}", (("limit", "2"),), walk=True)
        yield Question("councillor", f"/v1/{name}", (("limit", "2"), ("sort", "day")), walk=True)
        party = (("limit", "2"), ("party", HOME), sort)
        yield Question("organisation", f"/v1/{name}", party, walk=True)
    for who in ("officer", "organisation"):
        path = f"/v1/parties/{played.parties[ABROAD]}/timeline"
        yield Question(who, path, (("limit", "2"),), walk=True)


def _items(played: Played) -> Iterator[Question]:
    """Every record and its history by one who sees all; by each of the others every sixth."""
    for number, (label, (register, _)) in enumerate(played.records.items()):
        for turn, who in enumerate(played.viewers):
            if who == "officer" or (number + turn) % 6 == 0:
                path = f"/v1/{register.name}/{label}"
                yield Question(who, path)
                yield Question(who, f"{path}/history")


def _past(played: Played) -> Iterator[Question]:
    """What is asked as of earlier days and positions."""
    for who in ("officer", "councillor", "organisation"):
        for name in REGISTERS:
            yield Question(who, f"/v1/{name}", (("limit", "500"),))
        yield from _across(played, who, HOME, ABROAD)
    for label in list(played.records)[:: len(played.records) // 20]:
        register = played.records[label][0]
        yield Question("officer", f"/v1/{register.name}/{label}")
        yield Question("officer", f"/v1/{register.name}/{label}/history")

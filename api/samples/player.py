"""Plays a sample stream: every step is a command through the same door as everybody's.

A stream is a TOML file: a name, a title, and steps. A step says when it is recorded (the clock of
the log stands there until the next step moves it), what it does, and with which body; in a body
`$NAME` stands for the id of what an earlier step made, `$NAME:a.0.b` for a part of it as it was
then. Nothing of a stream is code, so other institutions and other years are other files.
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.commands import change_party_sync, log_contact_sync, register_party_sync
from api.commands.registers import act_sync, record_of, rule_of
from api.main import Services
from api.settings import is_sqlite
from domain.access import Principal, Role, principal_of
from domain.contacts import LogContact
from domain.errors import Refused
from domain.log.envelope import SYSTEM_ACTOR, Envelope
from domain.parties import (
    AddAlias,
    CloseParty,
    EndRelation,
    MergeParty,
    RegisterParty,
    RelateParty,
    RenameParty,
)
from domain.registers import REGISTERS
from domain.samples import SampleDeclared
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import Code

STREAM_BYTES_MAX: Final = 1_000_000
STEPS_MAX: Final = 10_000
ACTOR: Final = "sample"
PartyChange = RenameParty | AddAlias | RelateParty | EndRelation | MergeParty | CloseParty
PARTY_CHANGES: Final[dict[str, type[PartyChange]]] = {
    "names": RenameParty,
    "aliases": AddAlias,
    "relations": RelateParty,
    "relation-ends": EndRelation,
    "merge": MergeParty,
    "closure": CloseParty,
}
"""Changes of a party, by the last part of their path in the API."""
MICROSECONDS: Final = 1_000_000


class Step(BaseModel):
    """One step of a stream: `do` is a path of the API without `/v1` and ids: `forums/chairs`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: str
    name: str | None = None
    of: str | None = None
    recorded: datetime | None = None
    body: dict[str, Any] = Field(default_factory=dict)


class Stream(BaseModel):
    """A whole stream."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample: Code
    title: str
    starts: datetime
    step: tuple[Step, ...] = Field(max_length=STEPS_MAX)


@dataclass(slots=True)
class Played:
    """What came of playing: steps taken, and the ids by name."""

    steps: int = 0
    ids: dict[str, str] = field(default_factory=dict)


def shipped() -> dict[str, str]:
    """Return the text of every stream that comes with the program, by name."""
    folder = files("api.samples")
    found = (each for each in folder.iterdir() if each.name.endswith(".toml"))
    return {each.name.removesuffix(".toml"): each.read_text("utf-8") for each in found}


def read(text: str) -> Stream:
    """Return a stream; raises Refused when it cannot be read."""
    try:
        if len(text) > STREAM_BYTES_MAX:
            raise Refused("too_large", max=STREAM_BYTES_MAX)
        return Stream.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise Refused("sample_invalid", reason=type(error).__name__) from None


def read_file(path: Path) -> Stream:
    """Return the stream of a file."""
    return read(path.read_text("utf-8"))


def sample_of(services: Services) -> str | None:
    """Return the name of the sample that the log is, None for a real log."""
    facts, _, _ = services.journal.history(["sample"])
    return str(facts[0].data["sample"]) if facts else None


def play(
    services: Services,
    stream: Stream,
    catch_up: Callable[[int], None],
    on_step: Callable[[int], None] = lambda _: None,
) -> Played:
    """Play a stream into an empty log; the same stream again goes on where it stopped.

    `catch_up` waits until the views know of a position. Refused for a log that holds anything
    else, and on a server whose clock is not ours to set.
    """
    if not is_sqlite(services.settings.store):
        raise Refused("sample_needs_sqlite")
    before = sample_of(services)
    if before != stream.sample and (before is not None or services.log.head() > 0):
        raise Refused("store_not_empty")
    player = _Player(services, stream, catch_up)
    player.declare()
    for number, step in enumerate(stream.step, 1):
        player.take(step, number)
        on_step(number)
    catch_up(services.log.head())
    return Played(len(stream.step), player.ids)


class _Player:
    def __init__(self, services: Services, stream: Stream, catch_up: Callable[[int], None]) -> None:
        self._services = services
        self._stream = stream
        self._catch_up = catch_up
        self._principal: Principal = principal_of(ACTOR, Role.CASE_OFFICER, ())
        self._register: dict[str, str] = {}
        self._number = 0
        self.ids: dict[str, str] = {}
        self._set_clock(stream.starts)

    def _set_clock(self, moment: datetime) -> None:
        stands = int(moment.timestamp()) * MICROSECONDS
        self._services.log.clock = lambda: stands  # type: ignore[union-attr]

    def declare(self) -> None:
        stream = self._stream
        event = SampleDeclared(sample=stream.sample, title=stream.title)
        envelope = Envelope(actor=SYSTEM_ACTOR, role=SYSTEM_ACTOR, via="system")
        event_id = clock.id_of("sample", stream.sample)
        self._services.journal.record_sync(Entry([event], envelope, [event_id]))

    def take(self, step: Step, number: int) -> None:
        self._number = number
        if step.recorded is not None:
            self._set_clock(step.recorded)
        body = {name: self._meant(value) for name, value in step.body.items()}
        register, _, part = step.do.partition("/")
        if register == "parties":
            self._party(step, part or None, body)
        elif register == "contacts":
            self._contact(step, body)
        else:
            self._record(step, register, part or None, body)
        self._catch_up(self._services.log.head())

    def _key(self) -> str:
        return f"{self._stream.sample}/{self._number}"

    def _named(self, step: Step, body: dict[str, Any]) -> dict[str, Any]:
        """Give what has a name an id that is always the same."""
        if step.name is None:
            return body
        return {**body, "id": clock.id_of("sample", self._stream.sample, step.name)}

    def _party(self, step: Step, part: str | None, body: dict[str, Any]) -> None:
        if part is not None:
            change = PARTY_CHANGES[part].model_validate_json(orjson.dumps(body))
            party_id, key = self.ids[step.of or ""], self._key()
            change_party_sync(
                self._services, self._principal, party_id, change, via="system", key=key
            )
            return
        command = RegisterParty.model_validate_json(orjson.dumps(body))
        done = register_party_sync(
            self._services, self._principal, command, via="system", key=self._key()
        )
        self._services.directory.forget()
        self._remember(step, done.party_id, "parties")

    def _contact(self, step: Step, body: dict[str, Any]) -> None:
        command = LogContact.model_validate_json(orjson.dumps(self._named(step, body)))
        done = log_contact_sync(
            self._services, self._principal, command, via="system", key=self._key()
        )
        self._remember(step, done.contact_id, "contacts")

    def _record(self, step: Step, name: str, part: str | None, body: dict[str, Any]) -> None:
        register = REGISTERS.get(name)
        if register is None:
            raise Refused("sample_invalid", reason=name)
        given = body if part else self._named(step, body)
        command = rule_of(register, part).command.model_validate_json(orjson.dumps(given))
        done = act_sync(
            self._services,
            self._principal,
            register,
            command,
            via="system",
            step=part,
            record_id=self.ids[step.of] if step.of else None,
            key=self._key(),
        )
        if part is None:
            self._remember(step, done.record_id, name)

    def _remember(self, step: Step, made: str, register: str) -> None:
        if step.name is not None:
            self.ids[step.name] = made
            self._register[step.name] = register

    def _meant(self, value: Any) -> Any:
        match value:
            case str() if value.startswith("$"):
                return self._part(value[1:])
            case list():
                return [self._meant(each) for each in value]
            case dict():
                return {key: self._meant(each) for key, each in value.items()}
        return value

    def _part(self, reference: str) -> Any:
        name, _, path = reference.partition(":")
        if name not in self.ids:
            raise Refused("sample_invalid", reason=name)
        if not path:
            return self.ids[name]
        register = REGISTERS[self._register[name]]
        _, record, _ = record_of(self._services, register, self.ids[name])
        found: Any = record.model_dump(mode="json", by_alias=True) if record else None
        for key in path.split("."):
            found = found[int(key)] if key.isdigit() else found[key]
        return found

"""The tables of a mapping that say how a register's records become enquiries with steps.

What an enquiry shares with any contact (time, medium, subject, parties) is said by the tables all
mappings have; here stands what only an enquiry has: its deadline, what happened to it, and which of
its rows are contacts filed on it.
"""

from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from api.imports.tables import (
    Cell,
    CodedTable,
    ColumnList,
    ColumnName,
    ListTable,
    Part,
    ParticipantTake,
    PartyTake,
    Regex,
    RuleName,
    TakeTable,
    TimePattern,
)

STEP_RULES_MAX: Final = 100
STEP_FIELDS: Final = MappingProxyType(
    {
        "acknowledgements": ("handler", "team", "expected_by"),
        "triage": ("category", "priority", "kind", "note"),
        "routes": ("to", "for", "reason"),
        "reroutes": ("from", "to", "reason"),
        "returns": ("from", "reason"),
        "assignments": ("unit", "assignee", "assignee_role"),
        "information-requests": ("question", "due"),
        "information": ("information",),
        "interim-replies": ("new_expected_by", "reason"),
        "answers": ("answer_kind", "by", "answer", "document"),
        "waivers": ("by", "reason"),
        "closures": ("closing", "reason", "waive", "satisfaction"),
        "reopenings": ("reason",),
    }
)
"""What a rule may say of each step; splits and merges are a person's decision."""
STEP_PARTIES: Final = ("to", "for", "from", "unit", "by")
STEP_DAYS: Final = ("expected_by", "due", "new_expected_by")
_NEEDED: Final = MappingProxyType(
    {
        "acknowledgements": (("handler", "team"),),
        "routes": (("to",),),
        "reroutes": (("from",), ("to",), ("reason",)),
        "returns": (("from",), ("reason",)),
        "assignments": (("assignee", "assignee_role"),),
        "information-requests": (("question",),),
        "information": (("information",),),
        "interim-replies": (("new_expected_by",), ("reason",)),
        "answers": (("answer_kind",),),
        "waivers": (("by",), ("reason",)),
        "reopenings": (("reason",),),
    }
)
"""Of each group at least one field must be said."""

Columns = Annotated[list[ColumnName], Field(min_length=1)]


def _moment_short(given: object) -> object:
    return {"start": given} if isinstance(given, (str, list)) else given


class Moment(Part):
    """A time of its own (tidspunkt); patterns, zone and languages are those of `[time]`."""

    start: ColumnList
    patterns: Annotated[list[TimePattern], Field(min_length=1, max_length=50)] | None = None

    def as_time(self) -> dict[str, Any]:
        """Return what this puts in the place of keys of `[time]`."""
        own: dict[str, Any] = {"start": self.start, "end": None, "pattern": None}
        return (
            own | {"when_empty": "refuse"} | ({"patterns": self.patterns} if self.patterns else {})
        )


MomentTable = Annotated[Moment, BeforeValidator(_moment_short)]


class When(Part):
    """Which rows a rule is about; all conditions given must hold."""

    column: ColumnName | None = None
    equals: Annotated[list[Cell], Field(min_length=1, max_length=1_000)] | None = None
    matches: Regex | None = None
    filled: Columns | None = None

    @model_validator(mode="after")
    def _a_condition(self) -> Self:
        cell = self.equals is not None or self.matches is not None
        if not cell and self.filled is None:
            msg = "needs equals, matches or filled"
            raise ValueError(msg)
        if cell != (self.column is not None):
            msg = "column belongs to equals and matches, and they need it"
            raise ValueError(msg)
        return self


class StepTake(Part):
    """One kind of step (skridt): from which rows, when it took place, and what it says."""

    name: RuleName
    step: Literal[
        "acknowledgements",
        "triage",
        "routes",
        "reroutes",
        "returns",
        "assignments",
        "information-requests",
        "information",
        "interim-replies",
        "answers",
        "waivers",
        "closures",
        "reopenings",
    ]
    when: When | None = None
    once: bool = False
    identity: Columns | None = None
    time: MomentTable
    handler: TakeTable | None = None
    team: TakeTable | None = None
    expected_by: MomentTable | None = None
    category: TakeTable | None = None
    priority: CodedTable | None = None
    kind: CodedTable | None = None
    note: TakeTable | None = None
    to: PartyTake | None = None
    for_: PartyTake | None = Field(default=None, alias="for")
    from_: PartyTake | None = Field(default=None, alias="from")
    reason: TakeTable | None = None
    unit: PartyTake | None = None
    assignee: TakeTable | None = None
    assignee_role: TakeTable | None = None
    question: TakeTable | None = None
    due: MomentTable | None = None
    information: TakeTable | None = None
    new_expected_by: MomentTable | None = None
    answer_kind: CodedTable | None = None
    by: PartyTake | None = None
    answer: TakeTable | None = None
    document: TakeTable | None = None
    closing: CodedTable | None = None
    waive: TakeTable | None = None
    satisfaction: TakeTable | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the fields this rule says, as the command spells them."""
        known = (name.removesuffix("_") for name in self.model_fields_set)
        fields = {field for fields in STEP_FIELDS.values() for field in fields}
        return tuple(sorted(fields.intersection(known)))

    @model_validator(mode="after")
    def _fields_of_the_step(self) -> Self:
        allowed = STEP_FIELDS[self.step]
        if foreign := sorted(set(self.given) - set(allowed)):
            msg = f"{foreign[0]} is no field of {self.step}, which takes {', '.join(allowed)}"
            raise ValueError(msg)
        for group in _NEEDED.get(self.step, ()):
            if not set(group) & set(self.given):
                msg = f"{self.step} needs {' or '.join(group)}"
                raise ValueError(msg)
        numbered = (getattr(self.take(name), "external", None) for name in self.given)
        if any(number is not None for number in numbered):
            msg = "external is for administrations and organisations"
            raise ValueError(msg)
        if self.once and self.identity is not None:
            msg = "identity is for steps that come more than once"
            raise ValueError(msg)
        return self

    def take(self, field: str) -> object:
        """Return what the rule says of a field, spelt as in the command."""
        return getattr(self, f"{field}_" if field in ("for", "from") else field)


class RowContact(Part):
    """Rows that are contacts filed on the enquiry; what is left out is as the enquiry has it."""

    name: RuleName
    when: When | None = None
    identity: Columns | None = None
    time: MomentTable
    channel: CodedTable
    direction: CodedTable
    medium: CodedTable
    subject: TakeTable
    administrations: PartyTake | None = None
    organisations: PartyTake | None = None
    participants: Annotated[tuple[ParticipantTake, ...], Field(max_length=20)] = ()
    facts: TakeTable | None = None
    assessment: TakeTable | None = None
    place: TakeTable | None = None
    topics: tuple[ListTable, ...] = ()
    kle: tuple[ListTable, ...] = ()
    case_numbers: tuple[ListTable, ...] = ()
    document_numbers: tuple[ListTable, ...] = ()
    confidentiality: CodedTable | None = None
    personal_data: CodedTable | None = None
    occasion: CodedTable | None = None
    outcome: CodedTable | None = None


class DeadlineTake(Part):
    """A deadline the register gives with the enquiry (given frist): a day or a moment."""

    time: MomentTable
    basis: TakeTable | None = None


class EnquiryTable(Part):
    """Each record is an enquiry (henvendelse), and what the register tells of its life."""

    kind: CodedTable | None = None
    written: CodedTable | None = None
    received_by: PartyTake | None = None
    deadline: DeadlineTake | None = None
    steps: Annotated[tuple[StepTake, ...], Field(max_length=STEP_RULES_MAX)] = ()
    contacts: Annotated[tuple[RowContact, ...], Field(max_length=STEP_RULES_MAX)] = ()
    other_rows: Literal["use", "skip", "refuse"] = "use"

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [step.name for step in self.steps] + [rule.name for rule in self.contacts]
        if len(set(names)) != len(names):
            msg = "two rules have the same name"
            raise ValueError(msg)
        return self

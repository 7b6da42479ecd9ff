"""What answers about records look like, for the document; made from the table of registers."""

from typing import Any

from pydantic import Field

from api.http.shapes import Shape


class RecordList(Shape):
    """One page of records."""

    items: list[dict[str, Any]]
    next: str | None
    position: int


class RecordStep(Shape):
    """One step of a record; what it changed, as far as the asker may see it."""

    version: int
    position: int
    recorded_at: str
    type: str
    role: str
    via: str
    changes: list[dict[str, Any]]


class RecordHistory(Shape):
    """Every step of a record, oldest first."""

    items: list[RecordStep]
    position: int


class Condition(Shape):
    """An open condition with all who hold it."""

    condition_id: str
    words: str | None
    about: str | None
    document: str | None
    since: str
    holders: list[dict[str, Any]]


class ConditionList(Shape):
    """Open conditions, the oldest first."""

    items: list[Condition]
    position: int


class DialogueCoverage(Shape):
    """Who had a governance dialogue in a year, and who had none."""

    year: int
    of: int
    met: int
    published: int
    with_: list[dict[str, Any]] = Field(alias="with")
    without: list[dict[str, Any]]
    position: int


class Briefing(Shape):
    """What to know before meeting a party; each part as its own list gives it."""

    party: list[str]
    contacts: list[dict[str, Any]]
    enquiries: list[dict[str, Any]]
    open_conditions: list[Condition]
    commitments: list[dict[str, Any]]
    followups: list[dict[str, Any]]
    papers: list[dict[str, Any]]
    meetings: list[dict[str, Any]]
    agreements: list[dict[str, Any]]
    position: int

"""What one can ask of the register of parties; each is also the request body of its route."""

from typing import Annotated, Final, Literal

from pydantic import Field

from domain.values import Code, Day, Name, Reason, Source, Value

ALIASES_MAX: Final = 50
EXTERNAL_IDS_MAX: Final = 20

Aliases = Annotated[tuple[Name, ...], Field(max_length=ALIASES_MAX)]

KINDS: Final = (
    "administration",
    "housing_organisation",
    "federation",
    "committee",
    "local_committee",
    "council",
    "forum",
    "body",
    "group",
    "unit",
    "section",
    "person_role",
    "organisation",
    "other",
)
"""Kinds with a meaning to views; a municipality may use any further code of its own."""
ADMINISTRATION_KINDS: Final = frozenset(
    {"administration", "unit", "committee", "local_committee", "council", "body", "person_role"}
)
"""Kinds that can stand on the municipality's side of a contact."""


class ExternalId(Value):
    """A number somebody else keeps about the party (ekstern nøgle): CVR, GLN/EAN, LBF, P, UUID."""

    scheme: Code = Field(examples=["cvr"])
    value: Name = Field(examples=["13748136"])


Relation = Literal[
    "administers", "represents", "part_of", "member_of", "successor_of", "owns", "other"
]
"""How one party stands to another (relation): administrerer, repræsenterer, del af, medlem af …"""


class RegisterParty(Value):
    """Enter a party in the register (registrér part)."""

    kind: Code = Field(examples=["housing_organisation"])
    name: Name = Field(examples=["Boligforeningen AAB"])
    abbreviation: Name | None = Field(default=None, examples=["AAB"])
    aliases: Aliases = ()
    external_ids: Annotated[tuple[ExternalId, ...], Field(max_length=EXTERNAL_IDS_MAX)] = ()
    valid_from: Day | None = Field(default=None, examples=["2010-01-01"])
    part_of: Name | None = None
    administered_by: Name | None = None
    source: Source | None = None


class RenameParty(Value):
    """Give the party another name from a day on (omdøb part)."""

    name: Name
    abbreviation: Name | None = None
    valid_from: Day
    reason: Reason | None = None


class AddAlias(Value):
    """Let the party be found by a further name (tilføj alias)."""

    alias: Name


class AddExternalId(Value):
    """Attach an outside number (tilføj ekstern nøgle)."""

    external_id: ExternalId


class RelateParty(Value):
    """Say how the party stands to another (opret relation)."""

    relation: Relation
    to: Name
    valid_from: Day | None = None
    valid_to: Day | None = None


class EndRelation(Value):
    """Say on which day, its last, the relation held (afslut relation)."""

    relation_id: str
    valid_to: Day
    reason: Reason | None = None


class MergeParty(Value):
    """Say that the party is the same as another (sammenlæg part)."""

    into: Name
    reason: Reason


class UnmergeParty(Value):
    """Take a merge back (ophæv sammenlægning)."""

    reason: Reason


class CloseParty(Value):
    """Say that the party ceased to exist (luk part)."""

    valid_to: Day
    reason: Reason

"""Persons (personer) as the log knows them: a pseudonym, and details sealed under their key.

This module is the only home of names and contact details. A person is recognised by name within
one party; the pseudonym is a keyed hash made by the vault, so the log never reveals who it is, and
destroying the person's keys empties the details everywhere.
"""

import unicodedata
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from domain.values import Name, PartyRef, Value

EMAIL_CHARS_MAX: Final = 254
"""RFC 5321 limit of a path."""
PHONE_CHARS_MAX: Final = 40


def _one_at(address: str) -> str:
    if address.count("@") != 1 or address.startswith("@") or address.endswith("@"):
        msg = "must be one e-mail address"
        raise ValueError(msg)
    return address


Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s\x00]+$", max_length=EMAIL_CHARS_MAX),
    AfterValidator(_one_at),
]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()/.-]+$", max_length=PHONE_CHARS_MAX)]
PersonId = Annotated[str, StringConstraints(pattern=r"^p-[0-9a-f]{32}$")]
"""Pseudonym (pseudonym) of a person: `p-` and 128 bits of keyed hash."""


class PersonDetails(Value):
    """Name and contact details (navn og kontaktoplysninger); always sealed in the log."""

    name: Name
    email: Email | None = None
    phone: Phone | None = None


class ParticipantGiven(Value):
    """Someone who took part, as the caller names them (deltager).

    At least one of `name`, `person` and `role` says who; `spoke_for` names the organisations the
    person spoke on behalf of (på vegne af), which need not be the person's own party.
    """

    name: Name | None = Field(default=None, examples=["Kim Larsen"])
    person: PersonId | None = None
    role: Name | None = Field(default=None, examples=["direktør"])
    email: Email | None = None
    phone: Phone | None = None
    party: Name | None = Field(default=None, examples=["KAB"])
    spoke_for: Annotated[tuple[Name, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if self.name is None and self.person is None and self.role is None:
            msg = "a participant needs a name, a person or a role"
            raise ValueError(msg)
        if self.name is None and (self.email or self.phone):
            msg = "contact details need a name"
            raise ValueError(msg)
        return self


class Participant(Value):
    """Someone who took part, as an event keeps it: pseudonym, role, party and sealed details."""

    person: PersonId | None = None
    details: PersonDetails | None = None
    role: str | None = None
    party: PartyRef | None = None
    spoke_for: tuple[PartyRef, ...] = ()


def recognised_by(name: str, party_id: str | None) -> str:
    """Return the text by which a person is recognised: folded name within one party."""
    folded = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return f"{party_id or ''}\n{folded}"

"""The registers (protokoller): every concept that lives as records, and how to open and step one.

One table says, for each concept, its commands, decisions, events, and what people may ask and see.
Doors, commands and views are written once over this table; a new concept is a row here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.registers.agreements import AGREEMENTS
from domain.registers.commitments import COMMITMENTS
from domain.registers.criteria import CRITERIA
from domain.registers.dialogues import DIALOGUES
from domain.registers.documents import DOCUMENTS
from domain.registers.efforts import EFFORTS
from domain.registers.followups import FOLLOWUPS
from domain.registers.forums import FORUMS
from domain.registers.meetings import MEETINGS
from domain.registers.positions import POSITIONS
from domain.registers.table import Register, Rule

__all__ = ["BY_NOUN", "REGISTERS", "Register", "Rule"]

ALL: Final = (
    FORUMS,
    MEETINGS,
    POSITIONS,
    DOCUMENTS,
    EFFORTS,
    COMMITMENTS,
    FOLLOWUPS,
    AGREEMENTS,
    DIALOGUES,
    CRITERIA,
)
"""In the order the document lists them."""
REGISTERS: Final[Mapping[str, Register]] = MappingProxyType(
    {register.name: register for register in ALL}
)
BY_NOUN: Final[Mapping[str, Register]] = MappingProxyType(
    {register.noun: register for register in REGISTERS.values()}
)

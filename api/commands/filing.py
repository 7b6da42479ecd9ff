"""Filing a contact on several things at once (journalisering): one reason, all of them or none.

Filing is a fact about the contact. It asks nothing of the enquiry, case or meeting it is filed on,
so no state of those can ever stand in its way.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from pydantic import Field

from api.commands import enquiries
from api.commands.contacts import CONTACT_TYPES, ContactDone, history_of
from api.commands.recording import (
    Caller,
    Prepared,
    Settled,
    envelope_of,
    mark_of,
    replayed,
    settle,
    settle_sync,
    whole_scope,
    whole_scope_sync,
)
from api.main import Services
from domain import contacts
from domain.access import Principal, sight
from domain.contacts import ContactEvent, ContactState, LinkContact, LinkKind
from domain.errors import Conflict, Fault, Refused, Unknown
from domain.log.envelope import Via
from domain.log.port import Condition, QueryItem
from domain.storage import clock
from domain.storage.journal import Entry
from domain.values import LIST_ITEMS_MAX, Number, Reason, Value, refuse_if

FILE_CONTACT: Final = "file_contact"


class FilingGiven(Value):
    """One thing to file a contact on; an enquiry is named by its id, all else by its number."""

    kind: LinkKind
    target: Number = Field(examples=["2009-116302"])


class FileContact(Value):
    """File a contact on several things at once (journalisér kontakt), with one reason."""

    filings: Annotated[tuple[FilingGiven, ...], Field(min_length=1, max_length=LIST_ITEMS_MAX)]
    reason: Reason | None = None


async def file_contact(
    services: Services,
    principal: Principal,
    contact_id: str,
    command: FileContact,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
) -> ContactDone:
    """File a contact; Refused with a fault for each filing that cannot be."""
    caller = Caller(await whole_scope(services, principal), via, key)
    filing = _FilingOf(services, caller, contact_id, command, if_version)
    return filing.done(await settle(services, filing.attempt))


def file_contact_sync(
    services: Services,
    principal: Principal,
    contact_id: str,
    command: FileContact,
    *,
    via: Via,
    key: str | None = None,
    if_version: int | None = None,
) -> ContactDone:
    """File a contact (CLI, imports)."""
    caller = Caller(whole_scope_sync(services, principal), via, key)
    filing = _FilingOf(services, caller, contact_id, command, if_version)
    return filing.done(settle_sync(services, filing.attempt))


@dataclass(frozen=True, slots=True)
class _FilingOf:
    """One contact on its way into several files."""

    services: Services
    caller: Caller
    contact_id: str
    command: FileContact
    if_version: int | None

    def attempt(self) -> Prepared | Settled:
        """Read the contact's history and decide; or find the answer given before."""
        mark = mark_of(self.services, FILE_CONTACT, self.command, self.contact_id)
        limits = sight(self.caller.principal)
        facts, events, last = history_of(self.services, self.contact_id, limits)
        if not facts:
            raise Unknown("contact_unknown")
        state = ContactState()
        for event in events:
            state = contacts.evolve(state, event)
        before = replayed(self.services, self.caller, mark)
        if before is not None:
            return Settled(enquiries.until(facts, before), None)
        if self.if_version is not None and self.if_version != state.version:
            raise Conflict("version_mismatch", current=state.version)
        filed = self._decide(state)
        ids = [clock.new_id() for _ in filed]
        entry = Entry(
            filed,
            replace(envelope_of(self.caller, mark), correlation=ids[0]),
            ids,
            Condition((QueryItem(CONTACT_TYPES, (f"contact:{self.contact_id}",)),), last),
            self.caller.key_hash,
        )
        return Prepared(entry, facts)

    def _decide(self, state: ContactState) -> list[ContactEvent]:
        """Decide each filing after those before it; refused with every fault."""
        filed: list[ContactEvent] = []
        faults: list[Fault] = []
        for index, filing in enumerate(self.command.filings):
            at = f"/filings/{index}"
            if filing.kind == "enquiry" and not self._is_enquiry(filing.target):
                faults.append(Fault(f"{at}/target", "unknown_enquiry"))
                continue
            one = LinkContact(kind=filing.kind, target=filing.target, reason=self.command.reason)
            try:
                (event,) = contacts.link(state, one, clock.new_id())
            except Refused as refusal:
                if refusal.code != "link_exists":
                    raise
                faults.append(Fault(at, refusal.code))
                continue
            state = contacts.evolve(state, event)
            filed.append(event)
        refuse_if(faults)
        return filed

    def _is_enquiry(self, target: str) -> bool:
        """Return whether there is such an enquiry that the caller may know of.

        Whatever state it is in: closed, merged or never looked at by anybody.
        """
        facts, _ = enquiries.history_of(self.services, target, sight(self.caller.principal))
        return bool(facts)

    def done(self, settled: Settled) -> ContactDone:
        """Return the contact as it was filed."""
        recorded = settled.recorded
        if recorded is None:
            return ContactDone(self.contact_id, settled.history, repeated=True)
        before = [fact for fact in settled.history if fact.position < recorded.position_first]
        return ContactDone(self.contact_id, [*before, *recorded.facts], recorded.duplicate)

"""Who owes an answer in an enquiry (svarpligt), and whose step concerns which obligation.

An obligation belongs to an addressed administration, or to a unit that somebody routed to, and
stays the same while the enquiry wanders. A unit answers for the administration it is part of.
"""

from collections.abc import Callable, Iterable, Mapping

from domain.enquiries.state import EnquiryState, Obligation, Owed
from domain.values import PartyRef

Ancestors = Mapping[str, tuple[str, ...]]
"""By party id: what the party is part of, the nearest first."""


def chain(party: PartyRef, ancestors: Ancestors) -> tuple[str, ...]:
    """Return the party's id and the ids of what it is part of, the nearest first."""
    return (party.id, *ancestors.get(party.id, ()))


def routed_to(to: PartyRef, state: EnquiryState, ancestors: Ancestors) -> PartyRef:
    """Return what is owed by `to`: the addressed party it is or belongs to, or itself anew."""
    owed: dict[str, PartyRef] = {
        one.party.id: one.party for one in state.open_obligations if one.holder is None
    }
    return next((owed[party] for party in chain(to, ancestors) if party in owed), to)


def is_routed(state: EnquiryState) -> bool:
    """Return whether anybody has been sent the enquiry and has not given it back."""
    owing = state.obligations.values()
    return any(one.holder is not None and one.state is not Owed.WAIVED for one in owing)


def held_by(unit: PartyRef, state: EnquiryState) -> list[Obligation]:
    """Return what is still owed and lies with the unit."""
    return [one for one in state.open_obligations if one.holder and one.holder.id == unit.id]


def owed_by(party: PartyRef, state: EnquiryState, ancestors: Ancestors) -> Obligation | None:
    """Return what the party owes: what it has before what is its own, itself before its whole.

    What is still owed is looked at first, then what was settled.
    """
    return _of(party, state.open_obligations, ancestors) or _of(
        party, state.obligations.values(), ancestors
    )


def _of(party: PartyRef, owing: Iterable[Obligation], ancestors: Ancestors) -> Obligation | None:
    owing = list(owing)
    looks: tuple[Callable[[Obligation], PartyRef | None], ...] = (
        lambda one: one.holder,
        lambda one: one.party,
    )
    for each in chain(party, ancestors):
        for look in looks:
            for one in owing:
                found = look(one)
                if found is not None and found.id == each:
                    return one
    return None

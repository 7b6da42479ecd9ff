"""Writes a simulated year into a store, as its users would: by the product's own commands."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from api import commands
from api.main import Services
from domain.access import Principal, Role
from domain.contacts import CorrectContact, LogContact, RetractContact
from domain.direct_contact import ReportRedirected, ReportRefused, WithdrawAccount
from domain.errors import DomainError, Refused
from domain.parties import MergeParty, RegisterParty
from projections.registry import VIEWS
from projections.runner import Runner
from tests.simulation.year import ADMINISTRATIONS, Account, Contact, Year

CLERK = Principal("clerk", Role.CASE_OFFICER)
REGISTRAR = Principal("registrar", Role.ADMINISTRATOR)


def load(services: Services, year: Year) -> dict[str, str]:
    """Record the year and bring the views to its end; return the id of each party by its name."""
    runner = Runner(services.log, services.codec, services.store, VIEWS)
    ids = _register(services, year)
    runner.catch_up()
    merges = dict(year.merges)
    for month, contacts in _by_month(year.contacts):
        _log(services, contacts)
        _change(services, contacts)
        for before, (into, day) in list(merges.items()):
            if day.isoformat()[:7] <= month:
                merge = MergeParty(into=into, reason="Fusion")
                commands.change_party_sync(services, REGISTRAR, ids[before], merge, via="api")
                del merges[before]
        services.directory.forget()
        runner.catch_up()
    _tell(services, year.accounts, ids)
    runner.catch_up()
    return ids


def _register(services: Services, year: Year) -> dict[str, str]:
    named = [(name, "administration") for name in ADMINISTRATIONS]
    named += [(name, "housing_organisation") for name in year.organisations]
    named += [("Aldrig Mødt", "housing_organisation")]
    return {
        name: commands.register_party_sync(
            services, REGISTRAR, RegisterParty(kind=kind, name=name), via="api"
        ).party_id
        for name, kind in named
    }


def _by_month(contacts: Sequence[Contact]) -> Iterator[tuple[str, list[Contact]]]:
    """Return contacts in the months they were written down, the late ones among the newer."""
    months: dict[str, list[Contact]] = {}
    for contact in sorted(contacts, key=lambda each: each.recorded):
        months.setdefault(contact.recorded.isoformat()[:7], []).append(contact)
    yield from months.items()


def _log(services: Services, contacts: Sequence[Contact]) -> None:
    for start in range(0, len(contacts), commands.BATCH_ITEMS_MAX):
        some = [_command(each) for each in contacts[start : start + commands.BATCH_ITEMS_MAX]]
        for done in commands.log_contacts_sync(services, CLERK, some, via="api"):
            if isinstance(done, DomainError):
                raise done


def _command(contact: Contact) -> LogContact:
    said: dict[str, Any] = contact.__dict__ | contact.as_logged
    named: dict[str, Any] = {"organisations": said["organisations"]}
    if not said["organisations"] and not said["spoken_for"]:
        named = {"audience": {"text": "alle boligorganisationer"}}
    people = [{"name": "Kim Eksempel", "spoke_for": said["spoken_for"]}]
    return LogContact.model_validate(
        {
            "id": contact.id,
            "channel": said["channel"],
            "direction": contact.direction,
            "medium": "phone",
            "occurred": _occurred(said["first"], said["last"]),
            "administrations": contact.administrations,
            **named,
            "participants": people if said["spoken_for"] else [],
            "subject": "Udlejning",
            "outcome": "held" if contact.held else "not_reached",
        },
        strict=False,
    )


def _occurred(first: date, last: date) -> Any:
    if first == last:
        return first.isoformat()
    if last - first == timedelta(days=6):
        return f"{first.isocalendar().year}-W{first.isocalendar().week:02}"
    return {"from": first.isoformat(), "to": last.isoformat()}


def _change(services: Services, contacts: Iterable[Contact]) -> None:
    for contact in contacts:
        if contact.as_logged:
            right = {
                "reason": "Skrevet forkert",
                "occurred": _occurred(contact.first, contact.last),
                "channel": contact.channel,
                "organisations": contact.organisations,
            }
            command = CorrectContact.model_validate(right, strict=False)
            with suppress(Refused):  # the wrong organisation may be the right one by now: merged
                commands.correct_contact_sync(services, CLERK, contact.id, command, via="api")
        if contact.retracted:
            gone = RetractContact(reason="Skrevet to gange")
            commands.change_contact_sync(services, CLERK, contact.id, gone, via="api")


def _tell(services: Services, accounts: Iterable[Account], ids: dict[str, str]) -> None:
    for account in accounts:
        kind = ReportRedirected if account.kind == "redirected" else ReportRefused
        command = kind.model_validate(
            {
                "id": account.id,
                "side": account.side,
                "administration": account.administration,
                "organisation": account.organisation,
                "medium": "phone",
                "occurred": account.day.isoformat(),
                "told": "Bedt om at skrive til den ene indgang",
                "about": account.about,
            },
            strict=False,
        )
        commands.report_turned_away_sync(services, CLERK, command, via="api")
    for account in accounts:
        if account.withdrawn:
            who = CLERK
            if account.side == "organisation":
                own = frozenset({ids[account.organisation]})
                who = Principal("own", Role.ORGANISATION, own)
            why = WithdrawAccount(reason="En misforståelse")
            commands.withdraw_account_sync(services, who, account.id, why, via="api")

"""Everything that can go wrong in the domain, as one small tree the doors can translate.

    DomainError
    ├── Refused      a rule said no; stable code, parameters, and every fault at once
    ├── Unknown      no such thing in the log (or none that the asker may know of)
    ├── Conflict     someone wrote first; carries the current version
    ├── Broken       hash, gap, decoding: stop and alarm, never swallow
    └── Unavailable  the storage cannot take or give it now; may be retried

Errors know neither HTTP nor prose for people: `api/http/problems.py` translates them. `CODES` is
the closed list of codes with their Danish gloss; the glossary lists each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

CODES: Final = MappingProxyType(
    {
        # what was sent
        "invalid_input": "ugyldigt input",
        "too_large": "for stort",
        "unknown_party": "ukendt part",
        "ambiguous_party": "flertydig part",
        "unknown_medium": "ukendt medie",
        "occurred_in_future": "tidspunkt i fremtiden",
        "occurred_out_of_bounds": "tidspunkt uden for grænserne",
        "not_an_administration": "parten er ikke en forvaltning",
        "duplicate_entry": "samme værdi to gange",
        # rules of parties
        "party_key_taken": "nøglen bruges af en anden part",
        "party_merged": "parten er sammenlagt med en anden",
        "party_not_merged": "parten er ikke sammenlagt",
        "party_closed": "parten er ophørt",
        "relation_to_itself": "relation til sig selv",
        "relation_unknown": "ukendt relation",
        "relation_exists": "relationen findes allerede",
        "relation_ended": "relationen er allerede ophørt",
        "check_digit": "kontrolciffer stemmer ikke",
        # rules of contacts
        "contact_retracted": "kontakten er trukket tilbage",
        "nothing_changed": "intet er ændret",
        "link_exists": "tilknytningen findes allerede",
        "link_unknown": "ukendt tilknytning",
        # rules of records: commitments, forums, meetings, papers, agreements
        "wrong_status": "trinnet passer ikke til status",
        "record_unknown": "ukendt post",
        "record_not_found": "post findes ikke",
        "record_exists": "posten findes allerede",
        "promise_to_itself": "tilsagn til sig selv",
        "consent_missing": "samtykke mangler",
        "seat_unknown": "ukendt formandspost",
        "seat_held": "har allerede en formandspost",
        "no_option": "posten kan ikke overlade formandskabet",
        "no_chair_left": "ingen tilbage til at lede mødet",
        "chair_not_left": "formandskabet er ikke overladt",
        "not_a_member": "ikke medlem",
        "consultation_unknown": "ukendt drøftelse",
        "already_requested": "allerede forelagt",
        "version_unknown": "ukendt version",
        "version_not_newest": "ikke den nyeste version",
        "version_not_approved": "versionen er ikke godkendt",
        "not_required": "behandling er ikke påkrævet",
        "not_treated": "ikke behandlet af et påkrævet organ",
        "not_the_adopting_body": "ikke det besluttende organ",
        "no_chair": "mødet mangler en leder",
        "not_chairing": "leder ikke dette forum",
        "agenda_item_unknown": "ukendt dagsordenspunkt",
        "minutes_approved": "et referat er allerede godkendt",
        "condition_missing": "betingelse mangler",
        "condition_unknown": "ukendt betingelse",
        "condition_addressed": "betingelsen er allerede imødekommet",
        "criterion_not_defined": "kriteriet er ikke defineret",
        "baseline_not_frozen": "basislinjen er ikke fastlåst",
        "baseline_frozen": "basislinjen er allerede fastlåst",
        "audience_unknown": "ukendt målgruppe",
        "audience_exists": "målgruppen findes allerede",
        "audience_informed": "målgruppen er orienteret",
        "not_offered": "orientering er ikke tilbudt",
        "not_informed": "målgruppen er ikke orienteret",
        "version_not_newer": "ikke en nyere version",
        "question_unknown": "ukendt spørgsmål",
        "question_answered": "spørgsmålet er besvaret",
        "not_a_party": "ikke part i aftalen",
        "already_approved": "allerede godkendt",
        "approval_missing": "godkendelse mangler",
        "already_implemented": "version allerede udmøntet",
        "not_longer": "ikke længere end nu",
        "milestone_unknown": "ukendt milepæl",
        "replaced_by_itself": "erstattet af sig selv",
        "sample_invalid": "eksemplet kan ikke læses",
        "sample_needs_sqlite": "eksempler spilles kun i et SQLite-lager",
        "store_not_empty": "lageret er ikke tomt",
        "unknown_enquiry": "ukendt henvendelse at tilknytte",
        # rules of enquiries
        "already_routed": "henvendelsen er allerede fordelt",
        "not_routed_there": "henvendelsen er ikke fordelt dertil",
        "answer_owed": "der skyldes et svar",
        "nothing_owed": "der skyldes intet svar",
        "answerer_unclear": "uklart, hvem der svarer",
        "enquiry_closed": "henvendelsen er afsluttet",
        "enquiry_not_closed": "henvendelsen er ikke afsluttet",
        "enquiry_split": "henvendelsen er opdelt",
        "enquiry_merged": "henvendelsen er sammenlagt med en anden",
        "merge_with_itself": "sammenlægning med sig selv",
        "merge_target_unknown": "ukendt henvendelse at sammenlægge med",
        "occurred_before_receipt": "tidspunkt før modtagelsen",
        "day_passed": "dagen er allerede gået",
        "rule_not_followed": "reglen fører ikke dertil",
        # rules of service targets, routing rules and accounts
        "calendar_unknown": "ukendt arbejdsdagskalender",
        "calendar_taken": "kalenderen følger med programmet",
        "account_of_other_side": "fremstillingen er den anden sides",
        "account_withdrawn": "fremstillingen er trukket tilbage",
        "not_the_same_attempt": "ikke samme forsøg på direkte kontakt",
        # rules of access and of the log
        "not_allowed": "ikke tilladt for rollen",
        "scope_unknown": "ukendt dataafgrænsning",
        "key_revoked": "nøglen er spærret",
        "key_expired": "nøglen er udløbet",
        "choose_grant": "vælg en rettighed",
        "own_grant": "ingen kan tildele sig selv rettigheder",
        "grant_withdrawn": "rettigheden er frataget",
        "idempotency_key_reused": "idempotensnøgle genbrugt med andet indhold",
        "event_id_reused": "hændelses-id genbrugt med andet indhold",
        "import_file_unreadable": "filen kan ikke læses",
        "mapping_invalid": "ugyldig afbildning",
        # unknown things
        "contact_unknown": "ukendt kontakt",
        "party_not_found": "part findes ikke",
        "position_unknown": "ukendt position",
        "enquiry_unknown": "ukendt henvendelse",
        "target_unknown": "ukendt servicemål",
        "rule_unknown": "ukendt fordelingsregel",
        "account_unknown": "ukendt fremstilling",
        "key_unknown": "ukendt nøgle",
        "grant_unknown": "ukendt rettighed",
        "not_found": "findes ikke",
        # someone wrote first
        "condition_failed": "en anden skrev først",
        "version_mismatch": "versionen er ikke den nyeste",
        "stream_version_taken": "versionen er allerede skrevet",
        # broken evidence
        "log_broken": "loggen er brudt",
        "proof_invalid": "beviset holder ikke",
        "note_invalid": "kontrolpunktet er ugyldigt",
        "event_undecodable": "hændelsen kan ikke læses",
        "sealed_value_invalid": "forseglet værdi er ugyldig",
        "view_failed": "visningen er gået i stå",
        # storage
        "store_unavailable": "lageret er utilgængeligt",
        "store_full": "lageret er fuldt",
        "queue_full": "køen er fuld",
        "view_behind": "visningen er bagud",
        "setting_unsafe": "usikker indstilling",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was sent: JSON pointer, code of `CODES`, and what to tell of it."""

    pointer: str
    code: str
    params: dict[str, str | int] = field(default_factory=dict)


class DomainError(Exception):
    """Root of the tree; `code` is stable, `params` never hold personal values."""

    def __init__(self, code: str, **params: str | int | None) -> None:
        """`code` is one of `CODES`."""
        if code not in CODES:
            message = f"error code {code!r} is not in the closed list"
            raise LookupError(message)
        super().__init__(code)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        """Return code and parameters, for logs and tests."""
        details = ", ".join(f"{k}={v}" for k, v in self.params.items())
        return f"{self.code}({details})" if details else self.code


class Refused(DomainError):
    """A rule said no (afvist). `faults` names every one of them, not only the first."""

    def __init__(self, code: str, faults: Sequence[Fault] = (), **params: str | int | None) -> None:
        """`faults` may be empty when the refusal is about the whole command."""
        super().__init__(code, **params)
        self.faults = tuple(faults)


class Unknown(DomainError):
    """No such thing in the log (findes ikke)."""


class Conflict(DomainError):
    """Someone wrote first (konflikt); `params['current']` is the current version when known."""


class Broken(DomainError):
    """Evidence does not hold (brudt): a hash, a gap, a decoding. Never to be swallowed."""


class Unavailable(DomainError):
    """The storage cannot do it now (utilgængelig); the same call may be tried again."""

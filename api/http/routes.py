"""The table of operations: every route of the API, declared once.

Order matters twice: the document lists them so, and the first paths are the ones asked most.
"""

from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from api.commands import FileContact
from api.http import contacts, examples, filings, log, parties, query, reports, shapes
from api.http.access_routes import access_operations
from api.http.direct_routes import direct_operations
from api.http.enquiry_routes import enquiry_operations
from api.http.log_routes import answer, log_operations
from api.http.operations import Operation
from api.http.query import MOMENTS, PAGING, Parameter, Parameters
from api.http.register_routes import register_operations
from api.http.rule_routes import rule_operations
from api.http.sessions import session_operations
from domain import parties as party_commands
from domain.access import Action
from domain.contacts import CorrectContact, LinkContact, LogContact, RetractContact
from domain.values import Channel, Confidentiality, Direction, Outcome
from projections.counts import DIMENSIONS, ROWS_MAX
from projections.timeline_doors import LENSES

_KEY: Final = ("Idempotency-Key",)
_CHANGE: Final = ("If-Match", "Idempotency-Key", "Prefer")
_WRITTEN: Final = (400, 408, 409, 413, 415, 422, 503, 507)
_CHANGED: Final = (*_WRITTEN, 404, 412, 428)
_READ: Final = (400, 404, 503)
_CONTACTS: Final = "Kontakter"
_PARTIES: Final = "Parter"
_REPORTS: Final = "Rapporter"
_TEXT: Final = "text/plain"

_FILTERS: Final = (
    query.text("party", "A party that took part in any role: id or key", "KAB", repeated=True),
    query.text("administration", "An administration: id or key", "TMF", repeated=True),
    query.text("organisation", "An organisation: id or key", "KAB", repeated=True),
    query.choice("channel", "Direct or through the one entry point", list(Channel)),
    query.text("medium", "Medium", "phone"),
    query.choice("direction", "Who took the initiative", list(Direction)),
    query.text("topic", "Topic", "udlejning"),
    query.text("kle", "KLE number or a group above it", "03.10"),
    query.text("case_number", "Case number", "2009-116302"),
    query.text("text", "Words in subject, facts and place", "udlejning"),
    query.day("occurred_from", "First day; contacts whose time overlaps"),
    query.day("occurred_to", "Last day"),
    query.moment("recorded_from", "Recorded at or after"),
    query.moment("recorded_to", "Recorded at or before"),
    query.choice("confidentiality", "Confidentiality", list(Confidentiality)),
    query.choice("outcome", "Outcome", list(Outcome)),
    query.text("flag", "Flag", "occurred_in_future"),
    query.truth("include_retracted", "Also contacts that were withdrawn"),
)


def _dimensions(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in names if name not in DIMENSIONS]:
        raise ValueError(f"ukendt opdeling {unknown[0][:40]!r}; vælg af: {', '.join(DIMENSIONS)}")
    if len(set(names)) < len(names):
        raise ValueError("samme opdeling to gange")
    return names


_BY: Final = Parameter(
    "by",
    _dimensions,
    {"type": "string", "pattern": rf"^({'|'.join(DIMENSIONS)})(,({'|'.join(DIMENSIONS)}))*$"},
    "Dimensions with commas between; at most one of time",
    "month,administration",
)
_REPORT: Final = (
    _BY,
    query.day("from", "First day", "2010-01-01"),
    query.day("to", "Last day", "2010-12-31"),
    *_FILTERS[1:6],
    query.choice("outcome", "Outcome; held when left out", list(reports.OUTCOMES)),
    query.choice("sort", "By key, or the largest first", ("key", "-count")),
    query.number("limit", "Rows at most", 1, ROWS_MAX),
)
_LENS: Final = query.choice(
    "lens", "Only what came directly, or only through the one entry point", LENSES
)
_ENQUIRY: Final = query.text("enquiry", "Filed on the enquiry with this id", examples.ENQUIRY_ID)
_CONTACT_PATH: Final = MappingProxyType({"contact_id": examples.CONTACT_ID})
_PARTY_PATH: Final = MappingProxyType({"party_id": examples.PARTY_ID})


def _contact_change(
    name: str, path: str, endpoint: Any, body: type[BaseModel], example: Any, summary: str
) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=f"/v1/contacts/{{contact_id}}/{path}",
        endpoint=endpoint,
        summary=summary,
        action=Action.CHANGE_CONTACT,
        tag=_CONTACTS,
        headers=_CHANGE,
        body=body,
        example=example,
        path_examples={"contact_id": examples.CONTACT_ID, "link_id": examples.LINK_ID}
        if "link_id" in path
        else _CONTACT_PATH,
        answers={200: "The contact after the change"},
        schema=answer(shapes.Contact),
        problems=_CHANGED,
    )


def _party_change(path: str, command: type[BaseModel], summary: str) -> Operation:
    return Operation(
        name=f"party_{path.replace('-', '_')}",
        method="POST",
        path=f"/v1/parties/{{party_id}}/{path}",
        endpoint=parties.changing(command),
        summary=summary,
        action=Action.CHANGE_PARTIES,
        tag=_PARTIES,
        headers=(*_KEY, "Prefer"),
        body=command,
        example=examples.PARTY_CHANGES[path],
        path_examples=_PARTY_PATH,
        answers={200: "The party after the change"},
        schema=answer(shapes.Party),
        problems=(*_WRITTEN, 404),
    )


def _contact_lists() -> list[Operation]:
    return [
        Operation(
            "list_contacts",
            "GET",
            "/v1/contacts",
            contacts.list_contacts,
            "List contacts, newest first",
            Action.READ_CONTACTS,
            _CONTACTS,
            parameters=Parameters((*_FILTERS, _ENQUIRY, *MOMENTS, *PAGING)),
            schema=answer(shapes.ContactList),
            problems=(400, 503),
        ),
        Operation(
            "log_contact",
            "POST",
            "/v1/contacts",
            contacts.log_contact,
            "Write down that a contact took place",
            Action.LOG_CONTACT,
            _CONTACTS,
            description="Never waits for anything but the log itself. The same request again, under"
            " the same Idempotency-Key or id, is answered with what is recorded.",
            headers=(*_KEY, "Prefer"),
            body=LogContact,
            example=examples.LOG_CONTACT,
            answers={201: "Recorded", 200: "The same contact was recorded before"},
            schema=answer(shapes.Contact),
            problems=_WRITTEN,
        ),
        Operation(
            "log_contacts",
            "POST",
            "/v1/contacts/batch",
            contacts.log_contacts,
            "Write down up to 1,000 contacts",
            Action.LOG_CONTACT,
            _CONTACTS,
            description="Each item is recorded on its own and has a status of its own; with"
            " `atomic=true` all are recorded or none.",
            parameters=Parameters((query.truth("atomic", "All or nothing"),)),
            headers=_KEY,
            body=contacts.BatchBody,
            example={"items": [examples.LOG_CONTACT, examples.BROADCAST]},
            answers={200: "One result per item", 201: "All recorded (atomic)"},
            schema=answer(shapes.BatchResult),
            problems=_WRITTEN,
        ),
    ]


def _contact_reading() -> list[Operation]:
    return [
        Operation(
            "get_contact",
            "GET",
            "/v1/contacts/{contact_id}",
            contacts.get_contact,
            "Read one contact",
            Action.READ_CONTACTS,
            _CONTACTS,
            parameters=Parameters(MOMENTS),
            headers=("If-None-Match",),
            path_examples=_CONTACT_PATH,
            answers={200: "The contact", 304: "Unchanged"},
            schema=answer(shapes.Contact),
            problems=_READ,
        ),
        Operation(
            "get_contact_history",
            "GET",
            "/v1/contacts/{contact_id}/history",
            contacts.get_history,
            "Read who did what when, with what changed and the contact after each step",
            Action.READ_CONTACTS,
            _CONTACTS,
            parameters=Parameters(MOMENTS),
            path_examples=_CONTACT_PATH,
            schema=answer(shapes.HistoryList),
            problems=_READ,
        ),
        Operation(
            "get_contact_receipt",
            "GET",
            "/v1/contacts/{contact_id}/receipt",
            log.get_receipt,
            "Read a proof to keep: that the contact is in the log (C2SP tlog-proof)",
            Action.READ_CONTACTS,
            _CONTACTS,
            parameters=Parameters(
                (query.number("version", "Which version; the newest when left out", 1),)
            ),
            path_examples=_CONTACT_PATH,
            schema={"type": "string"},
            media_type=_TEXT,
            problems=_READ,
        ),
    ]


def _contact_changes() -> list[Operation]:
    return [
        _contact_change(
            "correct_contact",
            "corrections",
            contacts.correct_contact,
            CorrectContact,
            examples.CORRECT_CONTACT,
            "Correct a contact; fields left out stay, null empties",
        ),
        _contact_change(
            "retract_contact",
            "retraction",
            contacts.retract_contact,
            RetractContact,
            examples.RETRACT_CONTACT,
            "Withdraw a contact that should not have been logged",
        ),
        _contact_change(
            "link_contact",
            "links",
            contacts.link_contact,
            LinkContact,
            examples.LINK_CONTACT,
            "File a contact on a case, an enquiry, a commitment …",
        ),
        _contact_change(
            "unlink_contact",
            "links/{link_id}/removal",
            contacts.unlink_contact,
            contacts.UnlinkBody,
            examples.UNLINK_CONTACT,
            "Take a contact off what it was filed on",
        ),
    ]


def _contact_filing() -> list[Operation]:
    return [
        _contact_change(
            "file_contact",
            "filings",
            filings.file_contact,
            FileContact,
            examples.FILE_CONTACT,
            "File a contact on several things at once, all of them or none",
        ),
        Operation(
            "get_contact_filings",
            "GET",
            "/v1/contacts/{contact_id}/filings",
            filings.get_filings,
            "Read what a contact is and was filed on: by whom, when, why, until when",
            Action.READ_CONTACTS,
            _CONTACTS,
            parameters=Parameters(MOMENTS),
            path_examples=_CONTACT_PATH,
            schema=answer(shapes.ContactFilingList),
            problems=_READ,
        ),
    ]


def _party_lists() -> list[Operation]:
    return [
        Operation(
            "list_parties",
            "GET",
            "/v1/parties",
            parties.list_parties,
            "List parties by name",
            Action.READ_PARTIES,
            _PARTIES,
            parameters=Parameters(
                (
                    query.text("kind", "Kind", "housing_organisation"),
                    query.text("q", "Part of a name, abbreviation or alias", "bolig"),
                    query.text("key", "A whole key: id, name, abbreviation, CVR …", "KAB"),
                    *MOMENTS,
                    *PAGING,
                )
            ),
            schema=answer(shapes.PartyList),
            problems=(400, 503),
        ),
        Operation(
            "register_party",
            "POST",
            "/v1/parties",
            parties.register_party,
            "Enter a party in the register",
            Action.CHANGE_PARTIES,
            _PARTIES,
            headers=(*_KEY, "Prefer"),
            body=party_commands.RegisterParty,
            example=examples.REGISTER_PARTY,
            answers={201: "Registered", 200: "The same party was registered before"},
            schema=answer(shapes.Party),
            problems=_WRITTEN,
        ),
    ]


def _party_reading() -> list[Operation]:
    return [
        Operation(
            "get_party",
            "GET",
            "/v1/parties/{party_id}",
            parties.get_party,
            "Read one party",
            Action.READ_PARTIES,
            _PARTIES,
            parameters=Parameters(MOMENTS),
            headers=("If-None-Match",),
            path_examples=_PARTY_PATH,
            answers={200: "The party", 304: "Unchanged"},
            schema=answer(shapes.Party),
            problems=_READ,
        ),
        Operation(
            "get_party_timeline",
            "GET",
            "/v1/parties/{party_id}/timeline",
            parties.get_timeline,
            "Read everything with this party, newest first, and why each entry is shown",
            Action.READ_CONTACTS,
            _PARTIES,
            description="Contacts, steps of enquiries, accounts of being turned away from the"
            " direct door, and what happened to the party itself. Each names the `lens` it is seen"
            " through: the direct door, or the one entry point.",
            parameters=Parameters((_LENS, *MOMENTS, *PAGING)),
            path_examples=_PARTY_PATH,
            schema=answer(shapes.TimelineList),
            problems=_READ,
        ),
    ]


def _party_changes() -> list[Operation]:
    return [
        _party_change("names", party_commands.RenameParty, "Give the party another name"),
        _party_change("aliases", party_commands.AddAlias, "Let it be found by a further name"),
        _party_change("external-ids", party_commands.AddExternalId, "Attach an outside number"),
        _party_change("relations", party_commands.RelateParty, "Say how it stands to another"),
        _party_change("relation-ends", party_commands.EndRelation, "End a relation"),
        _party_change("merge", party_commands.MergeParty, "Say that it is the same as another"),
        _party_change("unmerge", party_commands.UnmergeParty, "Take a merge back"),
        _party_change("closure", party_commands.CloseParty, "Say that it ceased to exist"),
    ]


def _report_operations() -> list[Operation]:
    return [
        Operation(
            "count_contacts",
            "GET",
            "/v1/reports/contacts",
            reports.count_contacts,
            "Count contacts by month, administration, organisation, channel …",
            Action.READ_REPORTS,
            _REPORTS,
            parameters=Parameters((*_REPORT, *MOMENTS)),
            schema=answer(shapes.ReportShown),
            problems=(400, 503),
        ),
        Operation(
            "list_imports",
            "GET",
            "/v1/imports",
            reports.list_imports,
            "List imports, newest first",
            Action.READ_IMPORTS,
            _REPORTS,
            parameters=Parameters((*MOMENTS, *PAGING)),
            schema=answer(shapes.ImportList),
            problems=(400, 503),
        ),
    ]


def operations() -> tuple[Operation, ...]:
    """Return every operation of the API."""
    return (
        *_contact_lists(),
        *_contact_reading(),
        *_contact_changes(),
        *_contact_filing(),
        *_party_lists(),
        *_party_reading(),
        *_party_changes(),
        *enquiry_operations(),
        *direct_operations(),
        *register_operations(),
        *_report_operations(),
        *rule_operations(),
        *access_operations(),
        *session_operations(),
        *log_operations(),
    )

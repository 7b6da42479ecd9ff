"""The operations that read enquiries: inbox, counts, one enquiry and what stands beside it."""

from types import MappingProxyType
from typing import Final

from api.http import examples, inbox, query
from api.http.enquiry_shapes import (
    Enquiry,
    EnquiryCounts,
    EnquiryList,
    EnquiryStepList,
    EnquirySuggestions,
    FiledContactList,
)
from api.http.log_routes import answer
from api.http.operations import Operation
from api.http.query import MOMENTS, PAGING, Parameter, Parameters
from domain.access import Action
from domain.enquiries import Priority
from domain.enquiries.state import Phase
from domain.service_targets import Clock, EnquiryKind
from projections.enquiries_counted import DIMENSIONS, DIMENSIONS_MAX, STATES

TAG: Final = "Henvendelser"
_TRUTH: Final = ("true", "false")
_READ: Final = (400, 404, 503)
_PATH: Final = MappingProxyType({"enquiry_id": examples.ENQUIRY_ID})
_FILTERS: Final = (
    query.text("unit", "The unit that has it: id or key", "TMF", repeated=True),
    query.text("administration", "Addressed, or owing an answer: id or key", "TMF", repeated=True),
    query.text("sender", "Who sent it: id or key", "KAB", repeated=True),
    query.text("assigned", "Who has it: a person's pseudonym, a role, a team"),
    query.choice("phase", "How far it has come", list(Phase), repeated=True),
    query.choice("open", "What has not ended, or what has", _TRUTH),
    query.choice("kind", "Kind", list(EnquiryKind)),
    query.text("medium", "Medium", "email"),
    query.choice("written", "Whether it was written", _TRUTH),
    query.choice("priority", "Priority", list(Priority)),
    query.text("topic", "Topic", "anvisning"),
    query.text("kle", "KLE number or a group above it", "03.10"),
    query.text("case_number", "Case number", "2009-116302"),
    query.choice("deadline", "State of a deadline at the moment asked", STATES),
    query.choice("clock", "Which clock that is about", list(Clock)),
    query.day("received_from", "First day of receipt", "2010-01-01"),
    query.day("received_to", "Last day of receipt", "2030-12-31"),
    query.day("closed_from", "First day it ended on", "2010-01-01"),
    query.day("closed_to", "Last day it ended on", "2030-12-31"),
    query.text("text", "Words in the contact it came with", "anvisning"),
)
_SORT: Final = query.choice(
    "sort",
    "What is due first (as with open=true), or the newest first",
    ("deadline", "received"),
)


def _dimensions(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in names if name not in DIMENSIONS]:
        raise ValueError(f"ukendt opdeling {unknown[0][:40]!r}; vælg af: {', '.join(DIMENSIONS)}")
    if len(set(names)) < len(names) or len(names) > DIMENSIONS_MAX:
        raise ValueError(f"højst {DIMENSIONS_MAX} opdelinger, hver én gang")
    return names


_BY: Final = Parameter(
    "by",
    _dimensions,
    {"type": "string", "pattern": rf"^({'|'.join(DIMENSIONS)})(,({'|'.join(DIMENSIONS)}))?$"},
    "One or two dimensions with a comma between",
    "phase,unit",
)


def inbox_operations() -> tuple[Operation, ...]:
    """Return the operations."""
    return (*_lists(), *_items())


def _lists() -> list[Operation]:
    return [
        Operation(
            "list_enquiries",
            "GET",
            "/v1/enquiries",
            inbox.list_enquiries,
            "List enquiries: the inbox of the one entry point",
            Action.READ_ENQUIRIES,
            TAG,
            description="Deadlines are judged by the moment asked: now, the time of"
            " `as_of_recorded`, or the end of the day of `as_of_effective`. Where a filter is about"
            " deadlines or duplicates a page may hold fewer than `limit` and still have a `next`.",
            parameters=Parameters(
                (
                    *_FILTERS,
                    query.truth("duplicates", "Only those that something else looks like"),
                    _SORT,
                    *MOMENTS,
                    *PAGING,
                )
            ),
            schema=answer(EnquiryList),
            problems=(400, 503),
        ),
        Operation(
            "count_enquiries",
            "GET",
            "/v1/enquiries/counts",
            inbox.count_enquiries,
            "Count enquiries by phase, unit, medium, deadline or month of receipt",
            Action.READ_ENQUIRIES,
            TAG,
            parameters=Parameters((_BY, *_FILTERS, *MOMENTS)),
            schema=answer(EnquiryCounts),
            problems=(400, 503),
        ),
    ]


def _items() -> list[Operation]:
    return [
        Operation(
            "get_enquiry",
            "GET",
            "/v1/enquiries/{enquiry_id}",
            inbox.get_enquiry,
            "Read one enquiry",
            Action.READ_ENQUIRIES,
            TAG,
            parameters=Parameters(MOMENTS),
            headers=("If-None-Match",),
            path_examples=_PATH,
            answers={200: "The enquiry", 304: "Unchanged, and no deadline runs"},
            schema=answer(Enquiry),
            problems=_READ,
        ),
        Operation(
            "get_enquiry_steps",
            "GET",
            "/v1/enquiries/{enquiry_id}/steps",
            inbox.get_steps,
            "Read what happened to an enquiry, and through whose hands it went",
            Action.READ_ENQUIRIES,
            TAG,
            parameters=Parameters(
                (query.truth("chain", "Only its way from hand to hand"), *MOMENTS)
            ),
            path_examples=_PATH,
            schema=answer(EnquiryStepList),
            problems=_READ,
        ),
        Operation(
            "get_enquiry_contacts",
            "GET",
            "/v1/enquiries/{enquiry_id}/contacts",
            inbox.get_contacts,
            "Read the contacts filed on an enquiry, with who filed them and why",
            Action.READ_ENQUIRIES,
            TAG,
            parameters=Parameters((*MOMENTS, *PAGING)),
            path_examples=_PATH,
            schema=answer(FiledContactList),
            problems=_READ,
        ),
        Operation(
            "get_enquiry_suggestions",
            "GET",
            "/v1/enquiries/{enquiry_id}/suggestions",
            inbox.get_suggestions,
            "Read what looks like it, where such ones went, who talks with its sender",
            Action.READ_ENQUIRIES,
            TAG,
            parameters=Parameters(MOMENTS),
            path_examples=_PATH,
            schema=answer(EnquirySuggestions),
            problems=_READ,
        ),
    ]

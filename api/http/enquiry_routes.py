"""The part of the table of operations that is about enquiries, the inbox and their steps."""

from types import MappingProxyType
from typing import Final

from api.commands import STEPS
from api.http import enquiries, enquiry_shapes, examples
from api.http.inbox_routes import inbox_operations
from api.http.log_routes import answer
from api.http.operations import Operation
from domain.access import Action
from domain.enquiries import ReceiveEnquiry, StepName

TAG: Final = "Henvendelser"
_WRITTEN: Final = (400, 408, 409, 413, 415, 422, 503, 507)
_PATH: Final = MappingProxyType({"enquiry_id": examples.ENQUIRY_ID})
_STEPS: Final[tuple[tuple[StepName, str, str], ...]] = (
    ("acknowledgements", "acknowledge_enquiry", "Acknowledge receipt, naming handler or team"),
    ("triage", "triage_enquiry", "Sort an enquiry: category, priority, kind, topics, KLE"),
    ("routes", "route_enquiry", "Send an enquiry to who shall answer it"),
    ("reroutes", "reroute_enquiry", "Send an enquiry on from one unit to another"),
    ("returns", "return_enquiry", "Send an enquiry back to the desk"),
    ("assignments", "assign_enquiry", "Give an enquiry to a person or a role"),
    ("information-requests", "request_information", "Ask the sender for information"),
    ("information", "supply_information", "Take down information the sender gave"),
    ("interim-replies", "send_interim_reply", "Tell the sender why it takes longer, until when"),
    ("answers", "answer_enquiry", "Answer an enquiry, for one who owes an answer"),
    ("waivers", "waive_answer", "Record that an answer is not owed after all"),
    ("closures", "close_enquiry", "Close an enquiry; refused while somebody owes an answer"),
    ("reopenings", "reopen_enquiry", "Open a closed enquiry again"),
    ("splits", "split_enquiry", "Split an enquiry into several"),
    ("merges", "merge_enquiry", "Merge an enquiry into another of the same matter"),
)


def enquiry_operations() -> tuple[Operation, ...]:
    """Return its operations."""
    return (*inbox_operations(), _receive(), *(_step(*each) for each in _STEPS))


def _receive() -> Operation:
    return Operation(
        "receive_enquiry",
        "POST",
        "/v1/enquiries",
        enquiries.receive_enquiry,
        "Receive an enquiry through the one entry point",
        Action.RECEIVE_ENQUIRY,
        TAG,
        description="It is also a contact, recorded with it; `Link` leads to that contact's"
        " receipt. The same request again, under the same Idempotency-Key or id, is answered with"
        " what is recorded. A rule that holds may route it at once, and is named.",
        headers=("Idempotency-Key", "Prefer"),
        body=ReceiveEnquiry,
        example=examples.RECEIVE_ENQUIRY,
        answers={201: "Recorded", 200: "The same enquiry was recorded before"},
        schema=answer(enquiry_shapes.Enquiry),
        problems=_WRITTEN,
    )


def _step(name: StepName, operation: str, summary: str) -> Operation:
    by_sender = name == "information"
    return Operation(
        name=operation,
        method="POST",
        path=f"/v1/enquiries/{{enquiry_id}}/{name}",
        endpoint=enquiries.stepping(name),
        summary=summary,
        action=Action.SUPPLY_INFORMATION if by_sender else Action.HANDLE_ENQUIRY,
        tag=TAG,
        headers=("If-Match", "Idempotency-Key", "Prefer"),
        body=STEPS[name],
        example=examples.ENQUIRY_STEPS[name],
        path_examples=_PATH,
        answers={200: "The enquiry after the step"},
        schema=answer(enquiry_shapes.Enquiry),
        problems=(*_WRITTEN, 404, 412, 428),
    )

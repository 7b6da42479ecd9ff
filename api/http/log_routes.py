"""The part of the table of operations that is about the log itself and about running it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from api.http import health, log, query, shapes
from api.http.operations import Operation
from api.http.query import Parameters
from domain.access import Action

_LOG: Final = "Loggen"
_HEALTH: Final = "Drift"
_TEXT: Final = "text/plain"


def answer(shape: type[BaseModel]) -> Mapping[str, Any]:
    """Return the schema that refers to an answer's shape."""
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def log_operations() -> tuple[Operation, ...]:
    """Return the operations of the log, its proofs, and the operators' probes."""
    return (*_log_operations(), *_proofs(), *_health_operations())


def _log_operations() -> list[Operation]:
    return [
        Operation(
            "get_checkpoint",
            "GET",
            "/v1/log/checkpoint",
            log.get_checkpoint,
            "Read the newest signed checkpoint (C2SP signed note)",
            Action.READ_CHECKPOINT,
            _LOG,
            parameters=Parameters((query.number("size", "The smallest of at least this size", 1),)),
            schema={"type": "string"},
            media_type=_TEXT,
            problems=(400, 404, 503),
        ),
        Operation(
            "list_log_entries",
            "GET",
            "/v1/log/entries",
            log.list_entries,
            "Read rows as they are stored",
            Action.READ_LOG,
            _LOG,
            parameters=Parameters(
                (
                    query.number("after", "Rows with a greater position"),
                    query.number("limit", "Rows of one page", 1, 500, default=100),
                )
            ),
            schema=answer(shapes.LogEntryList),
            problems=(400, 503),
        ),
    ]


def _proofs() -> list[Operation]:
    return [
        Operation(
            "prove_inclusion",
            "GET",
            "/v1/log/proofs/inclusion",
            log.prove_inclusion,
            "Prove that a position is in the tree of a size",
            Action.READ_CHECKPOINT,
            _LOG,
            parameters=Parameters(
                (
                    query.number("position", "The position (required)", 1, example=1),
                    query.number("size", "Tree size; the newest checkpoint's when left out", 1),
                )
            ),
            schema=answer(shapes.InclusionProof),
            problems=(400, 503),
        ),
        Operation(
            "prove_consistency",
            "GET",
            "/v1/log/proofs/consistency",
            log.prove_consistency,
            "Prove that one tree begins with another",
            Action.READ_CHECKPOINT,
            _LOG,
            parameters=Parameters(
                (
                    query.number("from", "The smaller size (required)", example=1),
                    query.number("to", "The larger size; the newest checkpoint's when left out"),
                )
            ),
            schema=answer(shapes.ConsistencyProof),
            problems=(400, 503),
        ),
        Operation(
            "get_log_key",
            "GET",
            "/v1/log/key",
            log.get_key,
            "Read the public key that checkpoints are verified with",
            Action.READ_CHECKPOINT,
            _LOG,
            schema={"type": "string"},
            media_type=_TEXT,
        ),
    ]


def _health_operations() -> list[Operation]:
    return [
        Operation(
            "livez",
            "GET",
            "/livez",
            health.livez,
            "Whether the process runs",
            None,
            _HEALTH,
            schema=answer(shapes.Status),
        ),
        Operation(
            "readyz",
            "GET",
            "/readyz",
            health.readyz,
            "Whether contacts can be logged and seen; details with a key",
            None,
            _HEALTH,
            schema=answer(shapes.Status),
            problems=(503,),
            optional_key=True,
        ),
        Operation(
            "metrics",
            "GET",
            "/metrics",
            health.metrics,
            "Figures for monitoring (Prometheus): from this machine, or with a key",
            None,
            _HEALTH,
            schema={"type": "string"},
            media_type=_TEXT,
            problems=(401, 403, 503),
            optional_key=True,
        ),
    ]

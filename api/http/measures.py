"""Figures for the operator's monitoring (målinger): requests, positions, queue, in one registry.

Labels are operations and statuses, never what was asked for: a monitoring system is no place for
personal data.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
MEDIA_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"


class Measures:
    """One application's figures; a registry of its own, so that two applications do not meet."""

    def __init__(self) -> None:
        """All figures start at zero."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "kontaktlog_requests",
            "Answered requests",
            ("operation", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "kontaktlog_request_seconds",
            "Time to make an answer",
            ("operation",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._position = Gauge(
            "kontaktlog_position",
            "How far each part has come in the log",
            ("part",),
            registry=self._registry,
        )
        self._counters: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def asked(self, operation: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        counter = self._counters.get((operation, status))
        if counter is None:
            counter = self._requests.labels(operation, str(status))
            self._counters[operation, status] = counter
        counter.inc()
        timer = self._timers.get(operation)
        if timer is None:
            timer = self._timers[operation] = self._seconds.labels(operation)
        timer.observe(seconds)

    def reached(self, part: str, position: int) -> None:
        """Note how far a part (head, a view, sealed) has come."""
        self._position.labels(part).set(position)

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self._registry)

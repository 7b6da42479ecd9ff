"""The library's conformance suites, without the optional cipher and the haste of one of them."""

import sys
import threading
from types import ModuleType
from unittest.mock import patch

# Its module of suites imports a cipher that needs a package we do not have, for suites we do not
# run. A stand-in during this one import spares a dependency.
_cipher = ModuleType("eventsourcing.cipher")
_cipher.__dict__["AESCipher"] = object
with patch.dict(sys.modules, {"eventsourcing.cipher": _cipher}):
    from eventsourcing.dcb.tests import (
        DCBRecorderTestCase,
        EnsureSubscriptionBlockAndReceive,
    )
    from eventsourcing.tests.persistence import (
        AggregateRecorderTestCase,
        ApplicationRecorderTestCase,
        NonInterleavingNotificationIDsBaseCase,
    )

PATIENCE_SECONDS = 60


class _Patient(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(PATIENCE_SECONDS if timeout == 1 else timeout)


class PatientReader(EnsureSubscriptionBlockAndReceive):
    """A reader of the suite that may take longer than a second to receive what it waits for."""

    def start(self) -> None:
        self.has_received = _Patient()
        super().start()


__all__ = [
    "AggregateRecorderTestCase",
    "ApplicationRecorderTestCase",
    "DCBRecorderTestCase",
    "NonInterleavingNotificationIDsBaseCase",
    "PatientReader",
]

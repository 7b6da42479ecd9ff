"""The library's conformance suites, imported without the optional cipher one of them names."""

import sys
from types import ModuleType
from unittest.mock import patch

# Its module of suites imports a cipher that needs a package we do not have, for suites we do not
# run. A stand-in during this one import spares a dependency.
_cipher = ModuleType("eventsourcing.cipher")
_cipher.__dict__["AESCipher"] = object
with patch.dict(sys.modules, {"eventsourcing.cipher": _cipher}):
    from eventsourcing.dcb.tests import DCBRecorderTestCase
    from eventsourcing.tests.persistence import (
        AggregateRecorderTestCase,
        ApplicationRecorderTestCase,
        NonInterleavingNotificationIDsBaseCase,
    )

__all__ = [
    "AggregateRecorderTestCase",
    "ApplicationRecorderTestCase",
    "DCBRecorderTestCase",
    "NonInterleavingNotificationIDsBaseCase",
]

"""The library's own promises of a tracking recorder hold for our tracking table."""

import importlib
import sys
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

from projections.storage import Positions, ViewStore


def library_suite() -> Any:
    """The library's test cases.

    Their module also tests ciphers, whose optional library we do not install; the stand-in is there
    only while the module is loaded, and no case we run asks it for anything.
    """
    ciphers = ModuleType("eventsourcing.cipher")
    vars(ciphers)["AESCipher"] = type("AESCipher", (), {})
    with patch.dict(sys.modules, {"eventsourcing.cipher": ciphers}):
        return importlib.import_module("eventsourcing.tests.persistence").TrackingRecorderTestCase


SUITE = library_suite()


@pytest.mark.parametrize("name", [name for name in dir(SUITE) if name.startswith("test_")])
def test_positions_keep_the_librarys_promises(store: ViewStore, name: str) -> None:
    class_body = {"create_recorder": lambda _: Positions(store)}
    case = type("Conformance", (SUITE,), class_body)(name)
    getattr(case, name)()

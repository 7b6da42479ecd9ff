import re
from pathlib import Path
from typing import Any

import pytest

from domain.log.checkpoint import (
    EXTRA_BYTES_MAX,
    NOTE_BYTES_MAX,
    RECEIPT_BYTES_MAX,
    SIGNATURES_MAX,
    Checkpoint,
    SigningKey,
    VerifierKey,
    open_checkpoint,
    render_tlog_proof,
    sign_checkpoint,
    verify_tlog_proof,
)
from domain.log.leaf import BODY_DOMAIN, body_hash, encode_value, entry, leaf_hash
from domain.log.merkle import PATH_HASHES_MAX, node_hash, root_of

PAGE = Path(__file__).parents[3] / "docs" / "log-format.md"
BODY = ("event_id", "type", "tags", "metadata", "data", "stream_id", "stream_version", "key_hash")
BLOBS = {"event_id", "key_hash"}


@pytest.fixture
def page() -> str:
    return PAGE.read_text("utf-8")


def block(page: str, name: str) -> str:
    found = re.findall(rf"^```{name}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def example(page: str) -> dict[str, str]:
    pairs = [line.split(" = ", 1) for line in block(page, "example").splitlines() if line]
    assert len({name for name, _ in pairs}) == len(pairs)
    return {name: value for name, value in pairs}  # noqa: C416  split gives lists of str


def columns(values: dict[str, str], row: int) -> tuple[Any, ...]:
    found: list[Any] = []
    for name in BODY:
        text = values.get(f"row {row} {name}", values[f"row 1 {name}"])
        if text == "NULL":
            found.append(None)
        elif name in BLOBS:
            found.append(bytes.fromhex(text))
        elif name in {"metadata", "data"}:
            found.append(text.encode())
        else:
            found.append(int(text) if name == "stream_version" else text)
    return tuple(found)


def test_the_worked_example_is_what_our_code_computes(page: str) -> None:
    values = example(page)
    leaves = []
    for row in (1, 2, 3):
        stored = columns(values, row)
        body = body_hash(*stored)
        recorded_at = int(values[f"row {row} recorded_at"])
        leaves.append(leaf_hash(row, recorded_at, body))
        assert values[f"row {row} body"] == body.hex()
        assert values[f"row {row} leaf"] == leaves[-1].hex()
    first = columns(values, 1)
    assert values["row 1 hashed bytes"] == (BODY_DOMAIN + b"".join(map(encode_value, first))).hex()
    at = int(values["row 1 recorded_at"])
    assert values["row 1 entry"] == entry(1, at, body_hash(*first)).hex()
    assert values["node of rows 1 and 2"] == node_hash(leaves[0], leaves[1]).hex()
    assert values["root of 2"] == root_of(leaves[:2]).hex()
    assert values["root of 3"] == root_of(leaves).hex()
    assert values["consistency path 2 to 3"] == leaves[2].hex()


def test_the_example_note_and_receipt_verify_with_the_keys_of_the_page(page: str) -> None:
    values = example(page)
    note, receipt = block(page, "note"), block(page, "receipt")
    key = SigningKey(values["origin"], bytes.fromhex(values["seed"]))
    assert str(key.verifier) == values["verifier key"]
    assert key.secret_text() == values["signing key"]
    assert SigningKey.parse(values["signing key"]).verifier == key.verifier
    root = bytes.fromhex(values["root of 3"])
    assert sign_checkpoint(values["origin"], 3, root, key) == note
    keys = [VerifierKey.parse(values["verifier key"])]
    assert open_checkpoint(note, keys, origin=values["origin"]) == Checkpoint(
        values["origin"], 3, root
    )
    path = [bytes.fromhex(values[f"row {row} leaf"]) for row in (1, 3)]
    assert render_tlog_proof(1, path, note) == receipt
    leaf = bytes.fromhex(values["row 2 leaf"])
    assert verify_tlog_proof(receipt, 2, leaf, keys, origin=values["origin"]).size == 3


def test_the_limits_on_the_page_are_those_in_the_code(page: str) -> None:
    for limit in (NOTE_BYTES_MAX, EXTRA_BYTES_MAX, RECEIPT_BYTES_MAX):
        assert f"{limit:,} bytes" in page
    assert f"more than {SIGNATURES_MAX} of them" in page
    assert f"0 to {PATH_HASHES_MAX} lines" in page
    assert BODY_DOMAIN.decode().strip() in page


def test_every_column_of_the_body_stands_on_the_page_in_its_order(page: str) -> None:
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [(str(number), name) for number, name in enumerate(BODY, 1)]

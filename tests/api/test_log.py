"""The log's own routes, used as an outsider would: every proof is checked, offline."""

import base64
from typing import Any

import pytest

from domain.access import Role
from domain.log.checkpoint import VerifierKey, open_checkpoint, verify_tlog_proof
from domain.log.leaf import body_hash, leaf_hash
from domain.log.merkle import root_of, verify_consistency, verify_inclusion
from tests.api.builders import Api, caught_up

ORIGIN = "kontaktlog.example/log"


@pytest.fixture
def auditor(api: Api) -> Api:
    for number in range(3):
        api.log(subject=f"Emne {number}")
    return api.as_role(Role.AUDITOR)


def verifier(api: Api) -> VerifierKey:
    return VerifierKey.parse(api.get("/v1/log/key").text.strip())


def sealed(api: Api, position: int) -> Any:
    """The smallest checkpoint that covers `position`, once there is one."""
    caught_up(api.services)
    found = api.get(f"/v1/log/checkpoint?size={position}")
    assert found.status_code == 200, found.text
    return open_checkpoint(found.text, [verifier(api)], origin=ORIGIN)


def entries(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = "0"
    while after is not None:
        page = api.get("/v1/log/entries", params={"after": after, "limit": 2}).json()
        found += page["items"]
        after = page["next"]
    return found


def leaf_of(entry: dict[str, Any]) -> bytes:
    body = body_hash(
        bytes.fromhex(entry["event_id"].replace("-", "")),
        entry["type"],
        entry["tags"],
        entry["metadata"].encode(),
        entry["data"].encode(),
        entry["stream_id"],
        entry["stream_version"],
        bytes.fromhex(entry["key_hash"]) if entry["key_hash"] else None,
    )
    return leaf_hash(entry["position"], entry["recorded_at"], body)


def test_an_outsider_computes_the_signed_root_from_the_entries(auditor: Api) -> None:
    rows = entries(auditor)
    leaves = [leaf_of(row) for row in rows]
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert [leaf.hex() for leaf in leaves] == [row["leaf"] for row in rows]
    checkpoint = sealed(auditor, len(rows))
    assert root_of(leaves[: checkpoint.size]) == checkpoint.root


def test_no_entry_shows_a_name_or_a_text_in_clear(api: Api) -> None:
    api.log(subject="Hemmeligt emne", participants=[{"name": "Kim Eksempel"}], facts="Fortroligt")
    told = str(entries(api.as_role(Role.AUDITOR)))
    for word in ("Hemmeligt", "Kim", "Fortroligt"):
        assert word not in told


def test_inclusion_and_consistency_proofs_verify(auditor: Api) -> None:
    size = sealed(auditor, len(entries(auditor))).size
    leaves = [leaf_of(row) for row in entries(auditor)]
    for position in range(1, size + 1):
        params = {"position": position, "size": size}
        proof = auditor.get("/v1/log/proofs/inclusion", params=params).json()
        path = [base64.b64decode(each) for each in proof["path"]]
        verify_inclusion(leaves[position - 1], position - 1, size, path, root_of(leaves[:size]))
        assert base64.b64decode(proof["root"]) == root_of(leaves[:size])
    for old in range(size + 1):
        proof = auditor.get("/v1/log/proofs/consistency", params={"from": old, "to": size}).json()
        path = [base64.b64decode(each) for each in proof["path"]]
        verify_consistency(old, root_of(leaves[:old]), size, root_of(leaves[:size]), path)


@pytest.mark.parametrize(
    "query",
    [
        "inclusion",
        "inclusion?position=999999",
        "inclusion?position=0",
        "inclusion?position=2&size=1",
        "inclusion?position=1&size=999999",
        "consistency",
        "consistency?from=999999",
        "consistency?from=2&to=1",
        "consistency?from=1&to=999999",
    ],
)
def test_a_proof_of_what_is_not_there_is_refused(shared_api: Api, query: str) -> None:
    assert shared_api.get(f"/v1/log/proofs/{query}").status_code == 400


def test_every_version_of_a_contact_has_a_receipt_that_verifies_offline(api: Api) -> None:
    logged = api.log(subject="Udljening")
    path = f"/v1/contacts/{logged['id']}"
    body = {"reason": "Stavefejl", "subject": "Udlejning"}
    api.post(f"{path}/corrections", body, headers={"If-Match": '"1"'})
    rows = entries(api.as_role(Role.AUDITOR))
    own = [row for row in rows if logged["id"] in row["tags"]]
    assert len(own) == 2
    newest = api.get(f"{path}/receipt").text
    for version, row in enumerate(own, start=1):
        receipt = api.get(f"{path}/receipt?version={version}")
        assert receipt.status_code == 200
        verify_tlog_proof(
            receipt.text, row["position"], leaf_of(row), [verifier(api)], origin=ORIGIN
        )
        assert api.get(f"{path}/receipt?version={version}").text == receipt.text
    assert api.get(f"{path}/receipt?version=2").text == newest
    assert api.get(f"{path}/receipt?version=3").status_code == 404


def test_entries_are_paged_to_the_end(auditor: Api) -> None:
    last = auditor.get("/v1/log/entries", params={"after": 999_999}).json()
    assert last == {"items": [], "next": None, "position": 999_999}


def test_a_checkpoint_of_a_size_not_reached_is_not_there(shared_api: Api) -> None:
    assert shared_api.get("/v1/log/checkpoint?size=999999").status_code == 404

"""The HTTP door over PostgreSQL: the same answers, with every read in a thread."""

from pathlib import Path

import pytest

from domain.access import Role
from tests.api.builders import caught_up, contact, running, settings_in, with_parties

pytestmark = pytest.mark.postgres


def test_the_main_ways_work_over_postgresql(tmp_path: Path, postgres_url: str) -> None:
    settings = settings_in(tmp_path, store=postgres_url, data_dir=tmp_path)
    key = {"Idempotency-Key": "en-gang"}
    with running(settings) as api:
        with_parties(api)
        first = api.post("/v1/contacts", contact(), headers=key)
        logged = first.json()
        assert first.status_code == 201
        assert api.post("/v1/contacts", contact(), headers=key).content == first.content
        path, at = f"/v1/contacts/{logged['id']}", logged["position"]
        assert api.seen(path, at).content == first.content
        body = {"reason": "Stavefejl", "subject": "Rettet"}
        corrected = api.post(f"{path}/corrections", body, headers={"If-Match": '"1"'})
        assert corrected.status_code == 200
        stale = api.post(f"{path}/corrections", body, headers={"If-Match": '"1"'})
        assert stale.status_code == 412
        at = corrected.json()["position"]
        assert api.items("/v1/contacts", at, organisation="KAB", text="rettet")
        assert len(api.items(f"{path}/history", at)) == 2
        report = api.seen("/v1/reports/contacts", at, by="month").json()
        assert report["total"] == 1
        batch = api.post("/v1/contacts/batch", {"items": [contact()] * 10}).json()
        assert batch["recorded"] == 10
        assert api.get(f"{path}/receipt").status_code == 200
        caught_up(api.services)
        assert api.get("/readyz").json()["status"] == "ready"
        entries = api.as_role(Role.AUDITOR).get("/v1/log/entries").json()
        assert entries["position"] >= batch["position"]
    with running(settings) as again:
        again.token = api.token
        assert again.post("/v1/contacts", contact(), headers=key).content == first.content

"""What is in force, with secrets masked."""

import base64

import pytest

from api.settings import Settings
from tests.cli.conftest import Shell


def test_secrets_and_passwords_are_masked(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = base64.b64encode(b"k" * 32).decode()
    monkeypatch.setenv("KONTAKTLOG_MASTER_KEY", secret)
    monkeypatch.setenv("KONTAKTLOG_STORE", "postgresql://u:hemmelig@h/d")
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        done = shell(*arguments)
        assert done.code == 0
        assert secret not in done.out
        assert "hemmelig" not in done.out


def test_every_setting_is_shown_with_its_default_applied(shell: Shell) -> None:
    items = {item["name"]: item for item in shell("config", "show", "--json").json["items"]}
    assert len(items) == len(Settings.model_fields)
    assert items["KONTAKTLOG_VIEWS"]["value"] == "sqlite:///kontaktlog-data/views.db"
    assert items["KONTAKTLOG_VIEWS"]["given"] is False


def test_showing_settings_makes_nothing(shell: Shell, tmp_path: object) -> None:
    shell("config", "show")
    assert list(tmp_path.iterdir()) == []  # type: ignore[attr-defined]


def test_the_schema_names_every_variable_and_forbids_others(shell: Shell) -> None:
    found = shell("config", "schema").json
    assert set(found["properties"]) == {f"KONTAKTLOG_{n.upper()}" for n in Settings.model_fields}
    assert found["additionalProperties"] is False

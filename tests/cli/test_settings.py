"""Settings: defaults that fit together, and every impossible one refused with its name."""

import base64
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.addresses import masked_url
from api.key_files import ensure_key_files, replace_signing_key
from api.settings import SettingsError, load_settings
from domain.errors import Unavailable
from domain.log.port import CheckpointRow
from domain.storage.sqlite import SqliteLog
from tests.cli.conftest import Shell


def fault_of(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as found:
        load_settings()
    return str(found.value)


def test_without_any_setting_everything_lies_in_one_folder() -> None:
    settings = load_settings()
    assert settings.store == "sqlite:///kontaktlog-data/log.db"
    assert settings.views_url == "sqlite:///kontaktlog-data/views.db"
    assert settings.keys_url == "sqlite:///kontaktlog-data/keys.db"
    assert settings.master_key_file == Path("kontaktlog-data/master.key")


def test_views_and_keys_go_where_a_postgresql_log_is() -> None:
    settings = load_settings(store="postgresql://u@db/x")
    assert (settings.views_url, settings.keys_url) == ("postgresql://u@db/x",) * 2
    assert settings.data_path == Path("kontaktlog-data")


def test_a_misspelt_name_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = fault_of(monkeypatch, "KONTAKTLOG_STROE", "sqlite:///x.db")
    assert told == "KONTAKTLOG_STROE: no such setting; did you mean KONTAKTLOG_STORE?"


@pytest.mark.parametrize("name", ["KONTAKTLOG_TEST_DATA", "KONTAKTLOG_REQUIRE_DATA"])
def test_names_of_the_test_suite_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert load_settings().port == 8010


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "http"),
        ("STORE", "mysql://x"),
        ("STORE", "sqlite:///"),
        ("STORE", "sqlite:///:memory:"),
        ("STORE", "sqlite:///."),
        ("STORE", "postgresql://host"),
        ("MASTER_KEY", "kort"),
        ("SIGNING_KEY", base64.b64encode(bytes(31)).decode()),
        ("SIGNING_KEY", "PRIVATE+KEY+x+00000000+AA=="),
        ("TIME_ZONE", "Europe/Kobenhavn"),
        ("TIME_ZONE", "../etc/passwd"),
        ("ORIGIN", "two words"),
        ("MEDIA", "fax,Telegraf"),
        ("FOLLOWERS", "thread"),
        ("WAIT_SECONDS", "61"),
        ("QUEUE_MAX", "0"),
        ("SECRETS_DIR", "no-such-folder"),
        ("PUBLIC_URL", "http://kontakt.example"),
        ("PUBLIC_URL", "https://kontakt.example/log"),
        ("PUBLIC_URL", "https://kim@kontakt.example"),
        ("PUBLIC_URL", "kontakt.example"),
        ("OIDC_ISSUER", "http://login.example"),
        ("OIDC_ISSUER", "https://login.example/?tenant=1"),
        ("OIDC_ISSUER", "http://127.0.0.1.evil.example"),
        ("OIDC_ROLES", "[]"),
        ("OIDC_ROLES", '{"KL-leder": "king"}'),
        ("OIDC_ROLES", '{"KL-leder": ["manager"]}'),
        ("OIDC_ALGORITHMS", "RS256,HS256"),
        ("OIDC_ALGORITHMS", "none"),
        ("OIDC_ALGORITHMS", ","),
        ("SESSION_HOURS", "0"),
        ("RATE_BURST", "0"),
    ],
)
def test_an_impossible_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert fault_of(monkeypatch, f"KONTAKTLOG_{name}", value).startswith(f"KONTAKTLOG_{name}: ")


@pytest.mark.parametrize(
    ("name", "value", "needs"),
    [
        ("OIDC_CLIENT_ID", "kontaktlog", "OIDC_ISSUER and PUBLIC_URL"),
        ("OIDC_ISSUER", "https://login.example", "OIDC_AUDIENCE or OIDC_CLIENT_ID"),
        ("OIDC_AUDIENCE", "kontaktlog", "OIDC_ISSUER"),
    ],
)
def test_half_a_sign_in_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, needs: str
) -> None:
    assert f"needs {needs}" in fault_of(monkeypatch, f"KONTAKTLOG_{name}", value)


def test_a_whole_sign_in_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PUBLIC_URL": "https://Kontakt.example:443/",
        "OIDC_ISSUER": "https://login.example/realms/kommune",
        "OIDC_CLIENT_ID": "kontaktlog",
        "OIDC_ROLES": '{"KL-leder": "manager"}',
        "OIDC_ALGORITHMS": "ES256, EdDSA",
    }.items():
        monkeypatch.setenv(f"KONTAKTLOG_{name}", value)
    settings = load_settings()
    assert settings.public_url == "https://kontakt.example"
    assert settings.roles_by_claim == {"KL-leder": "manager"}
    assert settings.algorithms == ("ES256", "EdDSA")
    assert settings.sessions_url == "sqlite:///kontaktlog-data/sessions.db"
    assert load_settings(store="postgresql://u@db/x").sessions_url == "postgresql://u@db/x"


def test_a_key_that_cannot_be_used_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hemmelig" not in fault_of(monkeypatch, "KONTAKTLOG_MASTER_KEY", "hemmelig")


def test_the_log_and_the_keys_must_be_different_files(monkeypatch: pytest.MonkeyPatch) -> None:
    told = fault_of(monkeypatch, "KONTAKTLOG_KEYS", "sqlite:///kontaktlog-data/log.db")
    assert "STORE, VIEWS and KEYS" in told


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONTAKTLOG_PORT", "")
    assert load_settings().port == 8010


def test_further_media_are_codes_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONTAKTLOG_MEDIA", "fax, telegraf,fax")
    assert load_settings().media == ("fax", "telegraf")


def test_a_secrets_folder_gives_settings_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kontaktlog_port").write_text("9001\n")
    (tmp_path / "kontaktlog_queue_max").write_text("7")
    monkeypatch.setenv("KONTAKTLOG_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("KONTAKTLOG_PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.queue_max) == (9002, 7)


def test_a_misspelt_file_in_the_secrets_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kontaktlog_masterkey").write_text("x")
    told = fault_of(monkeypatch, "KONTAKTLOG_SECRETS_DIR", str(tmp_path))
    assert told.startswith("KONTAKTLOG_MASTERKEY: no such setting")


@pytest.mark.parametrize("arguments", [["config", "show"], ["serve"], ["doctor"]])
def test_a_command_with_an_impossible_setting_ends_with_two_and_one_line(
    arguments: list[str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from api.cli.main import main; main()", *arguments],
        env={**os.environ, "KONTAKTLOG_PORT": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "KONTAKTLOG_PORT" in line


# ── key files ────────────────────────────────────────────────────────────────────────────────────


def test_key_files_are_made_once_and_only_their_owner_reads_them() -> None:
    settings = load_settings()
    ensure_key_files(settings)
    first = (settings.master_key_bytes(), settings.checkpoint_key().verifier)
    ensure_key_files(settings)
    assert (settings.master_key_bytes(), settings.checkpoint_key().verifier) == first
    for file in (settings.master_key_file, settings.signing_key_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(each.name for each in settings.data_path.iterdir()) == [
        "master.key",
        "signing.key",
    ]


def test_processes_that_start_together_agree_on_one_key() -> None:
    settings, seen = load_settings(), set()

    def start() -> None:
        ensure_key_files(settings)
        seen.add((settings.master_key_bytes(), settings.checkpoint_key().verifier))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1


def test_keys_given_as_settings_leave_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONTAKTLOG_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    monkeypatch.setenv("KONTAKTLOG_SIGNING_KEY", base64.b64encode(bytes(32)).decode())
    settings = load_settings()
    ensure_key_files(settings)
    assert settings.master_key_bytes() == bytes(32)
    assert settings.checkpoint_key().verifier.name == settings.origin
    assert not settings.data_path.exists()


def test_no_new_master_key_is_invented_beside_existing_keys(with_parties: Shell) -> None:
    Path("kontaktlog-data/master.key").unlink()
    done = with_parties("token", "list")
    assert done.code == 2
    assert "KONTAKTLOG_MASTER_KEY" in done.err
    assert not Path("kontaktlog-data/master.key").exists()


def test_no_new_signing_key_is_invented_beside_published_checkpoints() -> None:
    settings = load_settings()
    ensure_key_files(settings)
    log = SqliteLog(settings.data_path / "log.db")
    log.add_checkpoint(CheckpointRow(1, bytes(32), "note", 1))
    log.close()
    settings.signing_key_file.unlink()
    with pytest.raises(SettingsError, match="KONTAKTLOG_SIGNING_KEY"):
        ensure_key_files(settings)


def test_a_replaced_signing_key_is_kept_under_its_id() -> None:
    settings = load_settings()
    ensure_key_files(settings)
    before = settings.signing_key_file.read_text()
    kept = replace_signing_key(settings)
    assert kept is not None
    assert kept.read_text() == before
    assert settings.signing_key_file.read_text() != before


def test_a_key_file_that_holds_something_else_is_named() -> None:
    settings = load_settings()
    ensure_key_files(settings)
    settings.master_key_file.write_text("noget andet")
    with pytest.raises(SettingsError, match=r"KONTAKTLOG_MASTER_KEY: .*master\.key must be"):
        settings.master_key_bytes()


def test_a_keys_database_that_cannot_be_read_is_not_taken_for_an_empty_one() -> None:
    settings = load_settings()
    settings.data_path.mkdir()
    (settings.data_path / "keys.db").write_bytes(b"not a database" * 100)
    with pytest.raises(Unavailable):
        ensure_key_files(settings)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:hemmelig@h:5433/d?sslmode=require", "u:********@h:5433"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown in masked_url(url)
    assert "hemmelig" not in masked_url(url)

"""The doctor finds what would lose acknowledged writes, and says how everything stands."""

from pathlib import Path

import pytest

from api.cli import doctor
from api.main import open_services
from api.settings import load_settings
from domain.storage.sqlite import SqliteLog
from tests.cli.conftest import Shell

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:31 / /srv rw,relatime - nfs4 server:/x rw,vers=4.2
31 22 0:32 / /srv/local\\040disk rw - xfs /dev/sdb rw
32 22 0:33 / /fast rw,nobarrier - ext4 /dev/sdc rw
33 22 0:34 / /run rw - tmpfs tmpfs rw
broken line
"""


def levels(shell: Shell) -> dict[str, str]:
    return {each["code"]: each["level"] for each in shell("doctor", "--json").json["findings"]}


def test_a_fresh_installation_has_no_fault(shell: Shell) -> None:
    done = shell("doctor", "--json")
    assert done.code == 0, done.out
    assert done.json["ok"] is True


def test_a_key_that_others_can_read_is_a_fault(shell: Shell) -> None:
    shell("token", "list")
    Path("kontaktlog-data").chmod(0o755)
    Path("kontaktlog-data/master.key").chmod(0o640)
    done = shell("doctor")
    assert done.code == 1
    assert "chmod 600 kontaktlog-data/master.key" in done.out


def test_another_master_key_is_found_before_anything_is_written(shell: Shell) -> None:
    shell("token", "list")
    Path("kontaktlog-data/master.key").write_text("A" * 43 + "=")
    assert levels(shell)["store"] == "fail"


def test_a_store_that_cannot_be_opened_is_a_fault_not_a_crash(shell: Shell) -> None:
    Path("kontaktlog-data").mkdir()
    Path("kontaktlog-data/log.db").write_bytes(b"something else" * 1000)
    done = shell("doctor", "--json")
    assert done.code in {1, 3}
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("file", "code", "level"),
    [
        ("/var/lib/kontaktlog/log.db", "file_system", "ok"),
        ("/srv/kontaktlog/log.db", "network_file_system", "fail"),
        ("/srv/local disk/log.db", "network_file_system", "fail"),
        ("/fast/log.db", "write_barriers_off", "fail"),
        ("/run/log.db", "memory_file_system", "warn"),
    ],
)
def test_what_the_log_lies_on_is_judged_by_its_deepest_mount(
    file: str, code: str, level: str
) -> None:
    mounts = list(doctor.mounts_of(MOUNTS))
    place = Path(file).parent
    # The folders of the table do not exist here, so the mount is looked up by name.
    best = max(
        (m for m in mounts if place.is_relative_to(m.point)), key=lambda m: len(m.point.parts)
    )
    expected = (code, level) if "local" not in file else ("file_system", "ok")
    found = doctor.of_mount("loggen", best)
    assert (found.code, found.level) == expected


def test_the_mount_of_a_file_that_is_still_to_be_made_is_that_of_its_folder() -> None:
    mounts = list(doctor.mounts_of(MOUNTS))
    found = doctor.mount_of(Path("not/yet/there/log.db"), mounts)
    assert found is not None
    assert found.point == Path("/")


def test_a_network_drive_is_a_danger_that_stops_the_server() -> None:
    line = "30 22 0:31 / / rw,relatime - cifs //server/x rw"
    found = list(doctor.of_file_system(load_settings(), line))
    assert {each.code for each in found if each.level == "fail"} <= doctor.LOSES_WRITES
    assert len(found) == 2


def test_a_setting_that_loses_writes_is_a_danger(shell: Shell) -> None:
    services = open_services(load_settings(), writer=False)
    try:
        assert doctor.dangers(services) == []
        assert isinstance(services.log, SqliteLog)
        services.log._writer.execute("PRAGMA synchronous = OFF")
        (danger,) = doctor.dangers(services)
    finally:
        services.close()
    assert (danger.code, "synchronous" in danger.text) == ("unsafe_setting", True)


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (-3, "ok"), (5, "ok"), (6, "warn")])
def test_a_clock_behind_the_log_is_told(seconds: int, level: str) -> None:
    now = 1_000_000_000_000_000
    assert doctor.of_clock(now, now + seconds * 1_000_000).level == level


@pytest.mark.parametrize(
    ("free", "level"),
    [
        (doctor.DISK_BYTES_FAIL - 1, "fail"),
        (doctor.DISK_BYTES_FAIL, "warn"),
        (doctor.DISK_BYTES_WARN, "ok"),
    ],
)
def test_a_disk_that_runs_full_is_told_in_time(tmp_path: Path, free: int, level: str) -> None:
    assert doctor.of_space(tmp_path, free).level == level

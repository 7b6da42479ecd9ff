"""Views from the terminal: how far they are, and built anew beside the one that serves."""

from projections.registry import VIEWS
from tests.cli.conftest import Shell


def test_every_view_is_listed_with_its_position_and_lag(with_parties: Shell) -> None:
    with_parties("token", "new", "--role", "organisation", "--scope", "party:KAB")
    with_parties("token", "new", "--role", "manager")
    done = with_parties("views", "--json")
    assert done.code == 0
    assert {item["name"] for item in done.json["items"]} == {view.name for view in VIEWS}
    assert {(item["status"], item["lag_events"]) for item in done.json["items"]} == {("active", 2)}


def test_a_rebuilt_view_is_a_new_generation_at_the_head(with_parties: Shell) -> None:
    with_parties("token", "new", "--role", "organisation", "--scope", "party:KAB")
    before = {item["name"]: item for item in with_parties("views", "--json").json["items"]}
    done = with_parties("views", "rebuild", "parties", "--json")
    assert done.json == {"name": "parties", "status": "active"}
    after = {item["name"]: item for item in with_parties("views", "--json").json["items"]}
    assert after["parties"]["generation"] == before["parties"]["generation"] + 1
    assert after["parties"]["lag_events"] == 0


def test_an_unknown_view_is_not_rebuilt(shell: Shell) -> None:
    done = shell("views", "rebuild", "nothing")
    assert (done.code, "not_found" in done.err) == (1, True)

"""The direct door read through HTTP: living pairs, one pair, who was turned away, the indicator."""

from pathlib import Path
from typing import Any

import pytest

from domain.access import Role
from tests.api.builders import Api, running, settings_in, with_parties

Json = dict[str, Any]
WINDOWS = {
    "baseline_from": "2009-01-01",
    "baseline_to": "2009-03-31",
    "from": "2010-01-01",
    "to": "2010-03-31",
}
DAY = {"as_of_effective": "2010-03-31"}


def party_id(api: Api, key: str) -> str:
    (party,) = api.get("/v1/parties", params={"key": key}).json()["items"]
    return str(party["id"])


def told(api: Api, kind: str = "redirections", **more: Any) -> Json:
    body = {
        "administration": "TMF",
        "organisation": "KAB",
        "medium": "phone",
        "occurred": "2010-03-04",
        "told": "Bedt om at skrive til den ene indgang",
    }
    answer = api.post(f"/v1/direct-contact/{kind}", body | more)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def matrix(api: Api, at: int, **more: Any) -> Json:
    answer = api.seen("/v1/direct-contact", at, **{**DAY, **more})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def names(answer: Json) -> list[tuple[str | None, str]]:
    return [
        (row["administration"] and row["administration"]["name"], row["organisation"]["name"])
        for row in answer["items"]
    ]


# ── living pairs ─────────────────────────────────────────────────────────────────────────────────


def test_the_matrix_tells_the_last_contact_each_way_and_the_silence_since(api: Api) -> None:
    api.log(occurred="2010-02-22", direction="inbound")
    api.log(occurred="2010-03-01", direction="outbound")
    api.log(occurred="2009-06-01", organisations=["AAB"])
    api.log(occurred="2010-03-15", channel="entry_point", organisations=["BL"])
    api.log(occurred="2010-03-16", outcome="not_reached")
    at = api.log(occurred="2010-03", direction="inbound")["position"]
    answer = matrix(api, at)
    tmf, aab, kab = "Teknik- og Miljøforvaltningen", "Arbejdernes Andels Boligforening", "KAB"
    assert names(answer) == [(tmf, aab), (tmf, kab)]
    silent, living = answer["items"]
    assert (silent["living"], silent["silence_days"], silent["contacts"]) == (False, 303, 0)
    assert living["last"]["any"] == {"from": "2010-03-01", "to": "2010-03-31"}
    assert living["last"]["outbound"] == {"from": "2010-03-01", "to": "2010-03-01"}
    assert (living["living"], living["contacts"], living["silence_days"]) == (True, 3, 0)
    assert answer["totals"]["pairs"] == 2 and answer["totals"]["living"] == 1
    assert answer["window"] == {"from": "2010-01-01", "to": "2010-03-31"}
    earlier = matrix(api, at, as_of_effective="2010-03-15")["items"][1]
    assert earlier["straddling"] == 1
    assert (earlier["silence_days"], earlier["silence_working_days"]) == (14, 10)
    behind = api.get(earlier["straddling_url"]).json()
    assert [item["occurred"]["precision"] for item in behind["items"]] == ["month"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"silent_for": 100}, [("TMF", "AAB")]),
        ({"living": "true"}, [("TMF", "KAB")]),
        ({"organisation": "KAB"}, [("TMF", "KAB")]),
        ({"administration": "ØKF"}, []),
        ({"window": 400}, [("TMF", "AAB"), ("TMF", "KAB")]),
        ({"include_never": "true"}, [("TMF", "AAB"), ("TMF", "KAB"), (None, "BL")]),
        (
            {"include_never": "true", "administration": "ØKF"},
            [("ØKF", "AAB"), ("ØKF", "BL"), ("ØKF", "KAB")],
        ),
    ],
)
def test_the_matrix_is_narrowed(api: Api, params: Json, expected: list[Any]) -> None:
    short = {"Teknik- og Miljøforvaltningen": "TMF", "Økonomiforvaltningen": "ØKF"}
    short |= {"Arbejdernes Andels Boligforening": "AAB", "Boligselskabernes Landsforening": "BL"}
    api.log(occurred="2009-06-01", organisations=["AAB"])
    at = api.log(occurred="2010-02-22")["position"]
    found = names(matrix(api, at, **params))
    assert [(short.get(a or "", a), short.get(o, o)) for a, o in found] == expected


def test_the_matrix_is_paged_on_the_position_it_began_with(api: Api) -> None:
    api.log(occurred="2009-06-01", organisations=["AAB"])
    at = api.log(occurred="2010-02-22")["position"]
    first = matrix(api, at, limit=1)
    api.log(occurred="2010-03-01", administrations=["ØKF"])
    second = api.get(
        "/v1/direct-contact", params={**DAY, "limit": 1, "cursor": first["next"]}
    ).json()
    assert (second["next"], second["position"], second["rows"]) == (None, at, 2)
    assert names(first) != names(second)


def test_merged_and_succeeded_parties_are_one_pair(api: Api) -> None:
    api.party("Gammel Boligforening")
    api.party("Forgænger", valid_from="2000-01-01")
    api.log(occurred="2010-02-22")
    api.log(occurred="2010-02-23", organisations=["Gammel Boligforening"])
    at = api.log(occurred="2010-02-24", organisations=["Forgænger"])["position"]
    assert len(matrix(api, at)["items"]) == 3
    kab = party_id(api, "KAB")
    relation = {"relation": "successor_of", "to": "Forgænger", "valid_from": "2010-03-01"}
    api.post(f"/v1/parties/{kab}/relations", relation)
    merge = {"into": "KAB", "reason": "Fusion"}
    old = party_id(api, "Gammel Boligforening")
    at = api.post(f"/v1/parties/{old}/merge", merge).json()["position"]
    (row,) = matrix(api, at)["items"]
    assert (row["organisation"]["name"], row["contacts"]) == ("KAB", 3)
    assert len(api.get(row["contacts_url"]).json()["items"]) == 3
    before = matrix(api, at, as_of_effective="2010-02-27")["items"]
    assert {r["organisation"]["name"] for r in before} == {"KAB", "Forgænger"}


def test_speaking_for_a_named_organisation_is_contact_with_it(api: Api) -> None:
    people = [{"name": "Kim", "party": "KAB", "spoke_for": ["AAB", "ØKF"]}]
    at = api.log(participants=people)["position"]
    found = matrix(api, at)
    assert {organisation for _, organisation in names(found)} == {
        "KAB",
        "Arbejdernes Andels Boligforening",
    }
    figures = api.seen("/v1/direct-contact/indicator", at, **WINDOWS).json()["rows"][0]["K5"]
    assert figures["follow_up"]["pair_days"] == 2
    assert figures["follow_up"]["spoken_for_only"] == 1


def test_one_pair_shows_both_doors_and_who_turned_whom_away(api: Api) -> None:
    direct = api.log(occurred="2010-02-22")
    entry = api.log(occurred="2010-02-23", channel="entry_point")
    theirs = told(api, side="organisation")
    at = told(api, "refusals", about=theirs["id"], told="Vi henviste kun")["position"]
    pair = api.seen("/v1/direct-contact/pairs/TMF/KAB", at, **DAY).json()
    assert [(i["lens"], i["contact"]["id"]) for i in pair["items"]] == [
        ("entry_point", entry["id"]),
        ("direct", direct["id"]),
    ]
    assert (pair["attempts"], pair["standing"]["contacts"]) == (1, 1)
    (attempt,) = pair["turned_away"]
    assert attempt["kinds"] == ["redirected", "refused"]
    assert [len(attempt["accounts"][side]) for side in ("organisation", "administration")] == [1, 1]
    assert pair["channels"]["entry_point"]["contacts"] == 1
    assert api.get("/v1/direct-contact/pairs/TMF/ukendt").json()["code"] == "party_not_found"


def test_a_party_that_was_split_stays_itself(api: Api) -> None:
    api.party("Delt Boligforening")
    at = api.log(occurred="2010-02-22", organisations=["Delt Boligforening"])["position"]
    for heir in ("KAB", "AAB"):
        relation = {"relation": "successor_of", "to": "Delt Boligforening"}
        at = api.post(f"/v1/parties/{party_id(api, heir)}/relations", relation).json()["position"]
    assert [name for _, name in names(matrix(api, at))] == ["Delt Boligforening"]


def test_what_is_known_only_roughly_or_long_ago_is_not_made_exact(api: Api) -> None:
    api.log(occurred="2010", organisations=["AAB"])
    api.log(occurred="2010-Q1", organisations=["AAB"], channel="entry_point")
    at = api.log(occurred="1900-01-01")["position"]
    rough, old = matrix(api, at)["items"]
    assert (rough["last"]["any"], rough["silence_days"], rough["straddling"]) == (None, None, 1)
    assert (old["silence_days"] > 40_000, old["silence_working_days"]) == (True, None)
    params = {"from": "2010-02-01", "to": "2010-02-28", "select": "straddling"}
    found = api.seen("/v1/direct-contact/contacts", at, **params).json()
    assert (found["contacts"], found["pair_days"]) == (2, 2)
    (row,) = indicator(api, at, **{"from": "2010-02-01", "to": "2010-02-28"})["rows"]
    assert row["K5"]["follow_up"]["left_out"]["straddling"] == 1


def test_a_question_asked_again_has_the_same_answer(api: Api) -> None:
    at = api.log(occurred="2010-02-22")["position"]
    assert matrix(api, at)["items"]
    path = "/v1/direct-contact?organisation=KAB&include_never=true"
    day = api.services.today()
    first, again = api.get(path), api.get(path)
    while api.services.today() != day:  # the silence is a day longer after midnight
        day = api.services.today()
        first, again = api.get(path), api.get(path)
    assert again.content == first.content
    others = api.get("/v1/direct-contact?organisation=AAB&include_never=true").json()
    assert [row["administration"] for row in others["items"]] == [None]
    everything_asked = {"select": "all", "channel": "direct"}
    assert api.seen("/v1/direct-contact/contacts", at, **everything_asked).json()["contacts"] == 1


# ── turned away ──────────────────────────────────────────────────────────────────────────────────


def test_a_withdrawn_account_counts_nothing_and_is_still_there(api: Api) -> None:
    account = told(api)
    url = f"/v1/direct-contact/accounts/{account['id']}"
    assert api.seen(url, account["position"]).json() == account
    gone = api.post(f"{url}/withdrawal", {"reason": "Fejl"}, headers={"If-Match": "*"}).json()
    listed = api.seen("/v1/direct-contact/turned-away", gone["position"]).json()
    assert (listed["items"], listed["attempts"]) == ([], 0)
    whole = api.get("/v1/direct-contact/turned-away", params={"include_withdrawn": "true"}).json()
    (shown,) = whole["items"][0]["accounts"]["administration"]
    assert (shown, whole["attempts"]) == (gone, 0)
    assert api.get(url).json()["withdrawal"]["reason"] == "Fejl"
    before = api.get(url, params={"as_of_recorded": str(account["position"])}).json()
    assert before == account
    assert api.get(url[:-1] + "x").json()["code"] == "account_unknown"


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({}, 2),
        ({"kind": "refused"}, 1),
        ({"side": "organisation"}, 1),
        ({"organisation": "AAB"}, 1),
        ({"administration": "ØKF"}, 0),
        ({"from": "2010-03-05"}, 1),
        ({"to": "2010-03-04"}, 1),
        ({"limit": 1}, 1),
    ],
)
def test_accounts_are_narrowed(api: Api, params: Json, count: int) -> None:
    told(api, side="organisation")
    at = told(api, "refusals", organisation="AAB", occurred="2010-03-08")["position"]
    answer = api.seen("/v1/direct-contact/turned-away", at, **params)
    assert len(answer.json()["items"]) == count


# ── the indicator ────────────────────────────────────────────────────────────────────────────────


def filled(api: Api, before: int, after: int) -> int:
    """So many pair-days in the baseline and in the follow-up, each called about twice."""
    at = 0
    for year, days in (("2009", before), ("2010", after)):
        for number in range(days):
            day = f"{year}-{number // 28 + 1:02}-{number % 28 + 1:02}"
            at = [api.log(occurred=day) for _ in range(2)][-1]["position"]
    return at


def indicator(api: Api, at: int, **more: Any) -> Json:
    answer = api.seen("/v1/direct-contact/indicator", at, **{**WINDOWS, **more})
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def test_a_fall_is_an_alarm_that_names_how_it_was_counted(api: Api) -> None:
    at = filled(api, 30, 10)
    answer = indicator(api, at)
    (row,) = answer["rows"]
    figures = row["K5"]
    assert (figures["verdict"], figures["formula"]) == ("alarm", "K5/1")
    assert [figures[w]["pair_days"] for w in ("baseline", "follow_up")] == [30, 10]
    assert figures["p"] == figures["p_holm"] and figures["p"] < 0.01
    assert (answer["position"], answer["scope"], answer["profile"]) == (at, "all", "DK_PUBLIC")
    assert [answer[w]["working_days"] for w in ("baseline", "follow_up")] == [63, 63]
    assert row["K7"]["kept"] == {"count": 1, "n": 1, "share": None, "low": None, "high": None}
    default = api.seen("/v1/direct-contact/alarms", at, as_of_effective="2010-04-15").json()
    assert [item["K5"]["verdict"] for item in default["items"]] == ["alarm"]
    quiet = api.seen("/v1/direct-contact/alarms", at, as_of_effective="2011-04-15").json()
    assert quiet["items"][0]["K5"]["follow_up"]["pair_days"] == 0


def test_what_is_known_later_changes_no_answer_about_an_earlier_position(api: Api) -> None:
    at = filled(api, 5, 6)
    logged = api.log(occurred="2010-03-30")
    params = {**WINDOWS, "as_of_recorded": str(logged["position"])}
    before = api.get("/v1/direct-contact/indicator", params=params).content
    path = f"/v1/contacts/{logged['id']}/retraction"
    gone = api.post(path, {"reason": "To gange"}, headers={"If-Match": "*"}).json()["position"]
    assert api.get("/v1/direct-contact/indicator", params=params).content == before
    (now,) = indicator(api, gone)["rows"]
    assert now["K5"]["follow_up"]["pair_days"] == 6
    assert at < gone


def test_the_default_windows_follow_the_day_that_is_asked_about(api: Api) -> None:
    at = api.log()["position"]
    answer = api.seen("/v1/direct-contact/indicator", at, as_of_effective="2010-06-10").json()
    assert (answer["baseline"]["from"], answer["baseline"]["to"]) == ("2009-03-01", "2009-05-31")
    assert (answer["follow_up"]["from"], answer["day"]) == ("2010-03-01", "2010-06-10")
    params = {"as_of_recorded": "2026-01-31T23:30:00Z"}
    assert api.get("/v1/direct-contact/indicator", params=params).json()["day"] == "2026-02-01"


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2010-01-01"},
        {"from": "2010-02-01", "to": "2010-01-01"},
        {**WINDOWS, "baseline_to": "2010-01-01"},
        {"from": "2010-02-20", "to": "2010-02-21"},
        {"from": "1850-01-01", "to": "1850-02-01"},
        {"profile": "UKENDT"},
        {"by": "channel"},
        {"administration": "ukendt"},
    ],
)
def test_windows_that_cannot_be_compared_are_refused(shared_api: Api, params: Json) -> None:
    answer = shared_api.get("/v1/direct-contact/indicator", params=params)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith("/query/")


# ── rights ───────────────────────────────────────────────────────────────────────────────────────


def everything(api: Api, at: int) -> str:
    paths = ("", "/contacts", "/turned-away", "/indicator", "/alarms", "/pairs/TMF/AAB")
    params: Json = {"include_never": "true"}
    return "".join(
        api.seen(f"/v1/direct-contact{path}", at, **(params if not path else {})).text
        for path in paths
    )


def test_an_organisation_sees_its_own_row_only(api: Api) -> None:
    hidden = api.log(organisations=["AAB"], subject="Skjult")
    api.log(organisations=["KAB", "AAB"], subject="Fælles møde")
    told(api, organisation="AAB", told="Skjult ord")
    at = told(api)["position"]
    aab = party_id(api, "AAB")
    own = api.as_role(Role.ORGANISATION, f"party:{party_id(api, 'KAB')}")
    found = matrix(own, at, include_never="true")
    assert (names(found)[0][1], found["scope"], len(found["items"])) == ("KAB", "own", 1)
    answer = indicator(own, at)
    assert (answer["rows"][0]["K5"]["follow_up"]["pair_days"], answer["scope"]) == (1, "own")
    by = indicator(own, at, by="organisation")
    assert [row["organisation"]["name"] for row in by["rows"]] == ["KAB"]
    assert own.seen("/v1/direct-contact/turned-away", at).json()["attempts"] == 1
    shown = everything(own, at)
    assert hidden["id"] not in shown and "Skjult" not in shown
    links = [row["K5"]["follow_up"]["contacts_url"] for row in by["rows"]]
    assert [len(own.get(link).json()["items"]) for link in links] == [1]
    pair = own.seen(f"/v1/direct-contact/pairs/TMF/{aab}", at).json()
    assert (pair["items"], pair["attempts"], pair["standing"]) == ([], 0, None)


@pytest.mark.parametrize(
    ("role", "scope", "seen"),
    [
        (Role.COUNCILLOR, None, 1),
        (Role.INTEGRATION, None, 3),
        (Role.CASE_OFFICER, "kle:03.10", 1),
        (Role.CASE_OFFICER, "party:TMF", 4),
        (Role.AUDITOR, None, 4),
    ],
)
def test_figures_hold_only_what_the_role_may_see(
    api: Api, role: Role, scope: str | None, seen: int
) -> None:
    api.log(occurred="2010-02-01", confidentiality="open", kle=["03.10.24"])
    api.log(occurred="2010-02-02", confidentiality="open", negotiation=True, kle=["03.11"])
    api.log(occurred="2010-02-03", confidentiality="restricted")
    at = api.log(occurred="2010-02-04", kle=["85.02"])["position"]
    scopes = () if scope is None else (scope.replace("TMF", party_id(api, "TMF")),)
    other = api.as_role(role, *scopes)
    (row,) = indicator(other, at)["rows"]
    assert row["K5"]["follow_up"]["pair_days"] == seen
    assert len(other.get(row["K5"]["follow_up"]["contacts_url"]).json()["items"]) == seen
    assert matrix(other, at)["items"][0]["contacts"] == seen
    listed = other.items("/v1/contacts", at, channel="direct")
    assert len(listed) == seen


@pytest.mark.postgres
def test_the_direct_door_reads_the_same_over_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with running(settings_in(tmp_path, store=postgres_url, data_dir=tmp_path)) as api:
        with_parties(api)
        at = filled(api, 12, 6)
        people = [{"name": "Kim", "spoke_for": ["AAB"]}]
        api.log(occurred="2010-02", participants=people, confidentiality="open", kle=["03.10.24"])
        at = told(api, side="organisation")["position"]
        (row,) = indicator(api, at)["rows"]
        assert [row["K5"][w]["pair_days"] for w in ("baseline", "follow_up")] == [12, 8]
        assert row["K6"]["turned_away"] == 1
        shown = api.get(row["K5"]["follow_up"]["contacts_url"]).json()
        assert (shown["contacts"], shown["pair_days"]) == (13, 8)
        never = matrix(api, at, include_never="true")
        assert [name for name, _ in names(never)] == ["Teknik- og Miljøforvaltningen"] * 2 + [None]
        assert api.seen("/v1/direct-contact/pairs/TMF/KAB", at, **DAY).json()["attempts"] == 1
        for role, scopes in (
            (Role.COUNCILLOR, ()),
            (Role.CASE_OFFICER, ("kle:03.10",)),
            (Role.ORGANISATION, (f"party:{party_id(api, 'AAB')}",)),
        ):
            (seen,) = indicator(api.as_role(role, *scopes), at)["rows"]
            assert seen["K5"]["follow_up"]["pair_days"] == (1 if role is Role.ORGANISATION else 2)

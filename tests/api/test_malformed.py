"""Malformed input (S5): a third of the JSONTestSuite, naughty strings, wrong types; never a 5xx."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.builders import Api, contact

JSON = {"Content-Type": "application/json"}


def send(api: Api, body: bytes, **headers: str) -> Any:
    return api.ask("POST", "/v1/contacts", content=body, headers=JSON | headers)


@pytest.mark.data
@pytest.mark.timeout(600)  # thousands of requests
def test_no_file_of_the_json_test_suite_is_taken_or_breaks_anything(
    shared_api: Api, shared_data: Path
) -> None:
    files = sorted((shared_data / "nasty" / "json").glob("*.json"))
    assert len(files) > 100
    for file in files:
        for body in (file.read_bytes(), b'{"subject":' + file.read_bytes() + b"}"):
            answer = send(shared_api, body)
            assert answer.status_code == 400, (file.name, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        if file.name.startswith("n_"):
            assert send(shared_api, file.read_bytes()).json()["code"] == "malformed_json"


@pytest.mark.data
@pytest.mark.timeout(600)  # thousands of requests
def test_naughty_strings_come_back_as_they_were_or_are_refused(
    shared_api: Api, shared_data: Path
) -> None:
    strings = json.loads((shared_data / "nasty" / "blns.json").read_text(encoding="utf-8"))
    bodies = [contact(subject=text, facts=text) for text in strings]
    for body in bodies:
        answer = shared_api.post("/v1/contacts", body)
        text = body["subject"].strip()
        if text and "\x00" not in text and len(text) <= 500:
            assert answer.status_code == 201, answer.text
            assert answer.json()["subject"] == text
        else:
            assert answer.status_code == 400
    for text in strings:
        for path in ("/v1/contacts", "/v1/parties"):
            params = {"topic" if path == "/v1/contacts" else "q": text}
            assert shared_api.get(path, params=params).status_code in {200, 400}
        assert shared_api.get("/v1/contacts", params={"text": text}).status_code in {200, 400}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"\xef\xbb\xbf{}",
        b"{}" + b"\x00",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e400}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'{"subject":"\\u0000"}',
        "{}".encode("utf-16"),
    ],
)
def test_what_two_readers_could_take_differently_is_refused(shared_api: Api, body: bytes) -> None:
    assert send(shared_api, body).status_code == 400


@pytest.mark.parametrize("field", ["subject", "facts", "place", "medium", "enquiry"])
@pytest.mark.parametrize("text", ["a\\u0000b", "a\\ud800b", "a\\udc00"])
def test_neither_nul_nor_half_a_character_is_taken(shared_api: Api, field: str, text: str) -> None:
    body = json.dumps(contact(**{field: "HER"})).replace("HER", text).encode()
    assert send(shared_api, body).status_code == 400


def test_a_name_given_twice_deep_inside_is_refused(shared_api: Api) -> None:
    body = json.dumps(contact(source={"system": "a", "id": "b"})).replace('"id"', '"system"')
    answer = send(shared_api, body.encode())
    assert answer.json()["errors"][0]["detail"] == "et navn står to gange i samme objekt"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON; charset="UTF-8"', 201),
        ("application/json; charset=latin-1", 415),
        ("text/json", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/problem+json", 415),
        ("", 415),
    ],
)
def test_only_json_in_utf_8_is_read(shared_api: Api, kind: str, status: int) -> None:
    body = json.dumps(contact()).encode()
    answer = shared_api.ask("POST", "/v1/contacts", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text


def test_a_compressed_body_is_not_read(shared_api: Api) -> None:
    body = json.dumps(contact()).encode()
    assert send(shared_api, body, **{"Content-Encoding": "gzip"}).status_code == 415


def test_a_body_without_a_type_is_not_read(shared_api: Api) -> None:
    answer = shared_api.ask("POST", "/v1/contacts", content=b"{}")
    assert answer.status_code == 415

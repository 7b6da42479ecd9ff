"""A mapping is checked as a whole before a row is read; its language is the documented one."""

import inspect
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from api.imports import enquiry_tables, tables
from api.imports import mapping as language
from api.imports.contacts import REASONS
from api.imports.loading import load, load_file
from api.imports.reading import FILE_REASONS
from api.imports.report import Report
from api.imports.steps import COMMANDS
from domain.errors import Refused
from domain.imports import MAPPING_CHARS_MAX
from tests.imports.registers import FIELDS, SIDES, TIME, TOP, mapping

LANGUAGE = (language, tables, enquiry_tables)
DOCS = Path(__file__).parents[2] / "docs"


def faults(text: str) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        load(text)
    assert refused.value.code == "mapping_invalid"
    return {fault.pointer: str(fault.params["why"]) for fault in refused.value.faults}


def test_every_fault_is_told_at_once_with_its_place() -> None:
    text = mapping(
        '[[skip]]\nname = "x"\nmatches = "("',
        top=TOP + 'sourse = "x"',
        time='[time]\nstart = "when"\npatterns = ["%Q"]',
        fields=FIELDS.replace('column = "about"', 'template = "{abut}"'),
    )
    assert set(faults(text)) == {
        "/sourse",
        "/skip/0/matches",
        "/time/start",
        "/time/patterns/0",
        "/subject/template",
    }


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ('[facts]\ncolumn = "nowhere"', "/facts/column"),
        ('[facts]\ncolumns = ["about", "nowhere"]', "/facts/columns/1"),
        ('[[topics]]\ncolumn = "nowhere"', "/topics/0/column"),
        ('[[participants]]\nname = "nowhere"', "/participants/0/name"),
        (
            '[[participants]]\nname = { column = "nowhere", split = "," }',
            "/participants/0/name/column",
        ),
        ('[[skip]]\nname = "x"\nblank = ["nowhere"]', "/skip/0/blank/0"),
        ('[[skip]]\nname = "x"\nmatches = "x"\ncolumn = "nowhere"', "/skip/0/column"),
        ("[[skip]]\nname = 'x'", "/skip/0"),
        ('[facts]\nconstant = "x"\ncolumn = "about"', "/facts"),
        ("[facts]", "/facts"),
        ('[facts]\ncolumn = "about"\nunmapped = "keep"', "/facts"),
        ('[outcome]\nconstant = "happened"', "/outcome/constant"),
        ('[outcome]\ncolumn = "about"\nmap = { "x" = "happened" }', "/outcome/map/x"),
        ('[[participants]]\nparty = "organisations"', "/participants/0"),
        ('[[topics]]\ncolumn = "about"\nsplit = ","\nsplit_json = true', "/topics/0"),
        ('[[topics]]\ncolumn = "about"\nall = true', "/topics/0"),
        ('[facts]\ncolumn = "about"\nall = true', "/facts/all"),
        ('[[skip]]\nname = " x"\nmatches = "x"', "/skip/0/name"),
        ('[[skip]]\nname = ""\nmatches = "x"', "/skip/0/name"),
        ('[[skip]]\nname = "a\\nb"\nmatches = "x"', "/skip/0/name"),
        ('[file]\nencodings = ["latin"]', "/file/encodings/0"),
        ('[file]\nnames = ["a"]', "/file"),
        ('[file]\ndelimiters = [";;"]', "/file/delimiters/0"),
        ("[file]\nskip_lines = -1", "/file/skip_lines"),
    ],
)
def test_a_fault_is_found_where_it_stands(more: str, place: str) -> None:
    assert set(faults(mapping(more))) == {place}


def test_a_time_of_day_without_offset_needs_a_zone() -> None:
    time = TIME.replace('"%Y-%m-%d"', '"%Y-%m-%d %H:%M"')
    assert "zone" in faults(mapping(time=time))["/time"]
    load(mapping(time=time + 'zone = "Europe/Copenhagen"'))
    assert set(faults(mapping(time=time + 'zone = "Copenhagen"'))) == {"/time/zone"}


def test_a_mapping_needs_somebody_on_the_other_side() -> None:
    alone = SIDES[: SIDES.index("[organisations]")]
    assert "audience" in faults(mapping(sides=alone))[""]


def test_what_is_not_toml_or_too_long_is_refused() -> None:
    assert "is not TOML" in faults("mapping =")[""]
    assert "longer" in faults("#" * (MAPPING_CHARS_MAX + 1))[""]
    load(mapping() + "#" * (MAPPING_CHARS_MAX - len(mapping())))


def test_a_mapping_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"source = '\xe6'")
    for name in ("none.toml", "latin.toml"):
        with pytest.raises(Refused):
            load_file(tmp_path / name)


@pytest.mark.parametrize("path", sorted((DOCS / "mappings").glob("*.toml")), ids=lambda p: p.stem)
def test_a_worked_example_loads_and_stands_in_the_docs(path: Path) -> None:
    load_file(path)
    assert f"`{path.name}`" in (DOCS / "importing.md").read_text(encoding="utf-8")


def test_the_first_mapping_of_the_docs_loads() -> None:
    text = (DOCS / "importing.md").read_text(encoding="utf-8")
    first = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0]
    assert load(first).mapping.source == "dialogue-sheet"


def test_every_toml_of_the_docs_is_toml() -> None:
    text = (DOCS / "importing.md").read_text(encoding="utf-8")
    for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        tomllib.loads(block)


def test_every_step_and_its_fields_stand_in_the_docs() -> None:
    text = (DOCS / "importing.md").read_text(encoding="utf-8")
    for step, fields_of in enquiry_tables.STEP_FIELDS.items():
        (line,) = re.findall(rf"^\| `{step}` \|(.*)\|$", text, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", line)) == set(fields_of)
        assert set(fields_of) - {"for", "from", "assignee", "assignee_role"} <= {
            name.removesuffix("_") for name in COMMANDS[step].model_fields
        }


def documented(text: str) -> set[str]:
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return set(re.findall(r"\w+", " ".join(code)))


def test_every_key_code_and_figure_stands_in_the_docs() -> None:
    words = documented((DOCS / "importing.md").read_text(encoding="utf-8"))
    found = [m for part in LANGUAGE for _, m in inspect.getmembers(part, inspect.isclass)]
    models = {model for model in found if issubclass(model, BaseModel)}
    assert {tables.Source, enquiry_tables.StepTake} <= models
    keys = {key.removesuffix("_") for model in models for key in model.model_fields}
    figures = {figure.name for figure in fields(Report)}
    assert (keys | figures | {*REASONS, *FILE_REASONS}) - words == set()
    assert "an_undocumented_key" not in words

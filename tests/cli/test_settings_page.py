"""docs/settings.md tells every setting as it is: name, default, limits, meaning."""

from pathlib import Path
from typing import Any

from api.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "settings.md"


def limits_of(schema: dict[str, Any]) -> str:
    """What a value must keep within, as the page writes it."""
    schema = {**schema, **schema.get("anyOf", [{}])[0]}
    if "enum" in schema:
        return ", ".join(schema["enum"])
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if high is not None:
        return f"{'above ' if 'exclusiveMinimum' in schema else ''}{low:,} to {high:,}"
    if "maxItems" in schema:
        return f"at most {schema['maxItems']} codes"
    return f"at most {schema['maxLength']:,} characters" if "maxLength" in schema else ""


def row_of(name: str) -> str:
    """The page's row for one setting."""
    field = Settings.model_fields[name]
    schema = Settings.model_json_schema()["properties"][name]
    default = "" if field.default in {None, ()} else f"`{field.default}`"
    return f"| `{PREFIX}{name.upper()}` | {default} | {limits_of(schema)} | {field.description} |"


def test_the_page_lists_every_setting_with_its_default_its_limits_and_its_meaning() -> None:
    rows = [
        line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| `{PREFIX}")
    ]
    assert rows == [row_of(name) for name in Settings.model_fields]


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []

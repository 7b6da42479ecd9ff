"""`kontaktlog config`: the settings in force, secrets masked, and their JSON Schema."""

from __future__ import annotations

from typing import Any

import typer

from api.cli.terminal import Json, settings_with, show, table

app = typer.Typer(help="Vis indstillingerne.", no_args_is_help=True)


@app.command("show")
def show_all(as_json: Json = False) -> None:
    """Vis de gældende indstillinger; hemmeligheder er skjult.

    Eksempel: kontaktlog config show
    """
    from api.settings import PREFIX, Settings

    settings = settings_with()
    items = [
        {
            "name": PREFIX + name.upper(),
            "value": in_force(settings, name),
            "given": name in settings.model_fields_set,
        }
        for name in Settings.model_fields
    ]
    rows = [[item["name"], item["value"], "sat" if item["given"] else ""] for item in items]
    show({"items": items}, as_json, table(("indstilling", "værdi", ""), rows))


@app.command("schema")
def schema() -> None:
    """Vis indstillingernes JSON Schema: navne, grænser, forvalgte værdier.

    Eksempel: kontaktlog config schema > settings.schema.json
    """
    from api.settings import PREFIX, Settings

    found = Settings.model_json_schema()
    named = {PREFIX + name.upper(): one for name, one in found["properties"].items()}
    show({**found, "title": "Kontaktlog settings", "properties": named}, as_json=True)


def in_force(settings: Any, name: str) -> Any:
    """Return a setting's value with its default applied, as may be shown to anybody."""
    from pydantic import SecretStr

    from api.addresses import masked_url

    match name:
        case "store":
            return masked_url(settings.store)
        case "views":
            return masked_url(settings.views_url)
        case "keys":
            return masked_url(settings.keys_url)
        case "data_dir":
            return str(settings.data_path)
        case "master_key" | "signing_key":
            given: SecretStr | None = getattr(settings, name)
            return "********" if given else f"file {getattr(settings, name + '_file')}"
        case "secrets_dir":
            return None if settings.secrets_dir is None else str(settings.secrets_dir)
        case "media":
            return list(settings.media)
        case _:
            return getattr(settings, name)

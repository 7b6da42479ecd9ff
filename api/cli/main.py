"""The command `kontaktlog`: its subcommands, and what a failure says and returns to the shell.

A subcommand's module is imported when it is called, so that `--help` answers at once. Exit codes:
0 done; 1 refused, or a fault was found; 2 wrong use or an impossible setting; 3 the store cannot be
reached now and the same call may succeed later.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from api.cli.terminal import Exit, explained

PRIVATE: Final = 0o077
"""Databases, key files and backups are not made readable to others."""


class Entry(NamedTuple):
    """Where a subcommand is (module and attribute: a function or a Typer app), and its help."""

    module: str
    attribute: str
    help: str


COMMANDS: Final = {
    "init": Entry("api.cli.init", "init", "Opret loggens tabeller i PostgreSQL"),
    "serve": Entry("api.cli.serve", "serve", "Start tjenesten (HTTP)"),
    "follow": Entry("api.cli.follow", "follow", "Hold visninger og kontrolpunkter ajour"),
    "log": Entry("api.cli.log", "log", "Registrér en kontakt"),
    "party": Entry("api.cli.log", "party", "Registrér parter"),
    "enquiry": Entry("api.cli.enquiry", "app", "Modtag og behandl henvendelser"),
    "record": Entry("api.cli.record", "app", "Fora, møder, dokumenter, tilsagn, aftaler …"),
    "import": Entry("api.cli.imports", "app", "Indlæs kontakter fra filer"),
    "token": Entry("api.cli.token", "app", "Udsted, vis, skift og spær API-nøgler"),
    "grant": Entry("api.cli.grant", "app", "Tildel, vis og fratag rettigheder"),
    "sample": Entry("api.cli.sample", "sample", "Spil et eksempel i et tomt lager"),
    "audit": Entry("api.cli.audit", "audit", "Efterprøv hele loggen"),
    "checkpoint": Entry("api.cli.checkpoint", "app", "Vis det nyeste underskrevne kontrolpunkt"),
    "views": Entry("api.cli.views", "app", "Vis og genopbyg visninger"),
    "policy": Entry("api.cli.policy", "app", "Påmind om frister, der nærmer sig"),
    "doctor": Entry("api.cli.doctor", "doctor", "Undersøg installationen for fejl"),
    "config": Entry("api.cli.config", "app", "Vis indstillingerne"),
    "backup": Entry("api.cli.backup", "backup", "Tag en sikkerhedskopi, også under drift"),
    "restore": Entry("api.cli.restore", "restore", "Genskab loggen fra en sikkerhedskopi"),
}
"""Every subcommand, in the order the help lists them."""


class LazyGroup(TyperGroup):
    """The top of the command line; knows every subcommand by name before any is imported."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 the shape is typer's
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 the shape is typer's
        """Return a stand-in that has the help line only; `resolve_command` brings the real one."""
        entry = COMMANDS.get(cmd_name)
        return entry and TyperCommand(name=cmd_name, help=entry.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import and return the subcommand that is called."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, loaded(found.name) if found and found.name else None, rest


def loaded(name: str) -> Any:
    """Return a subcommand as typer runs it, importing its module."""
    entry = COMMANDS[name]
    target = getattr(import_module(entry.module), entry.attribute)
    if not isinstance(target, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(target)
        target = alone
    command = get_command(target)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyGroup,
    name="kontaktlog",
    help="Kontaktlog: log over kontakter mellem forvaltninger og almene boligorganisationer.",
    epilog="Svarkoder: 0 udført · 1 afvist eller fejl fundet · 2 forkert brug eller indstilling · "
    "3 lageret kan ikke nås. Eksempel: kontaktlog log --help",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("kontaktlog"))
        raise typer.Exit(Exit.OK)


@app.callback()
def _top(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Vis udgaven"
    ),
) -> None:
    """Kontaktlog: log over kontakter mellem forvaltninger og almene boligorganisationer."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; what went wrong stands on standard error."""
    try:
        app(args=list(arguments), prog_name="kontaktlog")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.OK
    except BrokenPipeError:  # the reader, such as `head`, has what it wanted
        sys.stderr.close()
        return Exit.OK
    except Exception as error:
        code, lines = explained(error)
        if code is None:
            raise
        print("\n".join(lines), file=sys.stderr)
        return code
    return Exit.OK


def main() -> None:
    """Run the command line of this process; what it writes is for its owner's eyes only."""
    os.umask(PRIVATE)
    sys.exit(run(sys.argv[1:]))

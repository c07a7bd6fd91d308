"""`zajil upgrade`: look at what a new version changes, and change to it."""

from pathlib import Path
from typing import Annotated

import typer

from zajil.main.cli_options import PLACE_OPTIONS, Arguments, fail, load_or_exit, with_arguments
from zajil.main.control import ControlError, ask_supervisor

RELOAD_S_MAX = 300.0

Check = Annotated[bool, typer.Option("--check", help="Only say what would change.")]


@with_arguments(PLACE_OPTIONS)
def upgrade(arguments: Arguments, path: Path | None, check: Check = False) -> None:
    """A configuration that the version on disk refuses ends this with its sentence and code 2, before anything is changed."""
    config = load_or_exit(arguments, path).config
    from importlib.metadata import PackageNotFoundError, version

    from zajil.main.upgrade import DatabaseUnreadable, describe_report, inspect_schema

    try:
        typer.echo(f"On disk is Zajil {version('zajil')}.")
    except PackageNotFoundError:
        typer.echo("On disk is a Zajil that was not installed.")
    typer.echo("It accepts the configuration.")
    try:
        report = inspect_schema(config)
    except DatabaseUnreadable as error:
        fail(str(error))
    for line in describe_report(report):
        typer.echo(line)
    if report.minimum > report.known:
        raise typer.Exit(1)
    if not check:
        reload_server(config.data)


def reload_server(data: Path) -> None:
    """Ask the server to replace itself by what is on disk; ends the command with 1 when it does not."""
    try:
        outcome = ask_supervisor(data, "reload", RELOAD_S_MAX)
    except ControlError as error:
        fail(str(error))
    if not outcome["ok"]:
        fail(outcome["error"])
    typer.echo("The new version serves.")


@with_arguments(PLACE_OPTIONS)
def reload(arguments: Arguments, path: Path | None) -> None:
    reload_server(load_or_exit(arguments, path).config.data)

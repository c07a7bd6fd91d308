"""`zajil report`: what users have reported."""

from pathlib import Path
from typing import Annotated

import typer

from zajil.main.cli_database import load_place, run_service
from zajil.main.cli_options import PLACE_OPTIONS, Arguments, with_arguments

app = typer.Typer(help="Read and resolve what users have reported.", no_args_is_help=True)


@app.command("list", help="Show open reports, the oldest first.")
@with_arguments(PLACE_OPTIONS)
def list_all(
    arguments: Arguments,
    path: Path | None,
    resolved: Annotated[bool, typer.Option("--all", help="Show resolved ones too")] = False,
    after: Annotated[int, typer.Option(metavar="NUMBER", help="Only those after this number")] = 0,
) -> None:
    config = load_place(arguments, path)
    from zajil.main.cli_token import build_date
    from zajil.services.accounts.report_content import list_reports

    for each in run_service(config, lambda app: list_reports(app, after=after, with_resolved=resolved)):
        subject = " ".join(part for part in (each.user_id, each.room_id, each.event_id) if part)
        state = "" if each.resolved_ts_ms is None else f" (resolved {build_date(each.resolved_ts_ms)})"
        typer.echo(f"{each.report_id}  {build_date(each.created_ts_ms)}  {each.reporter} reports {subject}{state}")
        if each.reason:
            typer.echo(f"    {build_printable(each.reason)}")


def build_printable(text: str) -> str:
    """One line without the control characters with which a reporter could play tricks on the terminal."""
    return "".join(each if each.isprintable() else " " for each in text)


@app.command("resolve", help="Mark a report as dealt with.")
@with_arguments(PLACE_OPTIONS)
def resolve(
    arguments: Arguments,
    path: Path | None,
    number: Annotated[int, typer.Argument(help="The number of the report", metavar="NUMBER")],
) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.report_content import resolve_report

    run_service(config, lambda app: resolve_report(app, number))
    typer.echo(f"Report {number} is resolved.")

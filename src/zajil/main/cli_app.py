"""Every command of `zajil`, as typer knows them."""

from pathlib import Path

import typer

from zajil.main import (
    cli_backup,
    cli_config,
    cli_drill,
    cli_federation,
    cli_incident,
    cli_report,
    cli_token,
    cli_upgrade,
    cli_user,
)
from zajil.main.cli_options import Arguments, load_or_exit, with_arguments
from zajil.main.config_file import option_fields

app = typer.Typer(
    name="zajil",
    help="Zajil, an encrypted messenger that anyone can run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_user.app, name="user")
app.add_typer(cli_token.app, name="token")
app.add_typer(cli_report.app, name="report")
app.add_typer(cli_config.app, name="config")
app.add_typer(cli_incident.app, name="incident")
app.add_typer(cli_incident.status_app, name="status")
app.add_typer(cli_federation.app, name="federation")


app.command("backup", help="Copy database, media and keys of a server, running or not, into a folder.")(
    cli_backup.back_up
)
app.command("restore", help="Make a backup a server again, in an empty data folder.")(cli_backup.restore)


@app.command("serve", help="Run the server until it is stopped.")
@with_arguments(tuple(option_fields()))
def serve(arguments: Arguments, path: Path | None) -> None:
    from zajil.main import supervisor

    raise typer.Exit(supervisor.serve(arguments, path))


app.command(
    "reload",
    help="Replace the running server by the version and configuration that are on disk now, without refusing a request. "
    "Returns when the new one serves; ends with 1, and the former one goes on, when it cannot.",
)(cli_upgrade.reload)
app.command(
    "upgrade",
    help="Say what the version on disk changes in the database, and whether it accepts the configuration; then reload.",
)(cli_upgrade.upgrade)


app.command(
    "drill", help="Play the day of 22 February 2014 on a private copy of this installation, and report what broke."
)(cli_drill.drill)


@app.command("doctor", help="Check the installation and say what to fix. Ends with 1 when something must be fixed.")
@with_arguments(tuple(option_fields()))
def doctor(arguments: Arguments, path: Path | None) -> None:
    from zajil.main.doctor import run

    raise typer.Exit(run(load_or_exit(arguments, path).config))


@app.command("version", help="Print the version.")
def show_version() -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        typer.echo(f"zajil {version('zajil')}")
    except PackageNotFoundError:
        typer.echo("zajil (not installed)")

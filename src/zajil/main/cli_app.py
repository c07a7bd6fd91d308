"""Every command of `zajil`, as typer knows them."""

import os
import signal
from pathlib import Path

import typer

from zajil.main import cli_backup, cli_config, cli_report, cli_token, cli_user
from zajil.main.cli_options import PLACE_OPTIONS, Arguments, fail, load_or_exit, with_arguments
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


app.command("backup", help="Copy database, media and keys of a server, running or not, into a folder.")(
    cli_backup.back_up
)
app.command("restore", help="Make a backup a server again, in an empty data folder.")(cli_backup.restore)


@app.command("serve", help="Run the server until it is stopped.")
@with_arguments(tuple(option_fields()))
def serve(arguments: Arguments, path: Path | None) -> None:
    from zajil.main import supervisor

    raise typer.Exit(supervisor.serve(arguments, path))


@app.command("reload", help="Make the running server read its configuration again, without refusing a connection.")
@with_arguments(PLACE_OPTIONS)
def reload(arguments: Arguments, path: Path | None) -> None:
    from zajil.main.supervisor import load_supervisor_pid

    config = load_or_exit(arguments, path).config
    pid = load_supervisor_pid(config.data)
    if pid is None:
        fail(f"no server is running with the data folder {config.data}")
    os.kill(pid, signal.SIGHUP)
    typer.echo(f"Told the server (process {pid}) to reload.")


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

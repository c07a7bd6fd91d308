"""`zajil config`: is the configuration right, and where does each value come from."""

from pathlib import Path

import typer

from zajil.main.cli_options import Arguments, load_or_exit, with_arguments
from zajil.main.config_file import build_shown_value, option_fields

app = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)


@app.command("check", help="Read every source of the configuration and say whether it is right.")
@with_arguments(tuple(option_fields()))
def check(arguments: Arguments, path: Path | None) -> None:
    loaded = load_or_exit(arguments, path)
    where = f"{loaded.path}, " if loaded.path else ""
    typer.echo(f"The configuration is right (read from {where}environment and command line).")


@app.command("show", help="Print every option with its value and where that comes from. Secrets are masked.")
@with_arguments(tuple(option_fields()))
def show(arguments: Arguments, path: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    loaded = load_or_exit(arguments, path)
    table = Table("option", "value", "from", box=None, pad_edge=False)
    for name in option_fields():
        table.add_row(name, build_shown_value(name, getattr(loaded.config, name)), loaded.origins[name])
    Console(markup=False, highlight=False, soft_wrap=True).print(table)

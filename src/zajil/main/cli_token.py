"""`zajil token`: invitation codes."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from zajil.main.cli_database import load_place, run_service
from zajil.main.cli_options import PLACE_OPTIONS, Arguments, with_arguments

app = typer.Typer(help="Make and list invitation codes (registration tokens).", no_args_is_help=True)

DAY_MS = 86_400_000


@app.command("create", help="Make a code with which accounts can be made.")
@with_arguments((*PLACE_OPTIONS, "public_base_url", "bind", "registration"))
def create(
    arguments: Arguments,
    path: Path | None,
    token: Annotated[
        str | None, typer.Option(metavar="CODE", help="The code itself; chosen at random if not given")
    ] = None,
    uses: Annotated[int, typer.Option(metavar="N", help="How many accounts it makes; 0 is without limit")] = 1,
    days: Annotated[int, typer.Option(metavar="N", help="Days until it expires; 0 is never")] = 0,
) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_tokens import create_token

    made = run_service(
        config,
        lambda app: create_token(app, token=token, uses_max=uses or None, lifetime_ms=days * DAY_MS if days else None),
        makes_server=True,
    )
    typer.echo(made.token)
    typer.echo(f"{config.base_url}/#/register?token={made.token}", err=True)


@app.command("list", help="Show all codes, the newest first.")
@with_arguments(PLACE_OPTIONS)
def list_all(arguments: Arguments, path: Path | None) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_tokens import list_tokens

    for each in run_service(config, list_tokens):
        uses = f"{each.uses} of {'any number' if each.uses_max is None else each.uses_max} used"
        expires = f", until {build_date(each.expires_ts_ms)}" if each.expires_ts_ms is not None else ""
        admin = ", makes an administrator" if each.grants_admin else ""
        typer.echo(f"{each.token}  {uses}{expires}{admin}")


@app.command("delete", help="Make a code useless.")
@with_arguments(PLACE_OPTIONS)
def delete(
    arguments: Arguments, path: Path | None, token: Annotated[str, typer.Argument(help="The code", metavar="CODE")]
) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_tokens import delete_token

    run_service(config, lambda app: delete_token(app, token))


def build_date(ts_ms: int) -> str:
    return f"{datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M} UTC"

"""`zajil user`: accounts."""

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.main.cli_database import load_place, run_service
from zajil.main.cli_options import PLACE_OPTIONS, Arguments, fail, with_arguments
from zajil.ports.configuration import Config

if TYPE_CHECKING:
    from zajil.services.app import App

app = typer.Typer(help="Make, list and administer accounts.", no_args_is_help=True)

PASSWORD_BYTES = 12

Name = Annotated[str, typer.Argument(help="User name (anna) or user ID (@anna:example.org)", metavar="USER")]
Password = Annotated[
    str | None,
    typer.Option(
        metavar="PASSWORD",
        help="The password; asked for if not given, read from standard input if that is no terminal",
    ),
]
Undo = Annotated[bool, typer.Option("--undo", help="Take it back")]


def ask_password(given: str | None) -> str:
    """The password from the option, the terminal, or the first line of standard input."""
    if given is not None:
        return given
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        fail("no password was given: use --password, or write it to standard input")
    return password


@app.command("create", help="Make an account, whatever the registration setting.")
@with_arguments(PLACE_OPTIONS)
def create(
    arguments: Arguments,
    path: Path | None,
    user: Name,
    password: Password = None,
    admin: Annotated[bool, typer.Option("--admin", help="Make it an administrator's")] = False,
    random_password: Annotated[
        bool, typer.Option("--random-password", help="Choose a password at random and print it")
    ] = False,
) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_users import create_user

    chosen = secrets.token_urlsafe(PASSWORD_BYTES) if random_password else ask_password(password)
    user_id = run_service(config, lambda app: create_user(app, user, chosen, is_admin=admin), makes_server=True)
    typer.echo(user_id)
    if random_password:
        typer.echo(chosen)


@app.command("list", help="Show all accounts and their standing.")
@with_arguments(PLACE_OPTIONS)
def list_all(arguments: Arguments, path: Path | None) -> None:
    config = load_place(arguments, path)
    from zajil.main.cli_token import build_date
    from zajil.services.accounts.administer_users import list_users

    async def show(app: "App") -> None:
        after: str | None = ""
        while after is not None:
            page = await list_users(app, after)
            for each in page.accounts:
                flags = {
                    "administrator": each.is_admin,
                    "guest": each.is_guest,
                    "locked": each.is_locked,
                    "suspended": each.is_suspended,
                    "deactivated": each.is_deactivated,
                }
                standing = ", ".join(name for name, is_so in flags.items() if is_so)
                typer.echo(f"{each.user_id}  since {build_date(each.created_ts_ms)}  {standing}".rstrip())
            after = page.next_after

    run_service(config, show)


@app.command("password", help="Give an account another password and end its sessions.")
@with_arguments(PLACE_OPTIONS)
def set_password(
    arguments: Arguments,
    path: Path | None,
    user: Name,
    password: Password = None,
    keep_sessions: Annotated[bool, typer.Option("--keep-sessions", help="Leave its devices logged in")] = False,
) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_users import find_user_id, set_user_password

    chosen = ask_password(password)
    run_service(config, lambda app: set_user_password(app, find_user_id(app, user), chosen, logs_out=not keep_sessions))
    typer.echo("The password is changed.")


@app.command("reset-link", help="Print a link with which the user chooses a new password, once, within a day.")
@with_arguments((*PLACE_OPTIONS, "public_base_url", "bind"))
def reset_link(arguments: Arguments, path: Path | None, user: Name) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_users import create_reset_link, find_user_id

    typer.echo(run_service(config, lambda app: create_reset_link(app, find_user_id(app, user))))


@app.command(
    "deactivate", help="End an account for good: its sessions, password and personal data go, its name stays taken."
)
@with_arguments(PLACE_OPTIONS)
def deactivate(
    arguments: Arguments,
    path: Path | None,
    user: Name,
    erase: Annotated[bool, typer.Option("--erase", help="Show what it sent as removed to whoever joins later")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_users import deactivate_user, find_user_id

    if not yes:
        typer.confirm(f"Deactivate {user} for good?", abort=True)

    async def deactivate_and_leave(app: "App") -> None:
        await deactivate_user(app, find_user_id(app, user), erase=erase)
        await app.account_tasks.finish()

    run_service(config, deactivate_and_leave)
    typer.echo("The account is deactivated.")


@app.command("notice", help="Tell a user something in the server's name, in a room of its own.")
@with_arguments(PLACE_OPTIONS)
def notice(
    arguments: Arguments,
    path: Path | None,
    user: Name,
    text: Annotated[str, typer.Argument(help="What to tell", metavar="TEXT")],
) -> None:
    config = load_place(arguments, path)
    from zajil.services.accounts.administer_users import find_user_id
    from zajil.services.rooms.send_server_notice import send_server_notice

    run_service(config, lambda app: send_server_notice(app, find_user_id(app, user), text))
    typer.echo("The notice is sent.")


@app.command("lock", help="Lock an account: its devices stay logged in but can do nothing.")
@with_arguments(PLACE_OPTIONS)
def lock(arguments: Arguments, path: Path | None, user: Name, undo: Undo = False) -> None:
    change_standing(load_place(arguments, path), user, "is_locked", not undo)


@app.command("suspend", help="Suspend an account: it can read and leave, not write.")
@with_arguments(PLACE_OPTIONS)
def suspend(arguments: Arguments, path: Path | None, user: Name, undo: Undo = False) -> None:
    change_standing(load_place(arguments, path), user, "is_suspended", not undo)


@app.command("admin", help="Make an account an administrator's.")
@with_arguments(PLACE_OPTIONS)
def admin(arguments: Arguments, path: Path | None, user: Name, undo: Undo = False) -> None:
    change_standing(load_place(arguments, path), user, "is_admin", not undo)


def change_standing(config: Config, user: str, flag: str, value: bool) -> None:
    from zajil.services.accounts.administer_users import find_user_id, set_standing

    run_service(config, lambda app: set_standing(app, find_user_id(app, user), **{flag: value}))
    typer.echo(f"{user}: {flag.removeprefix('is_')} is {'on' if value else 'off'}.")

"""Running services from the command line, on the database of a server that may be running at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zajil.main.cli_options import Arguments, fail, load_or_exit
from zajil.main.lean_imports import import_lean
from zajil.ports.configuration import Config, ConfigError

if TYPE_CHECKING:
    from zajil.services.app import App

T = TypeVar("T")


def load_place(arguments: Arguments, path: Path | None) -> Config:
    """The configuration of a command that runs services; called before they are imported."""
    config = load_or_exit(arguments, path).config
    import_lean()
    return config


def run_service(config: Config, work: Callable[["App"], Awaitable[T]], *, makes_server: bool = False) -> T:
    """Open the database, do `work`, close it. What a service refuses ends the command with its message.

    Only with `makes_server` the command may be the first one ever: others would mistake an empty new server for the one that was meant.
    """
    if not makes_server and not config.is_postgres and not config.sqlite_path.exists():
        fail(f"there is no server in the data folder {config.data}: name it with --data")
    from zajil.main.composition import build_services
    from zajil.main.log import configure_log
    from zajil.ports.database import StorageUnavailable
    from zajil.services.errors import MatrixError
    from zajil.services.own_name import check_own_name

    configure_log(config)

    async def run() -> T:
        app = build_services(config)
        app.db.start()
        try:
            await check_own_name(app)
            return await work(app)
        finally:
            await app.db.close()

    try:
        return asyncio.run(run())
    except MatrixError as error:
        fail(error.message)
    except ConfigError as error:
        fail(str(error), code=2)
    except StorageUnavailable as error:
        fail(str(error))

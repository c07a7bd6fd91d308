"""`zajil backup` and `zajil restore`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zajil.main.cli_database import load_place
from zajil.main.cli_options import PLACE_OPTIONS, Arguments, fail, with_arguments

PLACES = (
    *PLACE_OPTIONS,
    "media_s3_bucket",
    "media_s3_endpoint",
    "media_s3_region",
    "media_s3_access_key",
    "media_s3_secret_key",
    "media_s3_prefix",
)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backup")]


def tell(text: str) -> None:
    """Show progress on one line of a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:40}")
        sys.stderr.flush()


@with_arguments(PLACES)
def back_up(arguments: Arguments, path: Path | None, folder: Folder) -> None:
    config = load_place(arguments, path)
    from zajil.main import backup
    from zajil.ports.database import StorageUnavailable

    try:
        backup.back_up(config, folder, tell)
    except (backup.BackupError, StorageUnavailable, OSError) as error:
        fail(str(error))
    tell("\r")
    typer.echo(f"The backup is in {folder}.")


@with_arguments(PLACES)
def restore(arguments: Arguments, path: Path | None, folder: Folder) -> None:
    config = load_place(arguments, path)
    from zajil.main import backup
    from zajil.main.console import ServeError
    from zajil.main.data_lock import lock_data
    from zajil.ports.database import StorageUnavailable

    try:
        lock = lock_data(config.data, wait_s=0)
        try:
            backup.restore(config, folder, tell)
        finally:
            os.close(lock)
    except (backup.BackupError, ServeError, StorageUnavailable, OSError) as error:
        fail(str(error))
    tell("\r")
    typer.echo(f"The server is restored in {config.data}; start it with zajil serve.")

"""The server's own name, which the database remembers: it is in every user ID and must never change."""

from typing import Final

from zajil.ports.configuration import ConfigError
from zajil.ports.database import Transaction
from zajil.services.app import App

SECRET_NAME: Final = "server_name"  # noqa: S105  not secret, but kept for good like the secrets are


async def check_own_name(app: App) -> None:
    """Remember the name at the first start. Raises `ConfigError` when it is another than then."""
    name = app.server_name.encode()
    stored = await app.stores.accounts.load_secret(app.db.reader, SECRET_NAME)
    if stored is None:

        async def store(tx: Transaction) -> bytes:
            return await app.stores.accounts.store_secret(tx, SECRET_NAME, name)

        stored = await app.db.write(store)
    if stored != name:
        raise ConfigError(
            f"server_name: is {app.server_name!r}, but this database belongs to {stored.decode()!r}, "
            "and a server's name can never change: set it back, or choose another data folder or database"
        )

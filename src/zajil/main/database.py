"""Which database the configuration means."""

from zajil.ports.configuration import Config
from zajil.ports.database import Database
from zajil.ports.stores.pushers import PusherStore
from zajil.ports.stores.search import SearchStore


def open_database(config: Config) -> Database:
    """SQLite in the data folder, or PostgreSQL. Raises `StorageUnavailable` when it cannot be opened."""
    if config.is_postgres:
        from zajil.storage.postgres.engine import PostgresDatabase  # its driver takes time to import

        return PostgresDatabase(config.database, config.database_pool_max)
    from zajil.storage.sqlite.engine import SqliteDatabase

    return SqliteDatabase(config.sqlite_path)


def build_search_store(config: Config) -> SearchStore:
    """The full-text index of the same engine."""
    if config.is_postgres:
        from zajil.storage.postgres.search import PostgresSearchStore

        return PostgresSearchStore()
    from zajil.storage.sqlite.search import SqliteSearchStore

    return SqliteSearchStore()


def build_pusher_store(config: Config) -> PusherStore:
    """The pushers, with the engine's own way through the log."""
    if config.is_postgres:
        from zajil.storage.postgres.pushers import PostgresPusherStore

        return PostgresPusherStore()
    from zajil.storage.sqlite.pushers import SqlitePusherStore

    return SqlitePusherStore()

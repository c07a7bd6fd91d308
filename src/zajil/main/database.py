"""Which database the configuration means."""

from zajil.ports.configuration import Config
from zajil.ports.database import Database


def open_database(config: Config) -> Database:
    """SQLite in the data folder, or PostgreSQL. Raises `StorageUnavailable` when it cannot be opened."""
    if config.is_postgres:
        from zajil.storage.postgres.engine import PostgresDatabase  # its driver takes time to import

        return PostgresDatabase(config.database, config.database_pool_max)
    from zajil.storage.sqlite.engine import SqliteDatabase

    return SqliteDatabase(config.sqlite_path)

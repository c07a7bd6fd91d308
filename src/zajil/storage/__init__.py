"""SQL and typed records for SQLite and PostgreSQL."""

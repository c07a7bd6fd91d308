"""Room aliases, public rooms and finding people."""

"""The server's own state."""

"""Other servers: what they send, what they ask, and what is sent to them (server-server API)."""

"""GET /sync: what lies between a client's token and now, for that client (DESIGN §3)."""

"""The client-server API, one module per group of endpoints."""

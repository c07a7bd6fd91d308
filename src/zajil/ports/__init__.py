"""Protocols that the services need and the adapters provide."""

"""Routing, authentication, errors, limits."""

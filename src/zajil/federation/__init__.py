"""Outgoing federation."""

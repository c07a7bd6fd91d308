"""Stores, written once in SQL that both engines understand."""

"""Typing, presence and the delivered signal: what is told and not kept."""

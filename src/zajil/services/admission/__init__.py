"""What is let in under load, and how soon (docs/decisions/overload.md)."""

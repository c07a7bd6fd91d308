"""The full-text index of messages."""

"""Events: sent, read, related, redacted."""

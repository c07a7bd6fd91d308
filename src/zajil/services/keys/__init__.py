"""Device keys, cross-signing, key backups and to-device messages."""

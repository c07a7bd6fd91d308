"""What the services ask of storage, one Protocol per subject."""

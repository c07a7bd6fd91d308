"""Administration endpoints."""

"""Where media bytes live, and thumbnails."""

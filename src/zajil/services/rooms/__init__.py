"""Rooms: made, entered, left, upgraded, described; their state and members."""

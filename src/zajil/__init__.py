"""Zajil: an encrypted messenger server that speaks the Matrix protocol."""

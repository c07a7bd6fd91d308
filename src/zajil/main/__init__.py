"""Configuration, composition, command line."""

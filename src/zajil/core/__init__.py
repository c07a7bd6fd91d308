"""Pure and synchronous Matrix logic: no I/O, no clock, no randomness."""

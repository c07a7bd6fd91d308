"""`zajil drill`: the day of 22 February 2014, played on a private copy of the installation, and a report of what broke."""

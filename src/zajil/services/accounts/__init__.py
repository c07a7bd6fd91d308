"""Accounts, log-in, devices, profiles, account data and what an administrator does with them."""

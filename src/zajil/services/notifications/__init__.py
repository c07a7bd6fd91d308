"""Push rules, pushers, receipts and unread counts."""

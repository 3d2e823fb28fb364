"""Amounts and times as people read them."""

"""Selling: what the shop opens at the remote, and what became of it."""

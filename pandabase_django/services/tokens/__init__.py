"""Tokens: clients that call with them, adding and testing them, which one is active."""

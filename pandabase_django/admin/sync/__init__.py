"""Stores, runs and the remote's request log."""

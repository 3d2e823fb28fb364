"""Pandabase inside Django: sealed tokens, signed requests, rotation, and local tables."""

__version__ = "0.1.0"

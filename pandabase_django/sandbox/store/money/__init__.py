"""The balance: what came in, and what was paid out."""

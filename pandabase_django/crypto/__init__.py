"""Secrets at rest. Knows nothing of Pandabase."""

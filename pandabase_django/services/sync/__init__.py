"""Keeps the mirror rows equal to the remote. ``runs.sync_resource`` is the way in."""

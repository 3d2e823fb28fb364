"""Seeded objects, each computed from the seed and its index alone."""

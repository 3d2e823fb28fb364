"""Rotation pages: history, forms, and the banner while one needs a person."""

"""Persons whose data was erased."""

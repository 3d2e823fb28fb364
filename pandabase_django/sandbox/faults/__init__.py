"""Scripted misbehaviour: which requests it meets, and what it does to their answers."""

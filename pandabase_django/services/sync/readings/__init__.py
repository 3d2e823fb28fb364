"""The ways to read a list, each with its proofs: what it makes sure of, and what it can't see."""

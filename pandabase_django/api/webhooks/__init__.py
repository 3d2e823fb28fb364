"""Deliveries as they arrive: who sent them, what they say, why a signature does not fit."""

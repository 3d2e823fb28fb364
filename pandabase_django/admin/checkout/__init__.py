"""Checkout sessions and the orders that paid for them."""

"""Webhooks: taking deliveries in, working them off, and the endpoints they come to."""

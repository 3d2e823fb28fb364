"""Deliveries as they are worked off: what is fetched, who is called, what is tried again."""

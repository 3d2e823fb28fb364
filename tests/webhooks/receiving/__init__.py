"""Deliveries as they come in: their proof, their form, their place in a site."""

"""Endpoints, deliveries, and why deliveries were refused."""

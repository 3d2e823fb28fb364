"""The sandbox's HTTP: server, limits, idempotency. Knows nothing of the store."""

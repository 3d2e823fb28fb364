"""Work that is tried again until it succeeds: deliveries, and purchases with their handlers."""

"""What was used, as the store counts it."""

"""The overview: findings, freshness of each store, and what was sold."""

"""The store's objects: what the seed says, and what a run changed."""

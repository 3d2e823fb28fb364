"""Usage: the meters of products, and the events that are reported against them."""

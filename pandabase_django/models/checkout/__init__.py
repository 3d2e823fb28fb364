"""What the shop sells: the checkout sessions that it opened, and the orders that name them."""

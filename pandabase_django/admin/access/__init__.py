"""Who of the shop's users a customer is."""

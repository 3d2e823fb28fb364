"""Usage: recorded in the shop's transactions, sent in batches, settled by what the remote says."""

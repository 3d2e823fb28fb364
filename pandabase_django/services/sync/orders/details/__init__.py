"""The details of orders: what is due and why; fetching, believing and writing; helpers."""

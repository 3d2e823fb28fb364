"""The list of customers. How orders name them is in ``orders/customers``."""

"""The public side of the remote: checkout sessions, the pay page, and the storefront.

It asks for no token. Source: P-36, P-43.
"""

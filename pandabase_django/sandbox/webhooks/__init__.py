"""Deliveries that the sandbox sends, signed as the vendor says."""

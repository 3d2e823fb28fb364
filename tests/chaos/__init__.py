"""A shop with real processes that lives through misfortunes: `make soak-chaos`."""

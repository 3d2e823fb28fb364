"""The databases of released versions, kept: each later version upgrades them in its tests."""

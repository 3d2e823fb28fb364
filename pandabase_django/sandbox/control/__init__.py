"""The control path: what tests and the demo do to a running sandbox."""

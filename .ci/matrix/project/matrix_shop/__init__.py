"""The shop of the demo as the matrix deploys it: settings by the environment, a handler."""

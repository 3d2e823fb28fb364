"""An app of a shop that has handlers."""

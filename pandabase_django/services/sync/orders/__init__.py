"""Orders: new ones, late changes, details, and orders that the remote no longer has."""

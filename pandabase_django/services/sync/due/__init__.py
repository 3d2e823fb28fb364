"""Orders whose details are to be read: what asks for them, and the marks that say so."""

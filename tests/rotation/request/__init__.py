"""A rotation until its request is sent: who may ask, what is checked first, what is locked."""

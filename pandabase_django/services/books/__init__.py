"""The books: whether a month of the ledger adds up and fits what was sold, and what was not."""

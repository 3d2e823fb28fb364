"""What every run has: a lease, a record, pages read ahead, helpers, and an end with a reason."""

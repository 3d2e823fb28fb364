"""What can be done after a sale, one module a subject."""

"""A deployment that must not send: it only reads, or its tokens were added elsewhere."""

"""The months of the books: each is closed when its page is opened."""

"""What is done after a sale: the pages that ask for it, and the history of all that was asked."""

"""Usage records: seen by whoever may, and corrected by whoever may correct them."""

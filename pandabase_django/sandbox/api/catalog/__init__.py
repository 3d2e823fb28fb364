"""Products, categories and coupons: what the store sells, and what makes it cheaper."""

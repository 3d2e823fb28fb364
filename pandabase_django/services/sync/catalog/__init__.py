"""Products with variants, categories, and coupons."""

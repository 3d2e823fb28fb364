"""A small shop: it sells the mirrored products, and hands out a licence for what was paid."""

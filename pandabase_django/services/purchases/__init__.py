"""Orders that name a checkout session: who paid for what, and which handlers were called."""

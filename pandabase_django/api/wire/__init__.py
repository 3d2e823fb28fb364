"""How requests leave and answers arrive: one request, its retries, limits and time bounds."""

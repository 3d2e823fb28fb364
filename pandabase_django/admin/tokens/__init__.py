"""Token pages: adding, testing, permissions, and the pages that touch a secret."""

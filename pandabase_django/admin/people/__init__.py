"""Erased persons, and the pages that export and erase one."""

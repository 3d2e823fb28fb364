"""What needs attention, how fresh the tables are, and how old records are deleted."""

"""What every mirrored row has in common: reading, comparing, writing, and notes of changes."""

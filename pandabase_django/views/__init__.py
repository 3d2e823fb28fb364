"""What the app answers beside the admin."""

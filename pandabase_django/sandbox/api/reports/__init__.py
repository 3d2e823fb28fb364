"""What the sales of a period came to: analytics, and reports to be fetched as files."""

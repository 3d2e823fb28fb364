"""What customers may use: subscriptions and licences."""

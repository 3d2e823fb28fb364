"""What customers may use after the sale: subscriptions and licences."""

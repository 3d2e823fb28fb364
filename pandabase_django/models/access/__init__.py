"""What a customer may use: subscriptions and licences."""

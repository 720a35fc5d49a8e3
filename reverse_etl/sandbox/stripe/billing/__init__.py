"""What Stripe does when it rates by itself: meters and their events, prices, metered subscriptions, and the invoices of their periods."""

"""What a step makes: landed rows, models, sealed documents, deliveries, read-backs, the closed period."""

"""What is known of models: limits, abilities, prices, lifecycle."""

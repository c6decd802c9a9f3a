"""JSON Schemas of tools and answers, as each provider takes them."""

"""The connection to Redis or Valkey that everything uses which keeps something there."""

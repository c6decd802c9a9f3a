"""Content logging: what callers asked and were answered, of tenants that agreed to it (docs/PRIVACY.md)."""

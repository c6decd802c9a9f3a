"""People sign in to the admin API: with a password that the gateway knows, or at an identity provider."""

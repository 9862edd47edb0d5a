"""Grant to session to token."""

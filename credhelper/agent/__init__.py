"""An endpoint on loopback that serves AWS keys to one command of the user, while it runs."""

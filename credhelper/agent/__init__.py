"""What listens, for a command of the user's own and as long as it runs: AWS keys on loopback."""

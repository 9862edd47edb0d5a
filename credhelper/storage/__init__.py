"""What is written to disk: private folders, whole files, locks."""

"""The machines' door, cold half: what the warm half could not answer."""

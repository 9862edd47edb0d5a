"""The people's door: commands on click."""

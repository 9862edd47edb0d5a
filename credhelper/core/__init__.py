"""The nouns, and the warm reader: what every call loads."""

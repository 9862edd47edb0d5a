"""A token in a file, kept fresh."""

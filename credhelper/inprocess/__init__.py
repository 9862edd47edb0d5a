"""The Python programs' door: tokens without a process."""

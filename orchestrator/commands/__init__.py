"""One click command a file."""

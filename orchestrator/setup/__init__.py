"""Sets a repository up and takes that away again: what is there, what is wanted, what was written."""

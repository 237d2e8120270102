"""What `verify` looks at, one small check a question, and what `verify --repair` mends."""

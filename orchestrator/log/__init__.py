"""Facts on disk: the log, and the copies made from it."""

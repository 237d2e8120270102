"""The page: the gates that wait, in a browser on this machine, with the same rules as a sitting at the terminal."""

"""Sample streams: a story told as commands in a file, and what plays it into an empty log."""

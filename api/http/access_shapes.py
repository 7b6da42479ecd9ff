"""What answers about grants, sessions and who one is look like, for the document."""

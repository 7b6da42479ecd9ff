"""What answers about the direct door look like, for the document."""

"""What answers about service targets, calendars and routing rules look like, for the document."""

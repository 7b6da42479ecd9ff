"""What answers about enquiries, the inbox and their steps look like, for the document."""

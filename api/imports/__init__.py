"""Foreign formats in: mail, calendars and spreadsheets become commands, never events."""

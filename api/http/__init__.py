"""The HTTP door: requests become commands, views become answers, errors become problems."""

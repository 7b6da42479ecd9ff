"""The auditor who does not believe us: recomputes the whole log from its stored bytes."""

"""The doors: HTTP, command line, imports and exports, wired together in one place."""

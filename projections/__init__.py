"""Questions answered from the log, each rebuildable from its first event at any time."""

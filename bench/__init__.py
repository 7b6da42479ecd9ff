"""The measurement behind every speed claim: `make bench` prints each job beside its limit."""

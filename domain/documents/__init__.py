"""Documents and their path (dokumenter, sagens gang): versions, approvals, what became of them.

An approval is of one version; a later version needs its own. A recommendation is adopted when every
body it had to pass has treated that very version, in any order, or was waived. What was planned is
kept apart from what happened. Source: the memo; domain.md 1.8 A; rules R2, R3, R10, R11.
"""

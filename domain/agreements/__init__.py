"""Political agreements (politiske aftaler): explored, negotiated, approved by each party, in force.

Each party approves a version, by a body of its own, in any order; an amended agreement needs every
approval anew. While it is negotiated it is not for councillors' eyes. Source: domain.md 1.8 I.
"""

"""Meetings of one or several forums (møder): called, held, chaired, and what was laid before them.

A meeting held with organisations is a contact of every party that took part, and recorded as one in
the same breath. Who may chair follows from the forums' seats (domain.md 1.8 F, rules R5 and R6).
"""

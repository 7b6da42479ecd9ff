"""Forums and their chairmanship (formandskab): who meets about what, and who leads the meetings.

A chair seat (formandspost) is held by a role, not a person: a mayor changes, the seat does not. The
seat whose holder has the option may leave the chair to the other, for one meeting or until further
notice, and take it up again; somebody is always left to chair. Source: the memo; domain.md 1.8 C,
rules R5 and R6. A forum itself is a party (kind forum); this is the record of its life.
"""

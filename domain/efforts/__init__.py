"""The information effort (oplysningsindsats): who is told what, in which version, in which order.

Offered, accepted or declined, scheduled, held and informed are separate facts (rule R4). The order
of audiences is kept in view; an inversion is reported, never blocked (rule R1). domain.md 1.8 B.
"""

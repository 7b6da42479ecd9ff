"""Seeded records of the registers: promises and positions of the same made-up municipality."""

from collections.abc import Iterator
from random import Random
from uuid import UUID

import orjson

from bench.contacts import administrations, organisations

SEED = 20100623
YEARS = range(2030, 2040)
"""Of the days promised: to come, so that no policy writes while something is measured."""


def commitments(count: int, seed: int = SEED) -> Iterator[bytes]:
    """Yield request bodies for POST /v1/commitments, with ids of their own."""
    random = Random(seed)
    officials, offices = administrations(), organisations()
    for number in range(count):
        yield orjson.dumps(
            {
                "id": str(UUID(int=random.getrandbits(128), version=4)),
                "by": random.choice(officials),
                "to": [random.choice(offices)],
                "promised": f"Svar på ansøgning {number} om renovering af afdelingen",
                "due": f"{random.choice(YEARS)}-{random.randrange(1, 13):02}",
                "occurred": f"{random.randrange(2024, 2026)}-{random.randrange(1, 13):02}-15",
            }
        )


def reschedulings(opened: bytes) -> bytes:
    """Return the step that agrees on another day for a commitment, both sides consenting."""
    made = orjson.loads(opened)
    body = {"due": "2040-06", "agreed_by": [made["by"], *made["to"]], "reason": "Afventer budget"}
    return orjson.dumps(body)


def positions(count: int, seed: int = SEED) -> Iterator[bytes]:
    """Yield request bodies for POST /v1/positions, each with a condition."""
    random = Random(seed)
    offices = organisations()
    for number in range(count):
        yield orjson.dumps(
            {
                "holder": random.choice(offices),
                "stance": "support_with_condition",
                "about": f"Forslag {number} om ny organisering",
                "conditions": [{"words": "Den direkte og løbende kontakt må ikke hindres"}],
                "occurred": f"{random.randrange(2024, 2026)}-{random.randrange(1, 13):02}-15",
            }
        )

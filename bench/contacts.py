"""Seeded contacts of a made-up municipality, so that every run measures the same work."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import orjson

ADMINISTRATIONS = 7
ORGANISATIONS = 60
MONTHS = 24
FACTS_CHARS = 400
PARTICIPANTS = 3
PEOPLE = 12
"""People of one organisation whom the administrations meet: the same few, again and again."""
FIRST_DAY = date(2024, 1, 1)
DAYS = MONTHS * 30
SEED = 20100225

_MEDIA = ("phone", "email", "meeting_physical", "meeting_online", "letter", "digital_post")
_TOPICS = ("udlejning", "renovering", "boligsocial indsats", "økonomi", "byfornyelse")
_WORDS = tuple(
    "boligerne forvaltningen aftalt helhedsplan beboerne renoveringen udlejning møde frist "  # noqa: SIM905 prose reads better in one piece
    "kommunen afdelingen orientering godkendelse sagen notat parkering tilsyn budget anvisning "
    "almene boliger grundkapital lejerne drøftet enighed næste opfølgning".split()
)


def administrations() -> list[str]:
    """Return the names of the administrations."""
    return [f"Forvaltning {n}" for n in range(1, ADMINISTRATIONS + 1)]


def organisations() -> list[str]:
    """Return the names of the housing organisations."""
    return [f"Boligorganisation {n}" for n in range(1, ORGANISATIONS + 1)]


def bodies(count: int, seed: int = SEED) -> Iterator[bytes]:
    """Yield request bodies for POST /v1/contacts, about 1 kB each."""
    random = Random(seed)
    officials, offices = administrations(), organisations()
    for _ in range(count):
        organisation = random.choice(offices)
        day = FIRST_DAY + timedelta(days=random.randrange(DAYS))
        people = [
            {
                "name": f"Person {random.randrange(PEOPLE)} i {organisation}",
                "role": "direktør",
                "party": organisation,
            }
            for _ in range(PARTICIPANTS)
        ]
        yield orjson.dumps(
            {
                "channel": random.choice(("direct", "direct", "entry_point")),
                "direction": random.choice(("inbound", "outbound", "mutual")),
                "medium": random.choice(_MEDIA),
                "occurred": day.isoformat(),
                "administrations": [random.choice(officials)],
                "organisations": [organisation],
                "participants": people,
                "subject": " ".join(random.choices(_WORDS, k=5)),
                "facts": " ".join(random.choices(_WORDS, k=60))[:FACTS_CHARS],
                "topics": [random.choice(_TOPICS)],
                "case_numbers": [f"2009-{random.randrange(100_000, 100_400)}"],
            }
        )

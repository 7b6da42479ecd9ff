"""Example bodies of the document; tests/api sends every one of them to the application.

The parties named are those of the memo of 2010 (Dokumentnr. 2010-140582); the ids are placeholders
that tests replace by real ones.
"""

from types import MappingProxyType
from typing import Any, Final

CONTACT_ID: Final = "0192f3a0-7c00-7abc-8def-001122334455"
PARTY_ID: Final = "0192f3a0-7c00-7abc-8def-001122334456"
LINK_ID: Final = "0192f3a0-7c00-7abc-8def-001122334457"
RELATION_ID: Final = "0192f3a0-7c00-7abc-8def-001122334458"

Json = dict[str, Any]

LOG_CONTACT: Final[Json] = {
    "channel": "direct",
    "direction": "inbound",
    "medium": "phone",
    "occurred": "2010-02-22",
    "administrations": ["TMF"],
    "organisations": ["KAB"],
    "participants": [{"name": "Kim Eksempel", "role": "driftschef", "party": "KAB"}],
    "subject": "Udlejning i almene boliger",
    "facts": "KAB spurgte til den fleksible udlejning; TMF vender tilbage.",
    "topics": ["udlejning"],
    "kle": ["03.10.24"],
    "case_numbers": ["2009-116302"],
}
BROADCAST: Final[Json] = {
    "channel": "entry_point",
    "direction": "outbound",
    "medium": "letter",
    "occurred": "2010-03",
    "administrations": ["TMF"],
    "audience": {"text": "alle almene boligorganisationer i kommunen", "size": 60},
    "subject": "Orientering om den nye struktur",
}
CORRECT_CONTACT: Final[Json] = {
    "reason": "Emnet var skrevet forkert",
    "subject": "Fleksibel udlejning i almene boliger",
}
RETRACT_CONTACT: Final[Json] = {"reason": "Registreret to gange"}
LINK_CONTACT: Final[Json] = {"kind": "case", "target": "2010-140582", "reason": "Hører til sagen"}
UNLINK_CONTACT: Final[Json] = {"reason": "Tilknyttet den forkerte sag"}

REGISTER_PARTY: Final[Json] = {
    "kind": "housing_organisation",
    "name": "Boligforeningen Eksempel",
    "abbreviation": "BFE",
    "aliases": ["Eksemplet"],
    "external_ids": [{"scheme": "cvr", "value": "13585628"}],
    "valid_from": "2010-01-01",
}
PARTY_CHANGES: Final = MappingProxyType(
    {
        "names": {
            "name": "Boligforeningen Nyt Navn",
            "abbreviation": "BNN",
            "valid_from": "2012-01-01",
            "reason": "Vedtaget på generalforsamlingen",
        },
        "aliases": {"alias": "Det gamle øgenavn"},
        "external-ids": {"external_id": {"scheme": "lbf", "value": "0421"}},
        "relations": {"relation": "member_of", "to": "BL", "valid_from": "2010-01-01"},
        "relation-ends": {
            "relation_id": RELATION_ID,
            "valid_to": "2015-12-31",
            "reason": "Udmeldt",
        },
        "merge": {"into": "KAB", "reason": "Samme forening, registreret to gange"},
        "unmerge": {"reason": "Det var to foreninger"},
        "closure": {"valid_to": "2018-12-31", "reason": "Fusioneret"},
    }
)

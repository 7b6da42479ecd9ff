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
ENQUIRY_ID: Final = "0192f3a0-7c00-7abc-8def-001122334459"
OTHER_ENQUIRY_ID: Final = "0192f3a0-7c00-7abc-8def-00112233445a"
ACCOUNT_ID: Final = "0192f3a0-7c00-7abc-8def-00112233445b"
TARGET_ID: Final = "0192f3a0-7c00-7abc-8def-00112233445c"
RULE_ID: Final = "0192f3a0-7c00-7abc-8def-00112233445d"

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
FILE_CONTACT: Final[Json] = {
    "filings": [
        {"kind": "case", "target": "2009-116302"},
        {"kind": "meeting", "target": "2010-02-22"},
        {"kind": "document", "target": "2010-140582"},
    ],
    "reason": "Mødet handlede om alle tre",
}

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

RECEIVE_ENQUIRY: Final[Json] = {
    "sender": "KAB",
    "spoke_for": ["AAB"],
    "administrations": ["TMF", "ØKF"],
    "medium": "email",
    "received": "2010-02-22",
    "subject": "Anvisning af boliger i Sydhavnen",
    "facts": "KAB spørger, hvornår aftalen om anvisning skal fornyes.",
    "participants": [{"name": "Kim Eksempel", "role": "driftschef", "party": "KAB"}],
    "topics": ["anvisning"],
    "kle": ["03.10.24"],
}
ENQUIRY_STEPS: Final = MappingProxyType[str, Json](
    {
        "acknowledgements": {
            "occurred": "2010-02-23",
            "team": "Én indgang",
            "expected_by": "2010-03-08",
        },
        "triage": {"category": "letting", "priority": "high", "note": "Aftalen udløber snart"},
        "routes": {"to": "TMF", "reason": "Anvisning hører til her"},
        "reroutes": {"from": "TMF", "to": "ØKF", "reason": "Det handler om garantien"},
        "returns": {"from": "TMF", "reason": "Ikke vores område"},
        "assignments": {"assignee": {"role": "sagsbehandler", "party": "TMF"}},
        "information-requests": {"question": "Hvilke afdelinger gælder det?"},
        "information": {"information": "Det gælder begge afdelinger i Sydhavnen."},
        "interim-replies": {
            "occurred": "2010-03-05",
            "new_expected_by": "2010-03-22",
            "reason": "Vi venter på et tal",
        },
        "answers": {
            "answer_kind": "substantive",
            "by": "TMF",
            "answer": "Aftalen fornyes i maj.",
            "document": "2010-140582",
        },
        "waivers": {"by": "ØKF", "reason": "TMF svarer for begge"},
        "closures": {"closing": "answered", "waive": "KAB er tilfreds med svaret i telefonen"},
        "reopenings": {"reason": "KAB spørger igen"},
        "splits": {
            "parts": [
                {"subject": "Anvisning", "administrations": ["TMF"]},
                {"subject": "Garanti", "administrations": ["ØKF"]},
            ],
            "reason": "To spørgsmål i ét brev",
        },
        "merges": {"into": OTHER_ENQUIRY_ID, "reason": "Samme spørgsmål sendt to gange"},
    }
)

REPORT_REDIRECTED: Final[Json] = {
    "administration": "TMF",
    "organisation": "KAB",
    "medium": "phone",
    "occurred": "2010-03-04",
    "told": "KAB ringede om en konkret bolig og blev bedt om at skrive til den ene indgang.",
    "reason": "Alle spørgsmål skal gå gennem indgangen",
    "still_helped": False,
}
REPORT_REFUSED: Final[Json] = {**REPORT_REDIRECTED, "told": "KAB fik ikke noget svar."}
WITHDRAW_ACCOUNT: Final[Json] = {"reason": "Det var en misforståelse"}

SET_SERVICE_TARGET: Final[Json] = {
    "code": "written_answer",
    "name": "Svar på skriftlige henvendelser",
    "terms": {"clock": "answer", "days": 10, "written_only": True},
    "valid_from": "2010-01-01",
}
END_SERVICE_TARGET: Final[Json] = {"valid_to": "2030-01-01", "reason": "Nyt servicemål vedtaget"}
DEFINE_WORKING_DAYS: Final[Json] = {
    "code": "KOMMUNEN",
    "base": "DK_OFFICE",
    "closed_dates": [{"day": "2026-05-15", "name": "Lukkedag"}],
}
ADOPT_ROUTING_RULE: Final[Json] = {
    "name": "Anvisning til Teknik- og Miljøforvaltningen",
    "match": {"topics": ["anvisning"]},
    "to": "TMF",
    "automatic": False,
    "valid_from": "2010-01-01",
}
WITHDRAW_ROUTING_RULE: Final[Json] = {"valid_to": "2030-01-01", "reason": "Ny organisation"}

"""Who may ask what: one row per operation, one letter per role. A new route needs a row here.

`y` may; `n` may not (403). The order of roles is that of `ROLES`. Pages and probes are open to all.
"""

from typing import Final

from domain.access import Role

ROLES: Final = (
    Role.CASE_OFFICER,
    Role.ENTRY_DESK,
    Role.MANAGER,
    Role.COUNCILLOR,
    Role.AUDITOR,
    Role.RECORDS_OFFICER,
    Role.ORGANISATION,
    Role.INTEGRATION,
    Role.ADMINISTRATOR,
)
#                         c e m c a r o i a
TABLE: Final = {
    "list_contacts": "yyyyyyyyn",
    "get_contact": "yyyyyyyyn",
    "get_contact_history": "yyyyyyyyn",
    "get_contact_receipt": "yyyyyyyyn",
    "log_contact": "yyynnyyyn",
    "log_contacts": "yyynnyyyn",
    "correct_contact": "yyynnynyn",
    "retract_contact": "yyynnynyn",
    "link_contact": "yyynnynyn",
    "unlink_contact": "yyynnynyn",
    "list_parties": "yyyyyyyyy",
    "get_party": "yyyyyyyyy",
    "get_party_timeline": "yyyyyyyyn",
    "register_party": "yyynnynyy",
    "party_names": "yyynnynyy",
    "party_aliases": "yyynnynyy",
    "party_external_ids": "yyynnynyy",
    "party_relations": "yyynnynyy",
    "party_relation_ends": "yyynnynyy",
    "party_merge": "yyynnynyy",
    "party_unmerge": "yyynnynyy",
    "party_closure": "yyynnynyy",
    "count_contacts": "yyyyyyyyn",
    "list_imports": "yyynyynyn",
    "get_checkpoint": "yyyyyyyyy",
    "list_log_entries": "nnnnyynnn",
    "prove_inclusion": "yyyyyyyyy",
    "prove_consistency": "yyyyyyyyy",
    "get_log_key": "yyyyyyyyy",
    "metrics": "nnnnynnny",
    "livez": "yyyyyyyyy",
    "readyz": "yyyyyyyyy",
}
OPEN_TO_ALL: Final = frozenset({"livez", "readyz"})
PAGES: Final = frozenset(
    {"/v1/openapi.json", "/docs", "/docs/style.css", "/problems", "/problems/{code}"}
)

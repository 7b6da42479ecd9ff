"""Errors as callers get them (RFC 9457): the one table from code to status, Danish title and help.

The domain's errors know neither HTTP nor prose; nothing else in `api` chooses a status for one.
Every `type` is a page of our own (`/problems/{code}`), and a test walks all codes and routes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import (
    CODES,
    Broken,
    Conflict,
    DomainError,
    Fault,
    Refused,
    Unavailable,
    Unknown,
)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1
"""What 503 asks a caller to wait: a full queue or a view behind is over in less."""
FAULTS_MAX: Final = 100
"""Faults in one answer; a body of a thousand mistakes is told as its first hundred."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status, its Danish title, and what the caller can do about it."""

    status: int
    title: str
    help: str


_HTTP: Final = {
    "malformed_json": Kind(
        400, "Indholdet er ikke gyldig JSON", "Send ét JSON-objekt i UTF-8 uden BOM og uden NUL."
    ),
    "cursor_invalid": Kind(
        400,
        "Ugyldig markør",
        "Brug markøren uændret, og sammen med de samme filtre som svaret, den kom fra.",
    ),
    "unauthenticated": Kind(
        401,
        "Ingen gyldig API-nøgle",
        "Send `Authorization: Bearer kl_…` med en nøgle, der ikke er udløbet eller spærret.",
    ),
    "cross_site": Kind(
        403,
        "Ændringen kom ikke fra vores egne sider",
        "Send den fra siderne selv, eller med `Authorization` i stedet for en session.",
    ),
    "sign_in_unavailable": Kind(
        503, "Login-tjenesten svarer ikke", "Prøv igen; API-nøgler virker imens."
    ),
    "method_not_allowed": Kind(405, "Metoden findes ikke her", "Se `Allow` i svaret."),
    "request_timeout": Kind(408, "Forespørgslen kom ikke frem i tide", "Send den igen."),
    "body_too_large": Kind(
        413, "Indholdet er for stort", "Del det op; se grænserne i `docs/api.md`."
    ),
    "unsupported_media_type": Kind(
        415, "Indholdstypen kan ikke læses", "Send `Content-Type: application/json`."
    ),
    "precondition_required": Kind(
        428,
        "`If-Match` mangler",
        "Hent kontakten, og send dens `ETag` som `If-Match`, så ingen rettelse overskrives.",
    ),
    "rate_limited": Kind(429, "For mange forespørgsler", "Vent, som `Retry-After` siger."),
    "internal_error": Kind(
        500, "Intern fejl", "Opgiv `request_id` til driften; fejlen står i driftens log."
    ),
    "not_ready": Kind(503, "Tjenesten er ikke klar", "Prøv igen; `reasons` siger hvorfor."),
    "batch_aborted": Kind(
        422,
        "Hele samlingen er afvist",
        "Samlingen blev sendt som alt eller intet, og et andet element blev afvist.",
    ),
}
"""Problems of the door itself, beside those of the domain."""

_STATUS: Final[Mapping[type[DomainError], int]] = MappingProxyType(
    {Refused: 422, Unknown: 404, Conflict: 409, Broken: 500, Unavailable: 503}
)
"""Status of an error whose code has none of its own below."""

_DOMAIN: Final = {
    "invalid_input": (400, "Ret de felter, som `errors` peger på."),
    "too_large": (400, "Forkort de felter, som `errors` peger på."),
    "position_unknown": (400, "Positionen ligger efter loggens sidste hændelse."),
    "unknown_party": (422, "Registrér parten først, eller brug en nøgle, der findes."),
    "ambiguous_party": (422, "Flere parter har denne betegnelse; brug partens id."),
    "unknown_medium": (422, "Brug et medie fra listen, eller få det føjet til opsætningen."),
    "occurred_in_future": (422, "En kontakt kan først registreres, når den har fundet sted."),
    "occurred_out_of_bounds": (422, "Tidspunktet ligger uden for de år, loggen kan rumme."),
    "not_an_administration": (422, "Vælg en part, der er en forvaltning eller et udvalg."),
    "duplicate_entry": (422, "Nævn hver værdi én gang."),
    "party_key_taken": (409, "Brug den part, der har nøglen, eller en anden nøgle."),
    "party_merged": (409, "Brug den part, den er sammenlagt med."),
    "party_not_merged": (422, "Der er ingen sammenlægning at ophæve."),
    "party_closed": (422, "Parten er ophørt og kan ikke ændres."),
    "relation_to_itself": (422, "En part kan ikke stå i relation til sig selv."),
    "relation_unknown": (422, "Relationen findes ikke hos denne part."),
    "relation_exists": (422, "Relationen er allerede registreret."),
    "relation_ended": (422, "Relationen er allerede afsluttet."),
    "check_digit": (422, "Kontrollér nummeret; dets kontrolciffer eller form stemmer ikke."),
    "contact_retracted": (422, "En tilbagetrukket kontakt kan ikke ændres; registrér en ny."),
    "nothing_changed": (422, "Rettelsen ændrer ikke noget."),
    "link_exists": (422, "Kontakten er allerede tilknyttet her."),
    "link_unknown": (422, "Tilknytningen findes ikke, eller den er fjernet."),
    "unknown_enquiry": (422, "Ret henvendelsens id; den findes ikke, eller den må ikke ses."),
    "already_routed": (
        422,
        "Henvendelsen er fordelt; omfordel den, eller send `additional`, hvis endnu en skal svare.",
    ),
    "not_routed_there": (422, "Enheden har ikke henvendelsen; se, hvem der har den."),
    "answer_owed": (
        422,
        "Nogen skylder et svar: besvar, frafald det, eller send `waive` med en begrundelse.",
    ),
    "nothing_owed": (422, "Parten skylder intet svar i henvendelsen."),
    "answerer_unclear": (422, "Flere skylder et svar; nævn i `by`, hvem der svarer."),
    "enquiry_closed": (422, "Henvendelsen er afsluttet; genåbn den først."),
    "enquiry_not_closed": (422, "Kun en afsluttet henvendelse kan genåbnes."),
    "enquiry_split": (422, "Henvendelsen er opdelt; arbejd videre i dens dele."),
    "enquiry_merged": (422, "Henvendelsen er sammenlagt; arbejd videre i den, den gik op i."),
    "merge_with_itself": (422, "Vælg en anden henvendelse end den selv."),
    "merge_target_unknown": (422, "Den anden henvendelse findes ikke, eller den må ikke ses."),
    "occurred_before_receipt": (422, "Et skridt kan ikke ligge før henvendelsens modtagelse."),
    "day_passed": (422, "Angiv en dag, der ikke ligger før skridtet selv."),
    "rule_not_followed": (422, "Reglen findes ikke, eller den fører til en anden enhed."),
    "calendar_unknown": (422, "Definér kalenderen først, eller brug en, der findes."),
    "calendar_taken": (422, "Vælg en anden kode; denne hører til programmets egne kalendere."),
    "account_of_other_side": (422, "Hver side kan kun trække sin egen fremstilling tilbage."),
    "account_withdrawn": (422, "Fremstillingen er allerede trukket tilbage."),
    "not_the_same_attempt": (
        422,
        "`about` skal nævne den anden sides fremstilling om samme forvaltning og organisation.",
    ),
    "enquiry_unknown": (404, "Henvendelsen findes ikke, eller den må ikke ses med denne nøgle."),
    "target_unknown": (404, "Servicemålet findes ikke."),
    "rule_unknown": (404, "Fordelingsreglen findes ikke."),
    "account_unknown": (404, "Fremstillingen findes ikke, eller den må ikke ses med denne nøgle."),
    "not_allowed": (403, "Nøglens rolle har ikke denne ret; se `docs/api.md`."),
    "scope_unknown": (422, "Angiv en afgrænsning, der findes."),
    "key_revoked": (401, "Nøglen er spærret; få udstedt en ny."),
    "key_expired": (401, "Nøglen er udløbet; få udstedt en ny."),
    "choose_grant": (403, "Vælg med `Kontaktlog-Grant` en af dine rettigheder; se `/v1/me`."),
    "own_grant": (422, "Lad en anden administrator tildele rettigheden."),
    "grant_withdrawn": (422, "Rettigheden er allerede frataget; tildel en ny."),
    "idempotency_key_reused": (422, "Brug en ny `Idempotency-Key` til en ny forespørgsel."),
    "event_id_reused": (409, "Id'et er brugt til noget andet; brug et nyt, eller berigtig."),
    "import_file_unreadable": (422, "Filen kan ikke læses med den valgte afbildning."),
    "mapping_invalid": (422, "Ret afbildningen."),
    "wrong_status": (422, "Posten er ikke i en status, hvor dette trin kan tages; hent den igen."),
    "record_unknown": (422, "Den post, der henvises til, findes ikke eller må ikke ses."),
    "record_not_found": (404, "Posten findes ikke, eller den må ikke ses med denne nøgle."),
    "record_exists": (409, "Fortsæt i den post, der findes; fejlen nævner den, når den må ses."),
    "promise_to_itself": (422, "Et tilsagn gives til en anden end den, der giver det."),
    "consent_missing": (422, "Begge sider skal være enige; nævn dem, der mangler, i feltet."),
    "consultation_unknown": (422, "Drøftelsen findes ikke på dette dokument."),
    "already_requested": (422, "Versionen er allerede forelagt dette organ og afventer."),
    "version_unknown": (422, "Versionen findes ikke; `newest` er den nyeste."),
    "version_not_newest": (422, "En beslutning gælder den nyeste version; `newest` siger hvilken."),
    "version_not_approved": (422, "Kun en godkendt version kan sendes (R3)."),
    "not_required": (422, "Organet er ikke blandt dem, der skal behandle sagen."),
    "not_treated": (
        422,
        "Alle påkrævede organer skal have behandlet netop denne version eller være fritaget.",
    ),
    "not_the_adopting_body": (422, "Sagen vedtages af det organ, dokumentet nævner."),
    "no_chair": (422, "Mindst én skal lede et afholdt møde (R5)."),
    "not_chairing": (
        422,
        "Mødet ledes af en, der har formandsposten og ikke har overladt den (R6).",
    ),
    "agenda_item_unknown": (422, "Punktet findes ikke på mødets dagsorden."),
    "minutes_approved": (
        422,
        "Én version godkendes, én gang; så skrives ingen ny, og den godkendte kan ikke modsiges.",
    ),
    "condition_missing": (422, "Nævn den betingelse, støtten afhænger af."),
    "condition_unknown": (422, "Betingelsen findes ikke i denne tilkendegivelse."),
    "condition_addressed": (422, "Betingelsen er allerede imødekommet."),
    "criterion_not_defined": (422, "Definér kriteriet, før evalueringen påbegyndes (R2)."),
    "baseline_not_frozen": (422, "Fastlås basislinjen, før evalueringen påbegyndes (R2)."),
    "baseline_frozen": (422, "Basislinjen er fastlåst; en ny kræver, at kriteriet revideres."),
    "audience_unknown": (422, "Målgruppen findes ikke i denne indsats."),
    "audience_exists": (422, "Målgruppen er allerede med i denne indsats."),
    "audience_informed": (422, "En målgruppe, der er orienteret, kan ikke fjernes."),
    "not_offered": (
        422,
        "Tilbud, svar og afholdelse er tre kendsgerninger; registrér tilbuddet først (R4).",
    ),
    "not_informed": (422, "Kun den, der er orienteret, kan bekræfte det."),
    "version_not_newer": (422, "Den nye version skal være højere end den gældende."),
    "question_unknown": (422, "Spørgsmålet findes ikke i denne indsats."),
    "question_answered": (422, "Spørgsmålet er allerede besvaret."),
    "not_a_party": (422, "Kun aftalens parter kan gøre dette."),
    "already_approved": (
        422,
        "Parten, ved dette organ, eller organet selv har allerede godkendt denne version.",
    ),
    "approval_missing": (422, "Alle parter skal have godkendt netop denne version."),
    "already_implemented": (
        422,
        "Organisationen har allerede udmøntet den version, der sidst er indgået.",
    ),
    "not_longer": (422, "Den nye slutdag skal ligge efter den gældende."),
    "milestone_unknown": (422, "Milepælen findes ikke i planen."),
    "seat_unknown": (422, "Formandsposten findes ikke i dette forum."),
    "seat_held": (422, "Rollen har allerede en formandspost i dette forum."),
    "no_option": (422, "Kun den post, der har valgmuligheden, kan overlade formandskabet (R6)."),
    "no_chair_left": (422, "Mindst én skal lede mødet (R6)."),
    "chair_not_left": (422, "Formandskabet er ikke overladt indtil videre."),
    "not_a_member": (422, "Parten er ikke medlem af dette forum."),
    "replaced_by_itself": (422, "Et forum erstattes af noget andet end sig selv."),
    "sample_invalid": (422, "Eksemplet kan ikke læses; se `docs/sample.md`."),
    "sample_needs_sqlite": (422, "Et eksempel spilles med et ur, der kan stilles: brug SQLite."),
    "store_not_empty": (422, "Et eksempel spilles kun i et tomt lager."),
    "contact_unknown": (404, "Kontakten findes ikke, eller den må ikke ses med denne nøgle."),
    "party_not_found": (404, "Parten findes ikke."),
    "key_unknown": (404, "Nøglen findes ikke."),
    "grant_unknown": (404, "Rettigheden findes ikke."),
    "not_found": (404, "Her er ingenting, eller det må ikke ses med denne nøgle."),
    "condition_failed": (409, "Hent den nyeste udgave, og prøv igen."),
    "version_mismatch": (412, "Hent kontakten igen; en anden har ændret den imens."),
    "stream_version_taken": (409, "Hent den nyeste udgave, og prøv igen."),
    "log_broken": (500, "Loggen skal undersøges med `kontaktlog audit`; driften er alarmeret."),
    "proof_invalid": (500, "Beviset kan ikke føres; loggen skal undersøges."),
    "note_invalid": (500, "Kontrolpunktet kan ikke læses; loggen skal undersøges."),
    "event_undecodable": (500, "En hændelse kan ikke læses; loggen skal undersøges."),
    "sealed_value_invalid": (500, "En forseglet værdi kan ikke åbnes; loggen skal undersøges."),
    "view_failed": (503, "En visning står stille; driften skal genopbygge den."),
    "store_unavailable": (503, "Lageret svarer ikke; prøv igen med samme `Idempotency-Key`."),
    "store_full": (507, "Lageret er fuldt; driften skal skaffe plads."),
    "queue_full": (503, "Der er travlt; prøv igen med samme `Idempotency-Key`."),
    "view_behind": (503, "Visningen er ikke nået til positionen endnu; prøv igen."),
    "setting_unsafe": (503, "Lagerets opsætning er ikke sikker; driften skal rette den."),
}


def _table() -> dict[str, Kind]:
    """Join both halves; a code of the domain without a row here fails at the start."""
    domain = {
        code: Kind(_DOMAIN[code][0], gloss[:1].upper() + gloss[1:], _DOMAIN[code][1])
        for code, gloss in CODES.items()
    }
    return domain | _HTTP


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(_table())
"""Every code a caller can meet, with its status."""


class FaultBody(BaseModel):
    """One thing wrong with what was sent."""

    model_config = ConfigDict(extra="forbid")
    pointer: str = Field(
        description="JSON pointer into the body; `/query/name` or `/header/name` for the rest",
        examples=["/organisations/0"],
    )
    code: str = Field(examples=["unknown_party"])
    detail: str = Field(examples=["ukendt part"])


class Problem(BaseModel):
    """A problem as RFC 9457 has it; `code` is stable, `title` and `detail` are for people."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(description="Page that explains the code", examples=["/problems/not_found"])
    title: str
    status: int
    code: str
    detail: str | None = None
    request_id: str | None = Field(default=None, description="What the operator's log calls it")
    errors: list[FaultBody] = Field(default=[], description="Every fault, not only the first")


class HttpProblem(Exception):
    """A problem of the door itself: a code of `KINDS`, and what goes into its body and headers."""

    def __init__(
        self,
        code: str,
        faults: Sequence[tuple[str, str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        """`faults` are (pointer, code, detail); `extra` members go into the body."""
        super().__init__(code)
        self.code = code
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        self.extra = extra


def status_of(error: DomainError) -> int:
    """Return the status of a domain error: its code's, unless the class says worse."""
    if isinstance(error, Broken):
        return _STATUS[Broken]
    kind = KINDS.get(error.code)
    return kind.status if kind else _STATUS[type(error)]


def fault_of(fault: Fault) -> tuple[str, str, str]:
    """Return a domain fault as (pointer, code, detail)."""
    detail = CODES.get(fault.code, fault.code)
    told = ", ".join(f"{name}: {value}" for name, value in fault.params.items())
    return fault.pointer, fault.code, f"{detail} ({told})" if told else detail


def of_error(error: DomainError) -> HttpProblem:
    """Translate a domain error; parameters of broken evidence stay in the operator's log."""
    if isinstance(error, Broken) and KINDS[error.code].status != _STATUS[Broken]:
        return HttpProblem("internal_error")
    faults = [fault_of(each) for each in error.faults] if isinstance(error, Refused) else []
    status = status_of(error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}  # noqa: PLR2004
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    params = {} if isinstance(error, Broken) else error.params
    extra = {key: value for key, value in params.items() if key in {"current", "into"}}
    return HttpProblem(error.code, faults, headers, **extra)


def body_of(problem: HttpProblem, request_id: str | None = None) -> dict[str, Any]:
    """Return the members of the body."""
    kind = KINDS[problem.code]
    members: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "code": problem.code,
        "detail": kind.help,
    }
    if request_id is not None:
        members["request_id"] = request_id
    if problem.faults:
        members["errors"] = [
            {"pointer": pointer, "code": code, "detail": detail}
            for pointer, code, detail in problem.faults[:FAULTS_MAX]
        ]
    return members | problem.extra


def render(problem: HttpProblem, request_id: str | None = None) -> tuple[int, bytes]:
    """Return status and body of a problem."""
    return KINDS[problem.code].status, orjson.dumps(body_of(problem, request_id))

"""Routes that read the direct door: living pairs, one pair, who was turned away, the indicator."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from api.http.answers import Answer, at_position, etag
from api.http.operations import Ask
from api.http.problems import HttpProblem
from api.http.vantage import (
    Vantage,
    family_of,
    kept_as,
    next_cursor,
    read,
    vantage,
    widened,
)
from domain.access import Role
from domain.calendar import CalendarRangeError, WorkingCalendar
from domain.errors import Unknown
from domain.storage import clock
from projections import direct, direct_accounts, direct_indicator, rules
from projections.direct_accounts import AccountsQuery
from projections.direct_indicator import IndicatorQuery
from projections.direct_standing import Seen, contacts_url
from projections.direct_statistics import Dimension, Window, Windows, default_windows, year_before
from projections.directory import resolve
from projections.storage import Reader

PROFILE: Final = "DK_PUBLIC"
VIEWS: Final = ("direct", "contacts", "parties", "rules")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stand:
    """From where a question about the direct door is asked: the vantage, and the day it is."""

    seen: Vantage
    day: str
    offset: int
    scope: str

    def asked(self, reader: Reader, ask: Ask) -> Seen:
        """Return it as the view's questions take it."""
        seen = self.seen
        parties = seen.suffixes["parties"]
        sight = widened(reader, parties, seen.at, ask.sight)
        v, contacts = seen.suffixes["direct"], seen.suffixes["contacts"]
        return Seen(v, contacts, parties, seen.at, seen.day, sight)

    def families(self, reader: Reader, ask: Ask) -> dict[str, frozenset[str] | None]:
        """Return what the filters by party mean."""
        parties, given = self.seen.suffixes["parties"], ask.query
        return {
            f"{name}s": family_of(reader, parties, self.seen, name, given.get(name))
            for name in ("administration", "organisation")
        }

    def next(self, ask: Ask, offset: int | None) -> str | None:
        """Return the cursor of the next page; it keeps the day, as the position is kept."""
        return next_cursor(ask, self.seen, None if offset is None else [self.day, offset])


async def stand(ask: Ask) -> Stand:
    """Return from where is asked, once the views have come that far."""
    seen = await vantage(ask, *VIEWS)
    if seen.after is not None:
        day, offset = str(seen.after[0]), int(seen.after[1])
    else:
        day, offset = await asyncio.to_thread(_today, ask, seen), 0
    return Stand(seen, day, offset, _scope(ask))


def _scope(ask: Ask) -> str:
    """Return whose contacts the figures are of: a limited sight must not pass for the whole."""
    if ask.principal.role is Role.ORGANISATION:
        return "own"
    return "limited" if ask.sight.limited else "all"


def _today(ask: Ask, seen: Vantage) -> str:
    """Return the day it is for the question: asked about the past, the past's own.

    So the same question about the same position has the same answer a year later.
    """
    if seen.day is not None:
        return seen.day
    recorded, services = ask.query.get("as_of_recorded"), ask.services
    if recorded is not None and not recorded.isdigit():
        moment = datetime.fromisoformat(recorded.upper())
    elif recorded is not None and seen.at > 0:
        moment = clock.moment(services.log.rows(seen.at - 1, 1)[0].recorded_at)
    else:
        return services.today()
    return moment.astimezone(services.zone).date().isoformat()


async def _answered(ask: Ask, held: Stand, question: Callable[[Reader], Json | bytes]) -> Answer:
    """Answer a question about everything: kept for a moment, and never on the event loop."""
    key = kept_as(ask, held.seen)
    if key is not None:
        key = (key, held.day, ask.principal.role, *sorted(ask.request.path_params.items()))
        if (kept := ask.door.recent.get(key)) is not None:
            return Answer(200, kept, at_position(held.seen.at))
    found = await read(ask, question, long=True)
    body = found if isinstance(found, bytes) else orjson.dumps(found)
    if key is not None:
        ask.door.recent.put(key, body)
    return Answer(200, body, at_position(held.seen.at))


def _listed(head: Json, items: list[bytes]) -> bytes:
    """Return a JSON object with ready items as its first member."""
    return b'{"items":[%b],%b' % (b",".join(items), orjson.dumps(head)[1:])


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


async def get_matrix(ask: Ask) -> Answer:
    """Return administrations × organisations: last contact each way, silence, living or not."""
    held, given = await stand(ask), ask.query

    def question(reader: Reader) -> Json:
        seen = held.asked(reader, ask)
        query = direct.MatrixQuery(
            window_days=given.get("window", direct.MatrixQuery().window_days),
            silent_for=given.get("silent_for"),
            living=None if given.get("living") is None else given["living"] == "true",
            include_never=given.get("include_never", False),
            **held.families(reader, ask),
        )
        found = direct.matrix(reader, seen, held.day, query, _calendar(reader, held, PROFILE))
        more = held.offset + held.seen.limit
        return {
            "items": found.rows[held.offset : more],
            "next": held.next(ask, more if more < len(found.rows) else None),
            "position": held.seen.at,
            "scope": held.scope,
            "window": {"from": found.window.first, "to": found.window.last},
            "profile": PROFILE,
            "rows": len(found.rows),
            "totals": found.totals,
        }

    return await _answered(ask, held, question)


async def list_direct_contacts(ask: Ask) -> Answer:
    """List the contacts behind a figure."""
    held, given = await stand(ask), ask.query

    def question(reader: Reader) -> bytes:
        query = direct.ContactsQuery(
            first=given.get("from"),
            last=given.get("to"),
            channel=given.get("channel"),
            direction=given.get("direction"),
            select=given.get("select", "pairs"),
            limit=held.seen.limit,
            offset=held.offset,
            **held.families(reader, ask),
        )
        found = direct.contacts(reader, held.asked(reader, ask), held.day, query)
        head = {
            "next": held.next(ask, found.next),
            "position": held.seen.at,
            "scope": held.scope,
            "contacts": found.contacts,
            "pair_days": found.pair_days,
        }
        return _listed(head, found.items)

    return await _answered(ask, held, question)


async def list_turned_away(ask: Ask) -> Answer:
    """List who says to have been turned away, both sides beside each other."""
    held, given = await stand(ask), ask.query

    def question(reader: Reader) -> Json:
        query = AccountsQuery(
            first=given.get("from"),
            last=given.get("to"),
            kind=given.get("kind"),
            side=given.get("side"),
            include_withdrawn=given.get("include_withdrawn", False),
            limit=held.seen.limit,
            offset=held.offset,
            **held.families(reader, ask),
        )
        seen = held.asked(reader, ask)
        found = direct_accounts.turned_away(reader, seen, held.day, query)
        return {
            "items": found.items,
            "next": held.next(ask, found.next),
            "position": held.seen.at,
            "scope": held.scope,
            "attempts": found.attempts,
            "accounts": found.accounts,
        }

    return await _answered(ask, held, question)


async def get_account(ask: Ask) -> Answer:
    """Return one account of being turned away."""
    held = await stand(ask)

    def question(reader: Reader) -> bytes:
        seen, account_id = held.asked(reader, ask), ask.path("account_id")
        found = direct_accounts.account(reader, seen, account_id)
        if found is None:
            raise Unknown("account_unknown")
        return found

    body = await read(ask, question)
    tag = (b"etag", etag(orjson.loads(body)["version"]))
    return Answer(200, body, [tag, *at_position(held.seen.at)])


async def get_pair(ask: Ask) -> Answer:
    """Return one pair: both channels, and who turned whom away."""
    held = await stand(ask)

    def question(reader: Reader) -> bytes:
        seen = held.asked(reader, ask)
        ours, theirs = _pair_of(ask, reader, held)
        us, them, limit = frozenset({ours}), frozenset({theirs}), held.seen.limit
        found = direct.pair(reader, seen, held.day, (ours, theirs), limit, held.offset)
        away = direct_accounts.turned_away(
            reader, seen, held.day, AccountsQuery(us, them, limit=limit)
        )
        query = direct.MatrixQuery(administrations=us, organisations=them)
        calendar = _calendar(reader, held, PROFILE)
        row = direct.matrix(reader, seen, held.day, query, calendar).rows
        names = direct.refs(reader, seen, held.day, (ours, theirs))
        head = {
            "next": held.next(ask, found.next),
            "position": held.seen.at,
            "scope": held.scope,
            "administration": names(ours),
            "organisation": names(theirs),
            "standing": row[0] if row else None,
            "channels": found.channels,
            "turned_away": away.items,
            "attempts": away.attempts,
            "contacts_url": contacts_url(
                seen, None, {"administration": ours, "organisation": theirs}
            ),
        }
        return _listed(head, found.items)

    return await _answered(ask, held, question)


def _pair_of(ask: Ask, reader: Reader, held: Stand) -> tuple[str, str]:
    """Return the parties of the path; 404 for what no party is."""
    keys = [ask.path("administration"), ask.path("organisation")]
    seen = held.seen
    found = resolve(reader, seen.suffixes["parties"], seen.at, seen.day, keys)
    parties = [found.get(key) for key in keys]
    ours, theirs = parties
    if ours is None or theirs is None:
        raise Unknown("party_not_found")
    return ours.id, theirs.id


# ── the indicator ────────────────────────────────────────────────────────────────────────────────


async def get_indicator(ask: Ask) -> Answer:
    """Return the indicator that direct contact is not hindered."""
    held = await stand(ask)
    windows = _windows(ask, held.day)

    def question(reader: Reader) -> Json:
        return _head(held) | _indicator(ask, reader, held, windows)

    return await _answered(ask, held, question)


async def list_alarms(ask: Ask) -> Answer:
    """List who is an alarm or weak evidence in the default windows."""
    held = await stand(ask)
    windows = default_windows(datetime.fromisoformat(held.day).date())

    def question(reader: Reader) -> Json:
        found = _indicator(ask, reader, held, windows)
        items = direct_indicator.alarming(found)
        kept = ("by", "formulas", "profile", "baseline", "follow_up", "tested", "alarms")
        return {"items": items, **_head(held), **{name: found[name] for name in kept}}

    return await _answered(ask, held, question)


def _head(held: Stand) -> Json:
    return {"position": held.seen.at, "day": held.day, "scope": held.scope}


def _indicator(ask: Ask, reader: Reader, held: Stand, windows: Windows) -> Json:
    by: Dimension = ask.query.get("by", "administration")
    query = IndicatorQuery(
        windows=windows,
        by=by,
        calendar=_calendar(reader, held, ask.query.get("profile", PROFILE)),
        **held.families(reader, ask),
    )
    try:
        return direct_indicator.indicator(reader, held.asked(reader, ask), query)
    except CalendarRangeError:
        detail = "uden for arbejdsdagskalenderens år"
        raise HttpProblem("invalid_input", [("/query/from", "invalid_input", detail)]) from None


def _calendar(reader: Reader, held: Stand, code: str) -> WorkingCalendar:
    known = rules.calendars(reader, held.seen.suffixes["rules"], held.seen.at)
    if code not in known:
        fault = ("/query/profile", "calendar_unknown", "ukendt arbejdsdagskalender")
        raise HttpProblem("invalid_input", [fault])
    return known[code]


def _windows(ask: Ask, day: str) -> Windows:
    """Return the windows asked for; what is left out follows from what is given."""
    given = ask.query
    usual = default_windows(datetime.fromisoformat(day).date())
    follow_up = _window(given.get("from"), given.get("to"), "from") or usual.follow_up
    asked = _window(given.get("baseline_from"), given.get("baseline_to"), "baseline_from")
    return Windows(asked or year_before(follow_up), follow_up)


def _window(first: str | None, last: str | None, name: str) -> Window | None:
    if first is None and last is None:
        return None
    if first is None or last is None or last < first:
        detail = "giv både første og sidste dag, i den rækkefølge"
        raise HttpProblem("invalid_input", [(f"/query/{name}", "invalid_input", detail)])
    return Window(first, last)

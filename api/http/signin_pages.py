"""The few pages of signing in, in Danish: who am I here, the way in, and what went wrong.

Plain HTML with the reference's style sheet and no script. Nobody's name stands on them: the
pseudonym is what an administrator needs to give somebody a right.
"""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from html import escape
from typing import Final

from api.sessions import Session
from domain.access import GrantRow, Role
from domain.storage.clock import moment

ROLES: Final = {
    Role.CASE_OFFICER: "Sagsbehandler",
    Role.ENTRY_DESK: "Én indgang",
    Role.MANAGER: "Leder",
    Role.COUNCILLOR: "Politiker",
    Role.AUDITOR: "Revisor",
    Role.RECORDS_OFFICER: "Arkivar",
    Role.ORGANISATION: "Boligorganisation",
    Role.INTEGRATION: "Integration",
    Role.ADMINISTRATOR: "Administrator",
}
_FAILURES: Final = {
    "state": (
        "Login kunne ikke genkendes",
        "Det blev begyndt i en anden browser, tog for lang tid eller er allerede brugt.",
    ),
    "provider": ("Login blev ikke godtaget", "Svaret fra login-tjenesten kunne ikke bekræftes."),
    "refused": ("Login blev afbrudt", "Login-tjenesten gav ikke adgang."),
    "unavailable": ("Login-tjenesten svarer ikke", "Prøv igen om lidt; API-nøgler virker imens."),
}
_WAY_IN: Final = '<p><a href="/sign-in">Log ind</a></p>'


def signed_out_page() -> str:
    """Return the page for whoever is not signed in."""
    return _page("Du er ikke logget ind", _WAY_IN)


def failed_page(why: str) -> str:
    """Return the page that says why nobody was signed in, as far as it helps."""
    title, text = _FAILURES[why]
    return _page(title, f"<p>{text}</p>{_WAY_IN.replace('Log ind', 'Log ind igen')}")


def account_page(
    session: Session, grants: Sequence[GrantRow], sessions: Sequence[Session], zone: tzinfo
) -> str:
    """Return the page of somebody who is signed in."""
    times = [
        f"<li>{_time(each.made_at, zone)}{' (denne)' if each == session else ''}</li>"
        for each in sessions
    ]
    return _page(
        "Du er logget ind",
        f"<p>I loggen hedder du <code>{escape(session.holder)}</code>.</p>"
        f"<h2>Dine rettigheder</h2>{_grants(grants)}"
        f"<h2>Her er du logget ind siden</h2><ul>{''.join(times)}</ul>"
        f"<p>Denne session slutter senest {_time(session.ends_at, zone)}.</p>"
        f"{_button('/sign-out', 'Log ud')}"
        f"{_button('/sign-out/everywhere', 'Log ud alle steder')}",
    )


def _grants(grants: Iterable[GrantRow]) -> str:
    rows = [
        f"<li>{ROLES[grant.role]}{_scope(grant)} (<code>{escape(grant.grant_id)}</code>)</li>"
        for grant in grants
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else "<p>Du har ingen; bed en administrator.</p>"


def _scope(grant: GrantRow) -> str:
    return f", afgrænset til {escape(', '.join(grant.scopes))}" if grant.scopes else ""


def _button(path: str, text: str) -> str:
    return f'<form method="post" action="{path}"><button>{text}</button></form>'


def _time(microseconds: int, zone: tzinfo) -> str:
    return moment(microseconds).astimezone(zone).strftime("%d.%m.%Y kl. %H.%M")


def _page(title: str, main: str) -> str:
    return (
        '<!doctype html>\n<html lang="da"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} · Kontaktlog</title><link rel="stylesheet" href="/docs/style.css"></head>'
        f'<body><main id="main"><h1>{title}</h1>{main}</main></body></html>\n'
    )

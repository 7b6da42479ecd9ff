"""`kontaktlog follow`: keeps views and checkpoints up to date, in a process of its own."""

from __future__ import annotations

import signal
import threading

from api.cli.terminal import opened, say


def follow() -> None:
    """Hold visninger og kontrolpunkter ajour, til processen får besked på at stoppe.

    `serve` starter den selv; kør den for sig med KONTAKTLOG_FOLLOWERS=off. Kun én arbejder ad
    gangen; en ekstra venter som reserve. Eksempel: kontaktlog follow
    """
    from api import followers

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with opened() as services:
        say("Kontaktlog følger loggen")
        followers.follow(services, stop, lambda _: None)

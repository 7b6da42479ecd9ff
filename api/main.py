"""Builds everything, in one function: the log, its keys, the views, and what joins them.

Both the HTTP door and the command line begin here, so that there is one place to see what the
product is made of. Nothing runs yet when `open_services` returns.
"""

import gc
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from api.key_files import ensure_key_files
from api.settings import Settings, is_sqlite
from domain.log.codec import Codec
from domain.log.vault import Vault
from domain.storage import clock
from domain.storage.journal import Journal
from domain.storage.keys import StoredKeys
from domain.storage.stores import AnyLog, open_keys, open_log
from domain.storage.writer import Writer
from domain.values import STANDARD_MEDIA
from projections.directory import Directory
from projections.storage import ViewStore, open_views
from projections.views import Views

GC_YOUNG: Final = 50_000
"""New objects between two looks of the garbage collector; Python's 700 costs a third of a load."""
GC_OLDER: Final = 50


@dataclass(slots=True)
class Services:
    """Everything an installation consists of, opened and joined."""

    settings: Settings
    log: AnyLog
    keys: StoredKeys
    codec: Codec
    writer: Writer | None
    journal: Journal
    store: ViewStore
    views: Views
    directory: Directory
    zone: tzinfo
    media: frozenset[str]
    on_loop: bool
    """Whether short reads may run on the event loop: the databases are files of this machine."""

    def today(self) -> str:
        """Return the calendar day in the municipality."""
        return clock.now().astimezone(self.zone).date().isoformat()

    def close(self) -> None:
        """Release every connection; a running writer must be stopped before."""
        self.store.close()
        self.keys.close()
        self.log.close()


def calm_collector() -> None:
    """Let Python's garbage collector rest: what is loaded now lives as long as the process.

    Without this a bulk load spends a third of its time on visiting objects that are still in use.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG, GC_OLDER, GC_OLDER)


def open_services(settings: Settings, *, writer: bool) -> Services:
    """Open the installation, creating what is missing; with `writer` for the HTTP door.

    Raises SettingsError, Unavailable or Broken when it cannot be opened as it is set up.
    """
    ensure_key_files(settings)
    with ExitStack() as undo:
        log = undo.enter_context(closing(open_log(settings.store)))
        master = settings.master_key_bytes()
        keys = undo.enter_context(closing(open_keys(settings.keys_url, master)))
        store = undo.enter_context(closing(open_views(settings.views_url)))
        services = _joined(settings, log, keys, store, writer=writer)
        undo.pop_all()
    return services


def _joined(
    settings: Settings, log: AnyLog, keys: StoredKeys, store: ViewStore, *, writer: bool
) -> Services:
    codec = Codec(Vault(keys, clock.entropy))
    batching = Writer(log, settings.queue_max) if writer else None
    journal = Journal(log, codec, batching)
    log.clock_step = journal.clock_step
    views = Views(store, log, wait_seconds=settings.wait_seconds)
    zone = settings.zone

    def today() -> str:
        return clock.now().astimezone(zone).date().isoformat()

    return Services(
        settings=settings,
        log=log,
        keys=keys,
        codec=codec,
        writer=batching,
        journal=journal,
        store=store,
        views=views,
        directory=Directory(views, log, today=today),
        zone=zone,
        media=frozenset(STANDARD_MEDIA) | frozenset(settings.media),
        on_loop=is_sqlite(settings.store) and is_sqlite(settings.views_url),
    )

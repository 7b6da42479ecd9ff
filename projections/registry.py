"""The closed list of views, and what a view is.

A view is name@version. Its tables end in `_{v}`, where `{v}` is name, version and generation
(`contacts_1_1`), so that a new version or generation is built beside the one that serves. Until
the flip a new version's queries meet the old version's tables, and must be able to read them.
"""

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

from domain.log.codec import Fact
from projections.contact_rows import Contacts
from projections.count_rows import CountsView
from projections.direct_rows import DirectView
from projections.enquiries_rows import EnquiriesView
from projections.grants import GrantsView
from projections.imports import ImportsView
from projections.keys import KeysView
from projections.parties import PartiesView
from projections.register_rows import VIEWS as REGISTER_VIEWS
from projections.rules import RulesView
from projections.search import SearchView
from projections.storage import Tx
from projections.timeline import TimelineView


class View(Protocol):
    """One question answered from the log, in tables of its own."""

    @property
    def name(self) -> str:
        """Lower-case letters only; tables are found by it."""
        ...

    @property
    def version(self) -> int:
        """Counts up when tables or their meaning change; the view is then built anew."""
        ...

    @property
    def types(self) -> frozenset[str]:
        """The stored names of the events it wants; it is given no others."""
        ...

    def tables(self) -> tuple[str, ...]:
        """Return the DDL of its tables, and of indexes that `apply` itself needs."""
        ...

    def apply(self, tx: Tx, v: str, facts: Sequence[Fact]) -> None:
        """Write what a page of facts changes; the same rows however the facts are paged.

        Facts are shared by all views and must not be changed.
        """
        ...


@runtime_checkable
class Indexed(Protocol):
    """A view with indexes that only queries need: made once its first build is done."""

    def indexes(self) -> tuple[str, ...]:
        """Return the DDL of those indexes; index names end in `_{v}` too."""
        ...


VIEWS: Final[tuple[View, ...]] = (
    PartiesView(),
    Contacts(),
    SearchView(),
    CountsView(),
    TimelineView(),
    DirectView(),
    KeysView(),
    GrantsView(),
    ImportsView(),
    *REGISTER_VIEWS,
    EnquiriesView(),
    RulesView(),
)

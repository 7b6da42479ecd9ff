"""Imports (importer): which file was read, with which mapping, and what came of it.

The file's SHA-256 and the whole mapping stand in the log, so that an auditor can repeat the import
and a second run of the same file can be recognised.
"""

from typing import Final

from domain.values import Name, Value

MAPPING_CHARS_MAX: Final = 200_000


class ImportStarted(Value):
    """The import of a file began (import påbegyndt)."""

    import_id: str
    source: Name
    file_name: Name
    file_sha256: str
    file_bytes: int
    mapping_sha256: str
    mapping: str


class ImportFinished(Value):
    """The import of a file came to its end (import afsluttet); `report` holds its figures."""

    import_id: str
    file_sha256: str
    report: dict[str, int | str | dict[str, int]]


ImportEvent = ImportStarted | ImportFinished


def tags_of(event: ImportEvent) -> list[str]:
    """Return the tags of an import event."""
    return [f"import:{event.import_id}", f"file:{event.file_sha256[:32]}"]

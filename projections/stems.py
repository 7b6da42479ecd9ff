"""Words as search compares them: Danish Snowball stems, made here so both databases hit alike.

Also reads what people type into a search box. Nothing they type is an error of syntax.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from threading import local
from typing import Final

from Stemmer import Stemmer

from domain.errors import Fault, Refused

STEM_CHARS_MAX: Final = 64
"""Longer runs of letters are taken in pieces: PostgreSQL refuses very long words."""
WORDS_MAX: Final = 100
"""Words of one search; more are refused rather than quietly ignored."""
GAP: Final = "|"
"""Stands between fields, so that words side by side are of one field."""
_WORD: Final = re.compile(rf"[^\W_]{{1,{STEM_CHARS_MAX}}}")
_WORD_OR_GAP: Final = re.compile(rf"[^\W_]{{1,{STEM_CHARS_MAX}}}|\|")
_TERM: Final = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_STEMMERS: Final = local()


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked for: stems that stand side by side, the last perhaps only a beginning."""

    stems: tuple[str, ...]
    excluded: bool = False
    prefix: bool = False
    word: str = ""
    """The word as typed, when it is one whole word: it may stand inside a longer one."""


def stems_of(text: str) -> list[str]:
    """Return the stems of a text's words, in order; letters keep their Danish dots and rings."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    stems: list[str] = _stemmer().stemWords(words)
    return stems


def stems_of_fields(fields: list[str]) -> str:
    """Return the stems of several fields with blanks around each, and a gap between fields."""
    text = GAP.join(fields)
    words = _WORD_OR_GAP.findall(unicodedata.normalize("NFKC", text).casefold())
    return f" {' '.join(_stemmer().stemWords(words))} " if words else ""


def words_of_fields(fields: list[str]) -> str:
    """Return the words themselves, folded, with blanks around each and a gap between fields."""
    words = _WORD_OR_GAP.findall(unicodedata.normalize("NFKC", GAP.join(fields)).casefold())
    return f" {' '.join(words)} " if words else ""


def _stemmer() -> Stemmer:
    """Return this thread's stemmer: one object must not be used by two threads at once."""
    found = getattr(_STEMMERS, "danish", None)
    if found is None:
        found = _STEMMERS.danish = Stemmer("danish")
    return found


def terms_of(text: str) -> list[Term]:
    """Return what a search asks for.

    All words must be found; "words in quotes" side by side; -word must be absent; word* is the
    beginning of a word. A word with a hyphen or a dot inside means its parts side by side. Raises
    Refused for more than `WORDS_MAX` words.
    """
    terms = list(_terms(text))
    if sum(len(term.stems) for term in terms) > WORDS_MAX:
        raise Refused("too_large", [Fault("/text", "too_large", {"words_max": WORDS_MAX})])
    return terms


def _terms(text: str) -> Iterator[Term]:
    for minus, quoted, plain in _TERM.findall(text):
        given = quoted or plain
        stems = stems_of(given)
        if not stems:
            continue
        prefix = given.endswith("*")
        if prefix:
            stems[-1] = _beginning(given)
        whole = len(stems) == 1 and not (minus or prefix)
        word = words_of_fields([given]).strip(f" {GAP}") if whole else ""
        yield Term(tuple(stems), bool(minus), prefix, word)


def _beginning(given: str) -> str:
    """Return the last word as a beginning of stems: never longer than the stem it stands for."""
    word: str = _WORD.findall(unicodedata.normalize("NFKC", given).casefold())[-1]
    stem: str = _stemmer().stemWord(word)
    return stem if word.startswith(stem) else word

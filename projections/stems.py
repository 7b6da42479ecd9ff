"""Words as search compares them: Danish Snowball stems, made here so both databases hit alike.

Also reads what people type into a search box. Nothing they type is an error of syntax.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
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
TOKENS_REMEMBERED_MAX: Final = 32_768
"""Runs between blanks whose stems are kept in memory: most words of all texts, some 10 MiB."""
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


def stems_of_fields(fields: Sequence[str]) -> str:
    """Return the stems of several fields with blanks around each, and a gap between fields."""
    return _joined(_STEMS, fields)


def words_of_fields(fields: Sequence[str]) -> str:
    """Return the words themselves, folded, with blanks around each and a gap between fields."""
    return _joined(_WORDS, fields)


class Remembered(dict[str, str]):
    """What was made of the latest tokens: the same few thousand words are in every text."""

    def __init__(self, make: Callable[[str], str]) -> None:
        """`make` follows from the token alone."""
        super().__init__()
        self._make = make

    def __missing__(self, token: str) -> str:
        """Make it, and remember it unless it is longer than a word; forget all when there are many.

        Forgetting all is simplest, safe with several threads, and soon made good.
        """
        made = self._make(token)
        if len(token) <= STEM_CHARS_MAX:
            if len(self) >= TOKENS_REMEMBERED_MAX:
                self.clear()
            self[token] = made
        return made


def _joined(made: Remembered, fields: Sequence[str]) -> str:
    """Join what is made of each token; folding and stems never look across blanks."""
    found = "".join(map(made.__getitem__, f" {GAP} ".join(fields).split()))
    return f"{found} " if found else ""


def _words_in(token: str) -> list[str]:
    words: list[str] = _WORD_OR_GAP.findall(unicodedata.normalize("NFKC", token).casefold())
    return words


_STEMS: Final = Remembered(
    lambda token: "".join(f" {stem}" for stem in _stemmer().stemWords(_words_in(token)))
)
_WORDS: Final = Remembered(lambda token: "".join(f" {word}" for word in _words_in(token)))


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

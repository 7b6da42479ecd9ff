"""Names of months and weekdays as registers write them, by language: data, kept out of the reader.

A word may mean different days in two languages (`tor` is Thursday in Danish, Tuesday in Slovene),
so a weekday word has all the days it can mean.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

Language = Literal["da", "de", "en", "fr", "nb", "nl", "no", "sl", "sv"]
"""`no` and `nb` are the same: Norwegian (bokmål)."""

_NORWEGIAN_MONTHS: Final = (
    "januar februar mars april mai juni juli august september oktober november desember",
    "jan feb mar apr mai jun jul aug sep okt nov des",
    "jan febr mars apr mai jun jul aug sept okt nov des",
)
_DANISH_DAYS: Final = (
    "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "man tir ons tor fre lør søn",
    "ma ti on to fr lø sø",
    "man tirs ons tors fre lør søn",
)
MONTHS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "da": (
            "januar februar marts april maj juni juli august september oktober november december",
            "jan feb mar apr maj jun jul aug sep okt nov dec",
            "jan febr mar apr maj jun jul aug sept okt nov dec",
        ),
        "de": (
            "januar februar märz april mai juni juli august september oktober november dezember",
            "jan feb mär apr mai jun jul aug sep okt nov dez",
            "jan febr mrz apr mai jun jul aug sept okt nov dez",
            "jänner feber maerz april mai juni juli august september oktober november dezember",
            "jän feb märz apr mai juni juli aug sept okt nov dez",
        ),
        "en": (
            "january february march april may june july august september october november december",
            "jan feb mar apr may jun jul aug sep oct nov dec",
            "jan feb mar apr may jun jul aug sept oct nov dec",
        ),
        "fr": (
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
            "janv févr mars avr mai juin juil août sept oct nov déc",
            "jan fév mar avr mai jun juil aoû sep oct nov dec",
            "janv fevr mars avr mai juin juill aout sept oct nov dec",
        ),
        "nb": _NORWEGIAN_MONTHS,
        "nl": (
            (
                "januari februari maart april mei juni"
                " juli augustus september oktober november december"
            ),
            "jan feb mrt apr mei jun jul aug sep okt nov dec",
            "jan febr mrt apr mei jun jul aug sept okt nov dec",
        ),
        "no": _NORWEGIAN_MONTHS,
        "sl": (
            "januar februar marec april maj junij julij avgust september oktober november december",
            "jan feb mar apr maj jun jul avg sep okt nov dec",
            (  # the genitive, in which dates stand: 5. januarja
                "januarja februarja marca aprila maja junija"
                " julija avgusta septembra oktobra novembra decembra"
            ),
        ),
        "sv": (
            "januari februari mars april maj juni juli augusti september oktober november december",
            "jan feb mar apr maj jun jul aug sep okt nov dec",
            "jan febr mars apr maj juni juli aug sept okt nov dec",
        ),
    }
)
"""Month names and their usual abbreviations; each line is January to December."""
WEEKDAYS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "da": _DANISH_DAYS,
        "de": (
            "montag dienstag mittwoch donnerstag freitag samstag sonntag",
            "mo di mi do fr sonnabend so",
            "mon die mit don fre sam son",
            "mo di mi do fr sa so",
        ),
        "en": (
            "monday tuesday wednesday thursday friday saturday sunday",
            "mon tue wed thu fri sat sun",
            "mon tues weds thur fri sat sun",
            "mon tues wed thurs fri sat sun",
        ),
        "fr": (
            "lundi mardi mercredi jeudi vendredi samedi dimanche",
            "lun mar mer jeu ven sam dim",
        ),
        "nb": _DANISH_DAYS,
        "nl": (
            "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
            "ma di wo do vr za zo",
        ),
        "no": _DANISH_DAYS,
        "sl": (
            "ponedeljek torek sreda četrtek petek sobota nedelja",
            "ponedeljek torek sredo četrtek petek soboto nedeljo",
            "pon tor sre čet pet sob ned",
        ),
        "sv": (
            "måndag tisdag onsdag torsdag fredag lördag söndag",
            "mån tis ons tor fre lör sön",
            "mån tis ons tors fre lör sön",
        ),
    }
)
"""Names of days and their usual abbreviations; each line is Monday to Sunday."""


def months_of(languages: Sequence[str], extra: Mapping[str, int]) -> dict[str, int]:
    """Return every known month word, casefolded, with its number; `extra` wins."""
    words: dict[str, int] = {}
    for language in languages:
        for line in MONTHS[language]:
            words |= {word: number for number, word in enumerate(line.split(), 1)}
    return words | {word.casefold().strip(): number for word, number in extra.items()}


def weekdays_of(languages: Sequence[str]) -> dict[str, frozenset[int]]:
    """Return every known word for a day of the week with the ISO days it can mean (1 Monday)."""
    words: dict[str, frozenset[int]] = {}
    for language in languages:
        for line in WEEKDAYS[language]:
            for number, word in enumerate(line.split(), 1):
                words[word] = words.get(word, frozenset()) | {number}
    return words

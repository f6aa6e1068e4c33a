"""The reader's language: which one it is, its sentences, and how its locale writes numbers and days.

The sentences are in ``sentences.json``: under each English sentence the Spanish and the Portuguese one. Values stand in
braces, as in ``str.format``. A sentence that is not there is shown in English.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

from recobro.errors import Trouble

LANGUAGES = ("en", "es", "pt")
_OPTION = "--lang"
# Where Spanish is spoken and amounts are written 1,234.50. Elsewhere they are written 1.234,50.
_DECIMAL_POINT = frozenset({"DO", "GT", "HN", "MX", "NI", "PA", "PE", "PR", "SV", "US", None})


@dataclass(frozen=True)
class Locale:
    """A language and a country. Spanish without a country is Mexico's, Portuguese is Brazil's."""

    language: str = "en"
    country: str | None = None

    @property
    def has_decimal_point(self) -> bool:
        return self.language == "en" or (self.language == "es" and self.country in _DECIMAL_POINT)


_reader = [Locale()]


def speak(locale: Locale) -> None:
    """Say everything from now on in this locale."""
    _reader[0] = locale


def chosen(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[list[str], Locale]:
    """Return the arguments without ``--lang``, and the locale that it or else the environment names.

    ``--lang`` may stand anywhere. Raises ``Trouble`` if it names no language of ours.
    """
    rest: list[str] = []
    wanted: str | None = None
    given = iter(arguments)
    for argument in given:
        option, equals, value = argument.partition("=")
        if option == _OPTION:
            wanted = value if equals else next(given, "")
        else:
            rest.append(argument)
    here = of_environment(environment)
    if wanted is None or wanted == here.language:
        return rest, here
    if wanted not in LANGUAGES:
        raise Trouble(f"{_OPTION} takes one of {', '.join(LANGUAGES)}.")
    return rest, Locale(wanted)


def of_environment(environment: Mapping[str, str]) -> Locale:
    """Return the locale of LC_ALL, LC_MESSAGES or LANG, whichever is set first. Other languages are English."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    name = next((name for name in names if name), "")
    language, _, country = name.partition(".")[0].partition("@")[0].partition("_")
    return Locale(language, country or None) if language in LANGUAGES else Locale()


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Return every sentence's translations by language, by the English sentence."""
    found: Mapping[str, Mapping[str, str]] = json.loads(
        files("recobro").joinpath("sentences.json").read_text(encoding="utf-8")
    )
    return found


def tag() -> str:
    """Return the reader's language as an Accept-Language header names it: es-MX, pt, en."""
    here = _reader[0]
    return here.language if here.country is None else f"{here.language}-{here.country}"


def tr(sentence: str, /, **values: object) -> str:
    """Return the sentence in the reader's language, with its values."""
    said = sentences().get(sentence, {}).get(_reader[0].language, sentence)
    return said.format(**values) if values else said


def word(code: object) -> str:
    """Return a code such as ``needs_confirmation`` in words of the reader's language."""
    return tr(str(code).replace("_", " "))


def meaning_of(problem: str) -> str | None:
    """Return what a problem's code means, in the reader's language. None in English, which services speak."""
    return sentences().get(f"problem {problem}", {}).get(_reader[0].language)


def paragraphs(text: str) -> str:
    """Return a help text in the reader's language, paragraph by paragraph. Examples stay as they are typed."""
    return "\n\n".join(_paragraph(" ".join(each.split())) for each in text.split("\n\n"))


def _paragraph(text: str) -> str:
    example, colon, command = text.partition("Example: ")
    return f"{tr('Example:')} {command}" if colon and not example else tr(text)


def number(value: int | Decimal, decimals: int = 0) -> str:
    """Format a number as the reader's locale writes it."""
    text = f"{value:,.{decimals}f}"
    return text if _reader[0].has_decimal_point else text.translate(str.maketrans(",.", ".,"))


def day(value: str | date | None) -> str:
    """Format a day: 22/11/2026 in Spanish and Portuguese, 2026-11-22 in English, a dash for none.

    Readers of English do not agree on the order of day and month.
    """
    if value is None:
        return "–"
    parsed = value if isinstance(value, date) else date.fromisoformat(value)
    return f"{parsed}" if _reader[0].language == "en" else f"{parsed:%d/%m/%Y}"

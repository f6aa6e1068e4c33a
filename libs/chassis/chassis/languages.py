"""The reader's language and country, as Accept-Language names them, and what is written for that reader.

Sentences for people stand in a ``sentences.json`` beside the module that writes them: under each English sentence the
Spanish and the Portuguese one. Values stand in braces, as in ``str.format``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Annotated

from fastapi import Depends, Header

_RANGE = re.compile(r"([A-Za-z]{1,8})(?:-([A-Za-z0-9-]{1,40}))?(?:\s*;\s*q\s*=\s*([01](?:\.\d{0,3})?))?", re.ASCII)
_VALUE = re.compile(r"\\\{(\w+)\\\}")


_MOST_KEPT = 4096


class Language(StrEnum):
    ES = "es"
    PT = "pt"
    EN = "en"


# Where Spanish is spoken and amounts are written 1,234.50. Elsewhere they are written 1.234,50.
_DECIMAL_POINT = frozenset({"419", "DO", "GT", "HN", "MX", "NI", "PA", "PE", "PR", "SV", "US", None})


@dataclass(frozen=True)
class Locale:
    """A language and a country. Spanish without a country is Mexico's, Portuguese is Brazil's."""

    language: Language = Language.EN
    country: str | None = None

    @property
    def has_decimal_point(self) -> bool:
        return self.language is Language.EN or (self.language is Language.ES and self.country in _DECIMAL_POINT)

    @property
    def separator(self) -> str:
        """What separates cells in CSV files of this locale: Excel takes the semicolon where amounts have a comma."""
        return "," if self.has_decimal_point else ";"

    def amount(self, text: str) -> str:
        """The amount ``1234.50`` as the locale writes it, without separators of thousands."""
        return text if self.has_decimal_point else text.replace(".", ",")


def locale_named(header: str | None) -> Locale | None:
    """The locale that an Accept-Language header prefers among ours, English if it knows none of ours.

    None without a header, and for ``*``: a program reads, not a person.
    """
    known = {str(language) for language in Language}
    found = [match for part in (header or "").split(",") if (match := _RANGE.fullmatch(part.strip()))]
    wanted = sorted((match for match in found if float(match[3] or 1) > 0), key=lambda match: -float(match[3] or 1))
    for match in wanted:
        if (language := match[1].lower()) in known:
            country = next((tag.upper() for tag in (match[2] or "").split("-") if len(tag) in (2, 3)), None)
            return Locale(Language(language), country)
    return Locale() if wanted else None


async def _locale_of_request(
    accept_language: Annotated[
        str | None, Header(max_length=1000, description="The language and country of the person who reads: es, pt, en")
    ] = None,
) -> Locale | None:
    return locale_named(accept_language)


ReaderLocale = Annotated[Locale | None, Depends(_locale_of_request)]
"""For a route that writes for people. None when a program reads: then English, commas and decimal points."""


class Sentences:
    """The sentences in ``sentences.json`` of a package. A sentence that is not there is shown in English."""

    def __init__(self, package: str) -> None:
        text = files(package).joinpath("sentences.json").read_text(encoding="utf-8")
        self.translations: Mapping[str, Mapping[str, str]] = json.loads(text)
        with_values = (sentence for sentence in self.translations if "{" in sentence)
        self._patterns = {sentence: _pattern_of(sentence) for sentence in with_values}
        # A sentence with values has many forms: those of late are kept.
        self._found = lru_cache(_MOST_KEPT)(self._find)

    def said(self, sentence: str, language: Language) -> str:
        """An English sentence, in which the values already stand, in this language."""
        return sentence if language is Language.EN else self._found(sentence, language)

    def knows(self, sentence: str) -> bool:
        return sentence in self.translations or any(pattern.fullmatch(sentence) for pattern in self._patterns.values())

    def _find(self, sentence: str, language: Language) -> str:
        if sentence in self.translations:
            return self.translations[sentence][language]
        for template, pattern in self._patterns.items():
            if match := pattern.fullmatch(sentence):
                return self.translations[template][language].format(**match.groupdict())
        return sentence


def _pattern_of(sentence: str) -> re.Pattern[str]:
    return re.compile(_VALUE.sub(r"(?P<\1>.+)", re.escape(sentence)), re.DOTALL)

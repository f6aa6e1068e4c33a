"""The user's language: its sentences, and how it writes numbers, amounts, days and moments.

Sentences for people stand in the ``sentences.json`` of the package that shows them: under each English sentence the
Spanish and the Portuguese one. Values stand in braces, as in ``str.format``. Codes of the services, such as
``paid_in_full``, have their words there too, under ``word paid_in_full``; a problem's code under ``problem …``, where
needed with who says it: ``problem field-visits closed``. The English sentence of a service stands under ``detail …``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.languages import Language, locale_named

from recobro_console.calls import Refused

_COUNTRIES = {Language.ES: "es-MX", Language.PT: "pt-BR", Language.EN: "en"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ID = re.compile(r" \([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\)")
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_AMOUNT = re.compile(r"-?\d+\.\d{2}")
_VALUE = re.compile(r"\\\{(\w+)\\\}")
NAMES = {Language.ES: "Español", Language.PT: "Português", Language.EN: "English"}
DEFAULT = Language.ES


def language_of(chosen: str | None, accept_language: str | None) -> Language:
    """The language that the user has chosen, else the browser's, else Spanish."""
    if chosen in set(Language):
        return Language(chosen)
    wanted = (accept_language or "").lower()
    named = locale_named(accept_language)
    # The chassis answers in English when a request names none of our languages. This console answers in Spanish.
    if named is None or (named.language is Language.EN and "en" not in wanted):
        return DEFAULT
    return named.language


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Every sentence's translations by language, by the English sentence, of all packages of the console."""
    found: dict[str, Mapping[str, str]] = {}
    for file in sorted(Path(str(files("recobro_console"))).rglob("sentences.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


@cache
def _details() -> Sequence[tuple[re.Pattern[str], Mapping[str, str]]]:
    """The services' sentences that are translated, each as a pattern whose groups are its values.

    The longest stands first, because a shorter one may fit the same text and take more of it for a value.
    """
    return [
        (re.compile(_VALUE.sub(r"(?P<\1>.+)", re.escape(said.removeprefix("detail ")))), by_language)
        for said, by_language in sorted(sentences().items(), key=lambda item: -len(item[0]))
        if said.startswith("detail ")
    ]


@dataclass(frozen=True)
class Reader:
    """Who reads: the language, and the time zone in which moments are shown unless a portfolio's is given."""

    language: Language = DEFAULT
    zone: str = "America/Mexico_City"

    @property
    def accept_language(self) -> str:
        """What the services are asked for."""
        return _COUNTRIES[self.language]

    def tr(self, sentence: str, /, **values: object) -> str:
        """The sentence in the reader's language, with its values."""
        said = sentences().get(sentence, {}).get(self.language, sentence)
        return said.format(**values) if values else said

    def word(self, code: object) -> str:
        """A code such as ``needs_confirmation`` in words."""
        text = str(code)
        known = sentences().get(f"word {text}", {})
        return known.get(self.language, text.replace("_", " ")) if known else self.tr(text.replace("_", " "))

    def meaning(self, problem_code: str, asked: Sequence[str] = ()) -> str | None:
        """What a problem's code means for the user and what to do, if it is known.

        ``asked`` are the services and parts of paths for which it may mean something else, the closest first.
        """
        keys = [*(f"problem {each} {problem_code}" for each in asked), f"problem {problem_code}"]
        return next((sentences()[key].get(self.language) for key in keys if key in sentences()), None)

    def refusal(self, refused: Refused) -> str:
        """A service's refusal as sentences for the user: what it means, and what is wrong with each part."""
        said = self.meaning(refused.code, refused.asked) or self.explained(refused.detail)
        parts = [self.explained(str(error.get("detail", ""))) for error in refused.errors]
        return " ".join(line for line in (said, *parts) if line)

    def explained(self, text: str) -> str:
        """A service's English sentence in the reader's language, if it stands in a ``sentences.json``; else as it is.

        It stands there under ``detail …``, with values in braces. Days and amounts are written as the reader writes
        them. Several such sentences are said one after the other. An id in brackets behind a name is left out.
        """
        text = _ID.sub("", text)
        each = [self._translated(sentence) for sentence in _BETWEEN_SENTENCES.split(text)]
        if None not in each:
            return " ".join(map(str, each))
        return self._translated(text) or _DAY.sub(lambda found: self._day_written(found[0]), text)

    def _translated(self, text: str) -> str | None:
        for pattern, by_language in _details():
            if self.language in by_language and (found := pattern.fullmatch(text)):
                values = {name: self._written(value) for name, value in found.groupdict().items()}
                return by_language[self.language].format(**values)
        return None

    def _day_written(self, text: str) -> str:
        try:
            return self.day(text)
        except ValueError:
            return text

    def _written(self, value: str) -> str:
        if _DAY.fullmatch(value):
            return self._day_written(value)
        if _AMOUNT.fullmatch(value):
            return self.money(value)
        return self.word(value) if f"word {value}" in sentences() else value

    def number(self, value: int | float | str | Decimal | None, decimals: int = 0) -> str:
        """A number as the language writes it, a dash for none."""
        if value is None:
            return "–"
        text = f"{Decimal(str(value)):,.{decimals}f}"
        return text.translate(str.maketrans(",.", ".,")) if self.language is Language.PT else text

    def money(self, value: str | Decimal | None, currency: str | None = None) -> str:
        """An amount with two decimals and its currency, a dash for none."""
        if value is None:
            return "–"
        return f"{self.number(value, 2)} {currency}" if currency else self.number(value, 2)

    def percent(self, value: str | float | Decimal | None, decimals: int = 1) -> str:
        """A share between 0 and 1 as a percentage, a dash for none."""
        return "–" if value is None else f"{self.number(Decimal(str(value)) * 100, decimals)} %"

    def typed(self, value: str | Decimal | None) -> str:
        """A number of a service as the reader types it into a field, empty for none."""
        text = "" if value is None else str(value)
        return text.replace(".", ",") if self.language is Language.PT else text

    def day(self, value: str | date | None) -> str:
        """A day: 22/11/2026, in English 2026-11-22, a dash for none."""
        if value is None or value == "":
            return "–"
        parsed = value if isinstance(value, date) else date.fromisoformat(value[:10])
        return f"{parsed:%Y-%m-%d}" if self.language is Language.EN else f"{parsed:%d/%m/%Y}"

    def moment(self, value: str | datetime | None, zone: str | None = None) -> str:
        """A moment in the portfolio's zone, to the minute, a dash for none."""
        if value is None or value == "":
            return "–"
        local = self.local(value, zone)
        return f"{self.day(local.date())} {local:%H:%M}"

    def clock(self, value: str | datetime | None, zone: str | None = None) -> str:
        """The time of day of a moment in the portfolio's zone, to the second, a dash for none."""
        return "–" if value is None or value == "" else f"{self.local(value, zone):%H:%M:%S}"

    def local(self, value: str | datetime, zone: str | None = None) -> datetime:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        try:
            return aware.astimezone(ZoneInfo(zone or self.zone))
        except (ZoneInfoNotFoundError, ValueError):
            return aware.astimezone(UTC)

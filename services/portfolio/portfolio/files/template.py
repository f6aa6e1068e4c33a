"""An empty portfolio file to fill in. ``docs/files.md`` describes its columns."""

from enum import StrEnum

from chassis.csv import safe_csv_rows
from chassis.languages import Language, Locale

from portfolio.tabular.profiles import FILE_COLUMNS, PORTUGUESE_HEADERS, SPANISH_HEADERS


class TemplateFormat(StrEnum):
    CSV = "csv"


HEADERS = {
    Language.ES: tuple(SPANISH_HEADERS.values()),
    Language.PT: tuple(PORTUGUESE_HEADERS.values()),
    Language.EN: FILE_COLUMNS,
}


def template(language: Language, locale: Locale | None = None) -> bytes:
    """Return the header in this language. It has no example row, because somebody would load it."""
    return b"".join(safe_csv_rows([HEADERS[language]], locale=locale))

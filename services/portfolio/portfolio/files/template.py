"""An empty portfolio file to fill in. ``docs/files.md`` describes its columns, and so does a sheet of the workbook.

``columns.json`` holds an example and the meaning of each column in every language.
"""

import io
import json
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType

from chassis.csv import safe_csv_rows
from chassis.languages import Language, Locale
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from portfolio.tabular.profiles import (
    PORTUGUESE_HEADERS,
    PORTUGUESE_PARTY_HEADERS,
    REQUIRED_COLUMNS,
    SPANISH_HEADERS,
    SPANISH_PARTY_HEADERS,
    TEMPLATE_COLUMNS,
)


class TemplateFormat(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


HEADERS = {
    Language.ES: (*SPANISH_HEADERS.values(), *SPANISH_PARTY_HEADERS.values()),
    Language.PT: (*PORTUGUESE_HEADERS.values(), *PORTUGUESE_PARTY_HEADERS.values()),
    Language.EN: TEMPLATE_COLUMNS,
}
COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    json.loads(files("portfolio.files").joinpath("columns.json").read_text(encoding="utf-8"))
)
"""The example and the meaning of each column, by its canonical name."""
_SHEETS = {
    Language.ES: ("cartera", "explicaciones"),
    Language.PT: ("carteira", "explicações"),
    Language.EN: ("portfolio", "explanations"),
}
_EXPLANATIONS = {
    Language.ES: ("Columna", "Obligatoria", "Contenido", "Ejemplo", "sí"),
    Language.PT: ("Coluna", "Obrigatória", "Conteúdo", "Exemplo", "sim"),
    Language.EN: ("Column", "Needed", "What it holds", "Example", "yes"),
}
_HOW_TO_SEND = {
    Language.ES: "Una fila es una mensualidad sin pagar. Llene la primera hoja y envíe este libro.",
    Language.PT: "Uma linha é uma parcela não paga. Preencha a primeira planilha e envie esta pasta de trabalho.",
    Language.EN: "One row is one unpaid instalment. Fill in the first sheet, and send this workbook.",
}
_AS_TEXT = "@"
_ROWS_AS_TEXT = 1000
_BOLD = Font(bold=True)
_NEEDED = PatternFill("solid", fgColor="FFF2CC")


def template(language: Language, locale: Locale | None = None) -> bytes:
    """Return the header in this language. It has no example row, because somebody would load it."""
    return b"".join(safe_csv_rows([HEADERS[language]], locale=locale))


def workbook(language: Language) -> bytes:
    """Return a workbook with the header in this language and a sheet that explains each column.

    The cells below the header are text, so that Excel keeps zeros at the start and days as they are typed.
    """
    book = Workbook()
    sheet, explanations = book.worksheets[0], book.create_sheet(_SHEETS[language][1])
    sheet.title = _SHEETS[language][0]
    _fill_in(sheet, language)
    _explain(explanations, language)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _fill_in(sheet: Worksheet, language: Language) -> None:
    sheet.append(HEADERS[language])
    sheet.freeze_panes = "A2"
    for place, column in enumerate(TEMPLATE_COLUMNS, 1):
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(14, len(HEADERS[language][place - 1]) + 2)
        sheet.column_dimensions[letter].number_format = _AS_TEXT
        header = sheet.cell(1, place)
        header.font = _BOLD
        if column in REQUIRED_COLUMNS:
            header.fill = _NEEDED
        for row in range(2, _ROWS_AS_TEXT + 2):
            sheet.cell(row, place).number_format = _AS_TEXT


def _explain(sheet: Worksheet, language: Language) -> None:
    *names, yes = _EXPLANATIONS[language]
    sheet.append([_HOW_TO_SEND[language]])
    sheet.append([])
    sheet.append(names)
    for header, column in zip(HEADERS[language], TEMPLATE_COLUMNS, strict=True):
        about = COLUMNS[column]
        sheet.append([header, yes if column in REQUIRED_COLUMNS else None, about[language], about["example"]])
        example = sheet.cell(sheet.max_row, len(names))
        # A phone begins with a sign that would make a formula of it.
        example.data_type, example.number_format = "s", _AS_TEXT
        sheet.cell(sheet.max_row, 3).alignment = Alignment(wrap_text=True, vertical="top")
    for place in range(1, len(names) + 1):
        sheet.cell(3, place).font = _BOLD
    for letter, width in zip("ABCD", (24, 12, 70, 22), strict=True):
        sheet.column_dimensions[letter].width = width

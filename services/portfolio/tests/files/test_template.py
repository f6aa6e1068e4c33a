"""The empty portfolio file, and the page that describes its columns."""

import io
from pathlib import Path

import pytest
from chassis.languages import Language
from openpyxl import load_workbook
from portfolio.files.template import COLUMNS, HEADERS
from portfolio.tabular.heads import inspect_head
from portfolio.tabular.profiles import REQUIRED_COLUMNS, TEMPLATE_COLUMNS
from service_client import ServiceClient

PAGE = Path(__file__).parents[4] / "docs" / "files.md"


@pytest.mark.parametrize("language", Language)
async def test_an_empty_file_in_each_language_has_all_columns(service: ServiceClient, language: str) -> None:
    answer = await service.client.get("/v1/portfolio-file-template", params={"lang": language, "format": "csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].endswith('.csv"')
    head = inspect_head(answer.content)
    assert (head.columns, head.header) == (TEMPLATE_COLUMNS, HEADERS[Language(language)])


async def test_the_empty_file_is_spanish_unless_asked_otherwise(service: ServiceClient) -> None:
    answer = await service.client.get("/v1/portfolio-file-template")
    assert inspect_head(answer.content).header == HEADERS[Language.ES]
    assert answer.headers["content-language"] == "es"
    for accepted, lang, language in (("pt-BR", None, Language.PT), ("pt-BR", "en", Language.EN)):
        answer = await service.client.get(
            "/v1/portfolio-file-template",
            params={"lang": lang} if lang else {},
            headers={"Accept-Language": accepted},
        )
        assert (answer.headers["content-language"], inspect_head(answer.content).header) == (
            language,
            HEADERS[language],
        )
    assert (await service.client.get("/v1/portfolio-file-template", params={"format": "pdf"})).status_code == 422


@pytest.mark.parametrize("language", Language)
async def test_the_workbook_has_the_header_as_text_and_explains_every_column(
    service: ServiceClient, language: Language
) -> None:
    answer = await service.client.get("/v1/portfolio-file-template", params={"lang": language, "format": "xlsx"})
    assert answer.headers["content-type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert (answer.headers["content-language"], answer.headers["content-disposition"][-6:]) == (language, '.xlsx"')
    sheet, explanations = load_workbook(io.BytesIO(answer.content)).worksheets
    assert [cell.value for cell in sheet[1]] == list(HEADERS[language])
    assert {cell.number_format for cell in sheet[2]} == {"@"}
    assert all(cell.value is None for cell in sheet[2]), "an example row would be loaded"
    rows = list(explanations.iter_rows(min_row=4))
    assert [row[0].value for row in rows] == list(HEADERS[language])
    needed = [column for column, row in zip(TEMPLATE_COLUMNS, rows, strict=True) if row[1].value]
    assert needed == list(REQUIRED_COLUMNS)
    assert [(row[2].value, row[3].value) for row in rows] == [
        (COLUMNS[column][language], COLUMNS[column]["example"]) for column in TEMPLATE_COLUMNS
    ]
    assert {row[3].data_type for row in rows} == {"s"}


def test_the_page_of_files_describes_every_column_in_every_language() -> None:
    rows = [
        line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")
    ]
    described = [[cell.strip() for cell in row] for row in rows[2:]]
    spanish, portuguese, english = (HEADERS[language] for language in Language)
    assert [tuple(row[:3]) for row in described] == [
        (es, pt, f"`{en}`") for es, pt, en in zip(spanish, portuguese, english, strict=True)
    ]
    assert [row[2].strip("`") for row in described if row[3] == "yes"] == list(REQUIRED_COLUMNS)
    assert [row[4].replace("`", "") for row in described] == [COLUMNS[column]["en"] for column in TEMPLATE_COLUMNS]
    assert [row[5].split("`")[1] for row in described] == [COLUMNS[column]["example"] for column in TEMPLATE_COLUMNS]
    assert all(COLUMNS[column][language] for column in TEMPLATE_COLUMNS for language in Language)

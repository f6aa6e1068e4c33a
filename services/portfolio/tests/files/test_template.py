"""The empty portfolio file, and the page that describes its columns."""

from pathlib import Path

import pytest
from chassis.languages import Language
from portfolio.files.template import HEADERS
from portfolio.tabular.csv import inspect_head
from portfolio.tabular.profiles import FILE_COLUMNS, REQUIRED_COLUMNS
from service_client import ServiceClient

PAGE = Path(__file__).parents[4] / "docs" / "files.md"


@pytest.mark.parametrize("language", Language)
async def test_an_empty_file_in_each_language_has_all_columns(service: ServiceClient, language: str) -> None:
    answer = await service.client.get("/v1/portfolio-file-template", params={"lang": language, "format": "csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].endswith('.csv"')
    head = inspect_head(answer.content)
    assert (head.columns, head.header) == (FILE_COLUMNS, HEADERS[Language(language)])


async def test_the_empty_file_is_spanish_unless_asked_otherwise(service: ServiceClient) -> None:
    answer = await service.client.get("/v1/portfolio-file-template")
    assert inspect_head(answer.content).header == HEADERS[Language.ES]
    assert (await service.client.get("/v1/portfolio-file-template", params={"format": "xlsx"})).status_code == 422


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
    assert all(row[4] and row[5] for row in described)

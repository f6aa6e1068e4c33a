"""The code page of text that is not UTF-8. The signs that stand out tell it; a person is asked where needed."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portfolio.portfolios import portfolios
from portfolio.tabular.code_pages import CodePage, CodePages, CodePageUnsure, readings, words_with_accents
from portfolio.tabular.csv import encoding_of
from portfolio.tabular.heads import inspect_head
from portfolio.tabular.profiles import FILE_COLUMNS, PORTUGUESE_HEADERS, SPANISH_HEADERS

NAMES = (
    "José Muñoz Ibáñez",
    "García",
    "López Núñez",
    "JESÚS GARCÍA LÓPEZ",
    "PERÚ",
    "PEÑA ÁLVAREZ",
    "JOSÉ",
    "MÉXICO",
    "Iñigo",
    "Yucatán",
    "São João Conceição",
    "CONCEIÇÃO",
    "Antônio Três",
    "Müller",
)
COMMON_IN_WINDOWS = (
    "O’Brien",
    "D’Angelo",
    "D´Angelo",
    "1ª sección, Nº 5",
    "“Calle 5”",
    "Coca-Cola®",
    "Chloë",
    "Zürich – Centro",
)


def best_of(*texts: str, encoding: str) -> str:
    return readings(words_with_accents(text.encode(encoding) for text in texts))[0].code_page


@pytest.mark.parametrize("encoding", CodePage)
@pytest.mark.parametrize("name", NAMES)
def test_one_name_tells_the_code_page(name: str, encoding: str) -> None:
    assert best_of(name, encoding=encoding) == encoding


@pytest.mark.parametrize("text", COMMON_IN_WINDOWS)
def test_signs_that_are_common_in_windows_are_no_reason_to_ask(text: str) -> None:
    assert best_of(text, encoding="cp1252") in ("cp1252", "mac_roman" if text == "Coca-Cola®" else "cp1252")


@settings(deadline=None)
@given(st.lists(st.sampled_from(NAMES), min_size=1), st.sampled_from(CodePage))
def test_the_more_names_the_surer(names: list[str], encoding: CodePage) -> None:
    assert best_of(*names, encoding=encoding) == encoding


def test_a_person_is_asked_with_the_words_in_each_code_page(tmp_path: Path) -> None:
    path = tmp_path / "dos.csv"
    path.write_bytes("a\nJosé Muñoz Ibáñez\n".encode("cp850"))
    with pytest.raises(CodePageUnsure) as unsure:
        encoding_of(path)
    best = unsure.value.readings[0]
    assert (best.code_page, set(best.words)) == ("cp850", {"José", "Muñoz", "Ibáñez"})
    words = {reading.code_page: set(reading.words) for reading in unsure.value.readings}
    assert words[CodePage.CP1252] == {"Jos‚", "Mu¤oz", "Ib\u00a0¤ez"}


def test_an_answer_holds_and_a_usual_code_page_holds_where_it_reads_best(tmp_path: Path) -> None:
    dos, mac, windows, utf8 = (tmp_path / name for name in ("dos", "mac", "windows", "utf8"))
    for path, encoding in ((dos, "cp850"), (mac, "mac_roman"), (windows, "cp1252"), (utf8, "utf-8")):
        path.write_bytes("José Muñoz\n".encode(encoding))
    usual = CodePages(usual=CodePage.CP850)
    assert [encoding_of(path, usual) for path in (dos, windows, utf8)] == ["cp850", "cp1252", "utf-8"]
    with pytest.raises(CodePageUnsure):
        encoding_of(mac, usual)
    assert encoding_of(dos, CodePages(confirmed=CodePage.CP1252)) == "cp1252"
    assert encoding_of(utf8, CodePages(confirmed=CodePage.CP850)) == "utf-8"


@pytest.mark.parametrize("headers", [SPANISH_HEADERS, PORTUGUESE_HEADERS])
@pytest.mark.parametrize("encoding", CodePage)
def test_headers_with_accents_are_understood_in_every_code_page(headers: dict[str, str], encoding: str) -> None:
    assert inspect_head(",".join(headers.values()).encode(encoding) + b"\r\n").columns == FILE_COLUMNS


def test_a_portfolio_s_setting_has_the_same_code_pages() -> None:
    assert get_args(portfolios.CodePage) == tuple(CodePage)

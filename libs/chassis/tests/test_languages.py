"""The reader's locale from Accept-Language, and sentences in the reader's language."""

import json
from pathlib import Path

import pytest
from chassis.csv import safe_csv_rows
from chassis.languages import Language, Locale, Sentences, locale_named


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("es-MX,es;q=0.9,en;q=0.8", Locale(Language.ES, "MX")),
        ("es-419", Locale(Language.ES, "419")),
        ("pt", Locale(Language.PT)),
        ("fr-FR, pt-BR;q=0.7, es;q=0.8", Locale(Language.ES)),
        ("PT-br", Locale(Language.PT, "BR")),
        ("en;q=0, es;q=0.1", Locale(Language.ES)),
        ("zh-Hant-TW", Locale()),
        ("es-Latn-ES", Locale(Language.ES, "ES")),
        ("*", None),
        ("", None),
        (None, None),
        ("es;q=loud", None),
    ],
)
def test_the_preferred_language_of_ours_is_taken_with_its_country(header: str | None, locale: Locale | None) -> None:
    assert locale_named(header) == locale


@pytest.mark.parametrize(
    ("locale", "line"),
    [
        (Locale(Language.ES, "MX"), "1234.50,x"),
        (Locale(Language.ES), "1234.50,x"),
        (Locale(Language.ES, "ES"), "1234,50;x"),
        (Locale(Language.PT, "BR"), "1234,50;x"),
        (Locale(Language.EN, "GB"), "1234.50,x"),
    ],
)
def test_a_locale_has_its_separator_and_decimal_sign(locale: Locale, line: str) -> None:
    written = b"".join(safe_csv_rows([[locale.amount("1234.50"), "x"]], locale=locale))
    assert written.decode("utf-8-sig") == f"{line}\r\n"


@pytest.mark.parametrize(
    "text",
    [
        *("04000", "000123", "123456789012", "+525512345678", "12E5", "3-4", "1/2", "1.5", "2026-11-30", "30/11/2026"),
        *("MAR1", "SEPT 2", "3 ene", "dez-12", "10:30", "TRUE", "verdadero"),
    ],
)
def test_what_excel_would_change_stays_text_for_a_person_and_plain_for_a_program(text: str) -> None:
    for_person = b"".join(safe_csv_rows([[text]], locale=Locale(Language.ES, "MX"))).decode("utf-8-sig")
    assert for_person == f'"=""{text}"""\r\n'
    assert b"".join(safe_csv_rows([[text]])).decode("utf-8-sig") == f"{text}\r\n"


@pytest.mark.parametrize("text", ["12.50", "1234,50", "-3", "42", "4000", "C-1", "Marco Ruiz", "2026-11-22T14:00:00Z"])
def test_what_excel_leaves_is_written_as_it_is(text: str) -> None:
    written = b"".join(safe_csv_rows([[text]], locale=Locale(Language.PT, "BR"))).decode("utf-8-sig")
    assert written == f"{text}\r\n"


def test_formulas_are_guarded_for_a_person_too() -> None:
    written = b"".join(safe_csv_rows([["=1+1;=2"]], locale=Locale(Language.ES, "ES"))).decode("utf-8-sig")
    assert written == "\"'=1+1;'=2\"\r\n"


def test_a_sentence_is_said_with_its_values_and_in_english_where_it_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_words"
    package.mkdir()
    (package / "__init__.py").write_text("")
    known = {
        "is empty": {"es": "está vacío", "pt": "está vazio"},
        "has {n} of {m} cells": {"es": "tiene {n} de {m} celdas", "pt": "tem {n} de {m} células"},
    }
    (package / "sentences.json").write_text(json.dumps(known))
    monkeypatch.syspath_prepend(tmp_path)
    sentences = Sentences("some_words")
    assert sentences.said("is empty", Language.PT) == "está vazio"
    assert sentences.said("has 3 of 12 cells", Language.ES) == "tiene 3 de 12 celdas"
    assert sentences.said("has 3 of 12 cells", Language.EN) == "has 3 of 12 cells"
    assert sentences.said("is nowhere", Language.ES) == "is nowhere"
    assert (sentences.knows("has 1 of 2 cells"), sentences.knows("is nowhere")) == (True, False)

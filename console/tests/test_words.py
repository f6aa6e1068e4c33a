"""Every sentence of a page has its Spanish and its Portuguese, with the same values."""

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import recobro_console
from chassis.languages import Language
from recobro_console.language import Reader, sentences

SOURCE = Path(recobro_console.__file__).parent
_SAID = re.compile(r"""\btr\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def said_in_templates() -> Iterator[tuple[str, str]]:
    for file in SOURCE.rglob("*.html"):
        for found in _SAID.finditer(file.read_text(encoding="utf-8")):
            yield str(file.relative_to(SOURCE)), ast.literal_eval(found[1])


def said_in_code() -> Iterator[tuple[str, str]]:
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            at = {"tr": 0, "done": 1}.get(node.func.attr)
            if at is None or len(node.args) <= at:
                continue
            given = node.args[at]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield str(file.relative_to(SOURCE)), given.value


def test_every_sentence_is_translated() -> None:
    known = sentences()
    missing = {
        (file, sentence)
        for file, sentence in {*said_in_templates(), *said_in_code()}
        if not {"es", "pt"} <= set(known.get(sentence, {}))
    }
    assert not missing


def values_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_translations_have_the_values_of_their_sentence() -> None:
    wrong = [
        (sentence, language)
        for sentence, by_language in sentences().items()
        if not sentence.startswith(("word ", "problem "))
        for language, text in by_language.items()
        if values_of(text) != values_of(sentence)
    ]
    assert not wrong


def test_no_sentence_stands_in_two_files_with_different_words() -> None:
    found: dict[str, dict[str, str]] = {}
    for file in SOURCE.rglob("sentences.json"):
        for sentence, by_language in json.loads(file.read_text(encoding="utf-8")).items():
            assert found.setdefault(sentence, by_language) == by_language, (file, sentence)


@pytest.mark.parametrize(
    ("language", "amount", "day"),
    [
        (Language.ES, "1,234.50 MXN", "22/11/2026"),
        (Language.PT, "1.234,50 MXN", "22/11/2026"),
        (Language.EN, "1,234.50 MXN", "2026-11-22"),
    ],
)
def test_amounts_and_days_are_written_as_the_reader_writes_them(language: Language, amount: str, day: str) -> None:
    reader = Reader(language)
    assert (reader.money("1234.5", "MXN"), reader.day("2026-11-22")) == (amount, day)


def test_a_moment_is_shown_in_the_zone_that_is_given() -> None:
    assert Reader(Language.ES).moment("2026-11-22T02:30:00Z", "America/Tijuana") == "21/11/2026 18:30"


def test_the_guide_names_what_the_console_shows() -> None:
    guide = (SOURCE.parents[1] / "docs" / "console.md").read_text(encoding="utf-8")
    named = {" ".join(name.split()) for name in re.findall(r"\*\*([^*]+)\*\*", guide)}
    assert len(named) > 15
    assert not named - {by_language.get("es") for by_language in sentences().values()}


def test_several_sentences_of_a_service_are_said_each_and_without_ids() -> None:
    said = 'The portfolio "Norte. Uno" (01a22e68-fbde-73db-98a9-2aa165da0faa) is still loading a file.'
    other = 'The portfolio "Sur" (01a22e68-fbde-73db-98a9-2aa165da0fab) is not staged up to 2026-11-30: '
    other += "its business date is 2026-11-22."
    spanish = Reader(Language.ES)
    assert spanish.explained(other).startswith("La cartera «Sur» aún no ha llegado al 30/11/2026: su fecha")
    assert spanish.explained(f"{other} {other}").count("«Sur»") == 2
    assert (
        spanish.explained(said) == "La cartera «Norte. Uno» todavía carga un archivo. Intente de nuevo cuando termine."
    )

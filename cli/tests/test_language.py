"""What the command says has a Spanish and a Portuguese form, and the reader's locale writes numbers and days."""

import ast
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import recobro
from assignment.placements.rules import Reason as RecallReason
from fake_platform import NO_PAGE, FakePlatform
from operated import invoked
from recobro import contracts, entering, language, pending, terminal, waiting
from recobro.language import Locale
from recobro.main import app
from recobro_events.contracts import assignment, dialer_feed, field_visits, portfolio, promises
from typer.main import get_command

SOURCE = Path(recobro.__file__).parent
SENTENCES = language.sentences()
ENGLISH = frozenset({"kafka", "processes", "language"})
"""The modules of what developers start, and of the language itself."""
ENUMERATIONS = (
    *(portfolio.Stage, portfolio.ContractState, portfolio.DebtorStatus, portfolio.ClarificationOutcome),
    *(portfolio.ContactKind, assignment.PlacementKind, assignment.PlacementState, field_visits.VisitOutcome),
    *(field_visits.CancelReason, promises.PromiseState),
    dialer_feed.WithdrawalReason,
    RecallReason,
)


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    language.speak(Locale())


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for module in sorted(SOURCE.glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                yield module.stem, node


def helps(command: Any) -> Iterator[str]:
    """Yield the paragraphs of every help text."""
    for each in (command, *command.params):
        for text in (getattr(each, "help", None) or "").split("\n\n"):
            if text and not text.lstrip().startswith("Example: "):
                yield " ".join(text.split())
        if panel := getattr(each, "rich_help_panel", None):
            yield panel
    for subcommand in getattr(command, "commands", {}).values():
        yield from helps(subcommand)


def commands(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield names, command
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from commands(subcommand, *names, name)


def said() -> set[str]:
    """Return every sentence that the command says or prints as help."""
    literals = {
        node.args[0].value
        for name in ("tr", "ByHand")
        for _, node in calls(name)
        if isinstance(node.args[0], ast.Constant)
    }
    kinds = {text for kind in pending.KINDS for text in (kind.title, kind.whom)}
    tables = {
        *terminal._HEADINGS.values(),
        *terminal._USAGE.values(),
        *waiting.FOUND.values(),
        *entering.BY_HAND.values(),
    }
    return {*literals, *kinds, *tables, *helps(get_command(app))}


def values_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_sentence_is_translated() -> None:
    assert sorted(sentence for sentence in said() if sentence not in SENTENCES) == []
    assert len(said()) > 300


@pytest.mark.parametrize("translated", ["es", "pt"])
def test_translations_are_complete_and_have_the_same_values(translated: str) -> None:
    wrong = {
        sentence
        for sentence, others in SENTENCES.items()
        if not others.get(translated, "").strip()
        or (not sentence.startswith("problem ") and values_in(others[translated]) != values_in(sentence))
    }
    assert wrong == set()


@pytest.mark.parametrize("enumeration", ENUMERATIONS, ids=lambda one: one.__name__)
def test_every_state_and_reason_has_a_word(enumeration: Any) -> None:
    assert [one.value for one in enumeration if one.value.replace("_", " ") not in SENTENCES] == []


def test_every_value_of_a_sentence_is_given() -> None:
    """A sentence whose values have other names than those that are given cannot be said."""
    wrong = [
        f"{module}: {node.args[0].value!s}"
        for module, node in calls("tr")
        if isinstance(node.args[0], ast.Constant)
        and not any(keyword.arg is None for keyword in node.keywords)
        and node.keywords
        and values_in(str(node.args[0].value)) != {str(keyword.arg) for keyword in node.keywords}
    ]
    assert wrong == []


def test_the_command_says_nothing_untranslated() -> None:
    """A sentence that stands in the code has to pass through ``tr``. Commands to type are the same everywhere."""
    spoken = ("out.print", "err.print", "Trouble", "typer.confirm", "typer.prompt", "typer.BadParameter")
    bare = [
        f"{module}: {ast.unparse(node)}"
        for name in (*spoken, "ok", "wrong", "unknown", "table_of", "table.add_column")
        for module, node in calls(name)
        for argument in node.args
        if module not in ENGLISH
        and has_words(argument)
        and not re.search(r"recobro |/docs|tr\(|'URL'", ast.unparse(argument))
    ]
    assert bare == []


def test_what_is_wrong_is_said_in_the_reader_s_language_and_as_json_in_english(tmp_path: Path) -> None:
    arguments = ["doctor", "--data", str(tmp_path)]
    environment = {"LANG": "es_MX.UTF-8", "LC_ALL": None, "LC_MESSAGES": None, "COLUMNS": "80"}
    shown = invoked(arguments, environment).output
    assert "No hay ninguna plataforma en marcha" in shown
    assert "No platform is running" in invoked([*arguments, "--json"], environment).output


def has_words(node: ast.expr) -> bool:
    """Whether a text has letters of its own, beside the values in it."""
    if isinstance(node, ast.Constant):
        return any(sign.isalpha() for sign in str(node.value))
    return isinstance(node, ast.JoinedStr) and any(has_words(part) for part in node.values)


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({"LANG": "es_MX.UTF-8"}, Locale("es", "MX")),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "pt_BR.UTF-8"}, Locale("pt", "BR")),
        ({"LANG": "de_DE.UTF-8"}, Locale()),
        ({"LC_ALL": "C", "LANG": "es_MX"}, Locale()),
        ({}, Locale()),
    ],
)
def test_the_environment_names_the_language(environment: Mapping[str, str], locale: Locale) -> None:
    assert language.chosen(["files"], environment) == (["files"], locale)


def test_the_option_is_stronger_than_the_environment_and_may_stand_anywhere() -> None:
    assert language.chosen(["files", "--lang", "pt", "--json"], {"LANG": "es_AR"}) == (
        ["files", "--json"],
        Locale("pt"),
    )
    assert language.chosen(["--lang=es"], {"LANG": "es_AR"}) == ([], Locale("es", "AR"))
    assert invoked(["files", "--lang", "xx"]).exit_code == 2


@pytest.mark.parametrize(
    ("locale", "amount", "day"),
    [
        (Locale(), "1,234.50", "2026-11-22"),
        (Locale("es", "MX"), "1,234.50", "22/11/2026"),
        (Locale("es"), "1,234.50", "22/11/2026"),
        (Locale("es", "AR"), "1.234,50", "22/11/2026"),
        (Locale("pt"), "1.234,50", "22/11/2026"),
    ],
)
def test_amounts_and_days_are_those_of_the_locale(locale: Locale, amount: str, day: str) -> None:
    language.speak(locale)
    assert (terminal.amount("1234.5"), language.day("2026-11-22")) == (amount, day)
    assert (terminal.amount(None), language.day(None)) == ("–", "–")


def test_help_and_mistakes_are_in_the_reader_s_language() -> None:
    environment = {"LANG": "es_MX.UTF-8", "LC_ALL": None, "LC_MESSAGES": None, "COLUMNS": "80"}
    shown = invoked(["pay", "--help"], environment).output
    for words in ("Registra un pago.", "Ejemplo: recobro pay", "Opciones", "Muestra esta ayuda."):
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "Falta: NUMBER." in invoked(["pay"], environment).output
    assert "No existe el comando: paga." in invoked(["paga"], environment).output
    assert "Enter a payment." in invoked(["pay", "--help"], environment | {"LANG": "C"}).output


@pytest.mark.parametrize("lang", ["es", "pt"])
def test_on_80_columns_no_help_cuts_an_option_or_one_of_its_values(lang: str) -> None:
    for names, command in commands(get_command(app)):
        shown = invoked([*names, "--help", "--lang", lang], {"COLUMNS": "80"}).output
        words = set(re.split(r"[^\w-]+", shown))
        whole = {part for each in command.params for part in (*each.opts, *(each.type_descriptor.choices or ()))}
        assert whole - words - {each.name for each in command.params} == set(), names
        assert "…" not in shown.replace("LIST…", ""), names
        assert max(map(len, shown.splitlines())) <= 80, names


def test_codes_and_json_are_never_translated(platform: FakePlatform) -> None:
    platform.set_answers("GET portfolio /v1/contracts", NO_PAGE)
    assert platform.json("contract", "find", "nobody", "--lang", "es") == []
    refusal = {"type": "urn:recobro:problem:forbidden", "detail": "The token lacks a scope."}
    platform.set_answers("GET portfolio /v1/files", refusal, status=403)
    code, output = platform.run("files", "--lang", "es")
    assert (code, "(403, forbidden)" in output, "El token no permite esto." in output) == (1, True, True)
    assert "El token" not in platform.run("files", "--lang", "en")[1]


@pytest.mark.parametrize(("outcome", "said"), [("withdrawn", "el deudor se desistió"), ("rejected", "no procede")])
def test_a_contract_says_how_its_dispute_ended(outcome: str, said: str) -> None:
    """Rows of a file are rejected too, and contracts withdrawn, in other words."""
    language.speak(Locale("es", "MX"))
    disputed = {"reason": "already paid", "state": outcome}
    with terminal.out.capture() as shown:
        contracts._print_open({"clarifications": [disputed], "promises": [], "pauses": [], "placements": []}, {})
    assert said in shown.get()


def test_an_open_promise_is_feminine() -> None:
    language.speak(Locale("es", "MX"))
    promise = {"promised": "10.00", "due_on": "2026-12-01", "state": "open"}
    with terminal.out.capture() as shown:
        contracts._print_open({"clarifications": [], "promises": [promise], "pauses": [], "placements": []}, {})
    assert "(abierta)" in shown.get()

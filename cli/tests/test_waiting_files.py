"""Whatever waits says for what, and how to say yes or no."""

from pathlib import Path
from typing import Any

import pytest
from fake_platform import FakePlatform
from recobro import loading
from recobro.waiting import findings_of

PORTFOLIO = "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11"
OURS, FIRST, SECOND = (f"0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9b0{n}" for n in (1, 2, 3))
UPLOAD = f"POST portfolio /v1/portfolios/{PORTFOLIO}/files"
IN_LINE = f"GET portfolio /v1/portfolios/{PORTFOLIO}/files"
READ, CONFIRM = f"GET portfolio /v1/files/{OURS}", f"POST portfolio /v1/files/{OURS}/confirmation"
CODE_PAGES = [{"code_page": "cp850", "words": ["José", "Muñoz"]}, {"code_page": "cp1252", "words": ["Jos‚", "Mu¤oz"]}]


def file(status: str, reason: str | None = None, file_id: str = OURS, **changes: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "file_id": file_id,
        "portfolio_id": PORTFOLIO,
        "filename": f"{file_id[-1]}.csv",
        "status": status,
    }
    shown |= {"confirmation_reason": reason, "as_of": "2026-11-27", "error": None, "undecided": 0, "code_pages": None}
    counts = {"rows_read": 1, "rows_accepted": 1, "rows_rejected": 0, "contracts": 1, "contracts_incomplete": 0}
    return {**shown, **counts, "amount_accepted": "100.00", "contracts_to_close": None, **changes}


def page(*items: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": None}


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setattr(loading, "_ASK_EVERY_SECONDS", 0.0)
    path = tmp_path / "cartera.csv"
    path.write_text("No. Contrato\n1\n")
    return ("load", str(path), "--portfolio", PORTFOLIO)


def sent_bodies(platform: FakePlatform) -> list[Any]:
    return [body for route, body in platform.asked if route == CONFIRM]


def test_load_says_behind_which_file_it_waits_and_how_to_answer_that_one(
    platform: FakePlatform, sent: tuple[str, ...]
) -> None:
    first = file("needs_confirmation", "closes_many", FIRST, contracts_to_close=12)
    later = file("needs_confirmation", "future_date", SECOND)
    platform.set_answers(UPLOAD, file("received"), status=202)
    platform.set_answers(READ, file("received"), file("received"), file("loaded"))
    platform.set_answers(IN_LINE, page(file("received"), file("received", None, SECOND), first, later))
    code, output = platform.run(*sent)
    assert code == 0
    assert f"It waits behind 2.csv ({FIRST}), and 1 more before it." in output
    assert "would close contracts that it does not name: 12" in output
    assert f"recobro confirm {FIRST} --no" in output
    assert output.count("It waits behind") == 1


def test_load_of_a_file_whose_turn_it_is_says_nothing_of_others(platform: FakePlatform, sent: tuple[str, ...]) -> None:
    platform.set_answers(UPLOAD, file("received"), status=202)
    platform.set_answers(READ, file("received"), file("loaded"))
    platform.set_answers(IN_LINE, page(file("received"), file("loaded", None, FIRST)))
    code, output = platform.run(*sent)
    assert (code, "waits" in output) == (0, False)


@pytest.mark.parametrize("option", [(), ("--yes",), ("--json",)])
def test_load_never_guesses_a_code_page(platform: FakePlatform, sent: tuple[str, ...], option: tuple[str, ...]) -> None:
    waits = file("needs_confirmation", "code_page", code_pages=CODE_PAGES)
    platform.set_answers(UPLOAD, waits, status=202)
    platform.set_answers(READ, waits)
    code, output = platform.run(*sent, *option)
    assert code == 1
    assert "cp850: José, Muñoz" in output
    assert f"cp850 is right: recobro confirm {OURS} --code-page cp850" in output
    assert sent_bodies(platform) == []


def test_load_names_the_contracts_that_were_set_aside(platform: FakePlatform, sent: tuple[str, ...]) -> None:
    platform.set_answers(UPLOAD, file("loaded"), status=202)
    platform.set_answers(READ, file("loaded", undecided=3))
    code, output = platform.run(*sent)
    assert code == 0
    assert "Contracts set aside: 3." in output
    assert f"They keep their figures: recobro confirm {OURS} --no" in output


def test_files_lists_states_and_what_each_file_waits_for(platform: FakePlatform) -> None:
    waits = file("needs_confirmation", "repeated_figures", FIRST)
    shown = [file("received"), waits, file("loaded", None, SECOND, undecided=2)]
    platform.set_answers("GET portfolio /v1/files", page(*shown))
    platform.set_answers(IN_LINE, page(*shown))
    code, output = platform.run("files", "--portfolio", PORTFOLIO)
    assert code == 0
    assert platform.asked[0] == ("GET portfolio /v1/files", {"portfolio_id": PORTFOLIO, "order": "desc"})
    assert f"1.csv ({OURS}): It waits behind 2.csv ({FIRST})" in output
    assert "they would count as unpaid" in output
    assert "Contracts set aside: 2." in output
    described = platform.json("files")
    assert [item["waits_for"] is not None for item in described] == [True, True, True]


def test_without_files_there_is_nothing_to_list(platform: FakePlatform) -> None:
    platform.set_answers("GET portfolio /v1/files", page())
    assert platform.run("files") == (0, "There are no files.\n")
    assert platform.json("files") == []


@pytest.mark.parametrize(
    ("options", "after", "body", "code"),
    [
        ((), file("loaded"), {"accept": True}, 0),
        ((), file("failed", error="no"), {"accept": True}, 1),
        (("--no",), file("failed", error="no"), {"accept": False}, 0),
        (("--contract", "C-1", "--contract", "C-2"), file("loaded"), {"accept": True, "contracts": ["C-1", "C-2"]}, 0),
        (("--remember",), file("loaded"), {"accept": True, "remember": True}, 0),
    ],
)
def test_confirm_sends_the_answer_and_waits_for_its_effect(
    platform: FakePlatform, options: tuple[str, ...], after: dict[str, Any], body: dict[str, Any], code: int
) -> None:
    before = file("needs_confirmation", "closes_many", contracts_to_close=12)
    platform.set_answers(READ, before, after)
    platform.set_answers(CONFIRM, file("loading"))
    assert platform.run("confirm", OURS, *options)[0] == code
    assert sent_bodies(platform) == [body]


def test_confirm_of_a_code_page_needs_the_code_page(platform: FakePlatform) -> None:
    waits = file("needs_confirmation", "code_page", code_pages=CODE_PAGES)
    platform.set_answers(READ, waits)
    platform.set_answers(CONFIRM, file("received"))
    code, output = platform.run("confirm", OURS)
    assert (code, sent_bodies(platform)) == (1, [])
    assert "--code-page cp850" in output
    platform.set_answers(READ, waits, file("loaded"))
    code, output = platform.run("confirm", OURS, "--code-page", "cp850", "--remember")
    assert (code, sent_bodies(platform)) == (0, [{"accept": True, "code_page": "cp850", "remember": True}])
    assert platform.run("confirm", OURS, "--code-page", "cp850", "--no")[0] == 1


def test_confirm_asks_on_when_the_file_waits_for_another_reason(platform: FakePlatform) -> None:
    platform.set_answers(
        READ,
        file("needs_confirmation", "code_page", code_pages=CODE_PAGES),
        file("needs_confirmation", "closes_many", contracts_to_close=12),
    )
    platform.set_answers(CONFIRM, file("received"))
    code, output = platform.run("confirm", OURS, "--code-page", "cp850")
    assert code == 1
    assert "would close contracts that it does not name: 12" in output


def test_confirm_decides_about_all_contracts_that_were_set_aside(platform: FakePlatform) -> None:
    platform.set_answers(READ, file("loaded", undecided=7000), file("loaded"))
    platform.set_answers(CONFIRM, file("loaded", undecided=2000), file("loaded"))
    code, output = platform.run("confirm", OURS, "--no")
    assert code == 0
    assert sent_bodies(platform) == [{"accept": False}] * 2
    assert "no contract of this file is set aside any more" in output


def test_a_loaded_file_says_what_it_found_and_how_to_list_it() -> None:
    loaded = file("loaded", file_payments=1, in_posting=2, set_aside=3)
    assert findings_of(loaded) == [
        "1 × contracts owe less than was known without a payment; the difference is a payment of the file.",
        "2 × contracts have payments that the file does not know yet; these stay.",
        "3 × contracts were left as they were.",
        f"To list them: recobro findings {loaded['file_id']}",
    ]
    assert findings_of(file("loaded")) == []


FINDING = {
    "kind": "set_aside",
    "contract_number": "R05",
    "text": "The file no longer states instalments that are unpaid.",
    "undecided": True,
    "decision": None,
}


def test_findings_are_sentences_with_the_decision_of_a_person(platform: FakePlatform) -> None:
    decision = {"accepted": False, "decided_by": {"subject": "ana"}, "decided_at": "2026-11-28T17:00:00Z"}
    decided = FINDING | {"contract_number": "R06", "undecided": False, "decision": decision}
    platform.set_answers(f"GET portfolio /v1/files/{OURS}/findings", page(FINDING, decided))
    code, output = platform.run("findings", OURS)
    assert code == 0
    for words in (
        "R05",
        "no longer states instalments",
        "waits for a decision of yours",
        "R06",
        "Decided no by ana on 2026-11-28",
    ):
        assert words in " ".join(output.split())
    assert f"To decide: recobro confirm {OURS}" in output


def test_contracts_that_wait_for_a_decision_are_listed_for_all_files(platform: FakePlatform) -> None:
    platform.set_answers("GET portfolio /v1/files", page(file("loaded", undecided=1)))
    platform.set_answers(f"GET portfolio /v1/files/{OURS}/findings", page(FINDING))
    code, output = platform.run("findings", "--undecided")
    assert (code, "R05" in output) == (0, True)
    platform.set_answers("GET portfolio /v1/files", page())
    assert "Nobody has to decide about a contract." in platform.run("findings", "--undecided")[1]
    assert platform.run("findings")[0] == 1


def test_a_file_that_was_loaded_before_changes_nothing_and_says_so(
    platform: FakePlatform, sent: tuple[str, ...]
) -> None:
    platform.set_answers(UPLOAD, file("loaded", finished_at="2026-11-27T14:00:00Z"))
    platform.set_answers(READ, file("loaded", finished_at="2026-11-27T14:00:00Z"))
    code, output = platform.run(*sent)
    assert code == 0
    assert "Nothing is changed: this file was loaded" in output


def test_load_of_a_file_of_which_no_row_is_loaded_ends_with_exit_code_1(
    platform: FakePlatform, sent: tuple[str, ...]
) -> None:
    nothing = file("loaded", rows_accepted=0, contracts=0, amount_accepted="0.00")
    platform.set_answers(UPLOAD, nothing, status=202)
    platform.set_answers(READ, nothing)
    assert platform.run(*sent)[0] == 1

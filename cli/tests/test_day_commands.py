"""The commands of the day, against fake services: contracts by number, and what waits for whom."""

from typing import Any

import pytest
from fake_platform import NO_PAGE, FakePlatform
from recobro import terminal
from recobro.terminal import out, show_table, text_table

FIRST, SECOND = "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11", "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a12"
CONTRACTS, PORTFOLIOS = "GET portfolio /v1/contracts", "GET portfolio /v1/portfolios"
RECEIPT: dict[str, Any] = {"amount": "1500.00", "credit": "0.00", "overdue_balance": "10.00", "total_balance": "20.00"}
RECEIPT |= {"stage": "late", "days_past_due": 48, "payment_id": "p"}


def page(*items: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": None}


def contract(portfolio_id: str = FIRST, contract_id: str = "c1") -> dict[str, Any]:
    return {"contract_id": contract_id, "contract_number": "C-1", "portfolio_id": portfolio_id}


def portfolio(portfolio_id: str, name: str, business_date: str | None = "2026-11-22") -> dict[str, Any]:
    return {
        "portfolio_id": portfolio_id,
        "name": name,
        "business_date": business_date,
        "timezone": "America/Mexico_City",
    }


def payment(number: int, **changes: Any) -> dict[str, Any]:
    facts = {"amount": "100.00", "paid_on": f"2026-11-0{number}", "reference": f"R-{number}", "reversed_at": None}
    return {"payment_id": f"p{number}", **facts, **changes}


def sent(platform: FakePlatform, route: str) -> list[Any]:
    return [body for asked, body in platform.asked if asked == route]


def test_a_payment_names_the_contract_by_its_number(platform: FakePlatform) -> None:
    platform.set_answers(CONTRACTS, page(contract()))
    platform.set_answers("POST portfolio /v1/contracts/c1/payments", RECEIPT, status=201)
    code, output = platform.run("pay", "C-1", "1500", "--on", "2026-11-22", "--reference", "R-1")
    assert (code, output) == (
        0,
        "Paid: 1,500.00.\nStill overdue: 10.00; in total 20.00. Stage late, 48 days past due.\n",
    )
    assert sent(platform, CONTRACTS) == [{"number": "C-1"}]
    body = {"amount": "1500.00", "paid_on": "2026-11-22", "channel": "bank", "reference": "R-1"}
    assert sent(platform, "POST portfolio /v1/contracts/c1/payments") == [body]


@pytest.mark.parametrize("amount", ["1,500", "0", "1.234", "NaN", "abc"])
def test_an_amount_that_may_be_misread_is_refused(platform: FakePlatform, amount: str) -> None:
    assert platform.run("pay", "C-1", amount)[0] == 1
    assert platform.asked == []


def test_a_number_in_several_portfolios_asks_which(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.set_answers(PORTFOLIOS, page(portfolio(FIRST, "Cards"), portfolio(SECOND, "Cars")))
    platform.set_answers(CONTRACTS, page(contract(), contract(SECOND, "c2")))
    platform.set_answers("POST portfolio /v1/contracts/c2/payments", RECEIPT, status=201)
    code, output = platform.run("pay", "C-1", "1500", "--on", "2026-11-22")
    assert (code, output) == (1, "C-1 is in several portfolios: Cards, Cars. Choose one with --portfolio.\n")

    monkeypatch.setattr(terminal.err, "_force_terminal", True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "Cars")
    assert platform.run("pay", "C-1", "1500", "--on", "2026-11-22")[0] == 0
    assert len(sent(platform, "POST portfolio /v1/contracts/c2/payments")) == 1

    platform.set_answers(CONTRACTS, page(contract(SECOND, "c2")))
    assert platform.run("pay", "C-1", "1500", "--on", "2026-11-22", "--portfolio", "Cars")[0] == 0
    assert sent(platform, CONTRACTS)[-1] == {"number": "C-1", "portfolio_id": SECOND}


def test_a_number_that_is_in_no_portfolio_names_the_way_to_find_it(platform: FakePlatform) -> None:
    platform.set_answers(CONTRACTS, NO_PAGE)
    code, output = platform.run("contract", "show", "C-1")
    assert (code, output) == (1, "There is no contract C-1. To look for one: recobro contract find NAME\n")


def test_a_reversal_needs_to_know_which_payment(platform: FakePlatform) -> None:
    reversal = "POST portfolio /v1/payments/p2/reversal"
    platform.set_answers(CONTRACTS, page(contract()))
    platform.set_answers(
        "GET portfolio /v1/contracts/c1/payments", page(payment(1), payment(2), payment(3, reversed_at="x"))
    )
    platform.set_answers(reversal, RECEIPT, status=201)
    code, output = platform.run("reverse", "C-1", "bounced")
    assert (code, "R-1" in output, "R-2" in output, "R-3" in output) == (1, True, True, False)
    assert platform.run("reverse", "C-1", "bounced", "--reference", "R-3")[0] == 1
    code, output = platform.run("reverse", "C-1", "bounced", "--reference", "R-2")
    assert (code, output.splitlines()[0]) == (0, "Reversed: 100.00, paid on 2026-11-02.")
    assert sent(platform, reversal) == [{"reason": "bounced"}]


def test_a_contract_is_found_by_number_and_else_by_text(platform: FakePlatform) -> None:
    shown = contract() | {"debtor_name": "[bold]Ana\x1b", "stage": "late", "state": "open", "days_past_due": 48}
    platform.set_answers(CONTRACTS, NO_PAGE, page(shown | {"overdue_balance": "1234.50"}))
    code, output = platform.run("contract", "find", "Ana")
    assert code == 0
    assert output.splitlines()[3].split() == ["C-1", r"[bold]Ana\x1b", "late", "48", "1,234.50"]
    assert sent(platform, CONTRACTS) == [{"number": "Ana"}, {"q": "Ana"}]
    platform.set_answers(CONTRACTS, NO_PAGE)
    assert platform.run("contract", "find", "Ana")[0] == 1


WAITING = (
    "GET portfolio /v1/files",
    "GET portfolio /v1/reports",
    "GET portfolio /v1/clarifications",
    "GET portfolio /v1/address-reviews",
    "GET assignment /v1/placements",
    "GET assignment /v1/agencies",
    "GET promises /v1/promises",
)


def test_what_waits_is_said_with_whom_it_waits_for_and_the_answer(platform: FakePlatform) -> None:
    for route in WAITING:
        platform.set_answers(route, NO_PAGE)
    platform.set_answers(PORTFOLIOS, page(portfolio(FIRST, "Cards"), portfolio(SECOND, "New", None)))
    assert platform.run("waiting") == (0, "Nothing waits.\n")
    assert platform.json("waiting") == []
    assert {"state": "open", "portfolio_id": FIRST, "deadline_before": "2026-11-30", "limit": "1000"} in sent(
        platform, "GET portfolio /v1/clarifications"
    )

    dispute = {"contract_number": "C-1", "reason": "not mine", "deadline_on": "2026-11-25"}
    platform.set_answers("GET portfolio /v1/clarifications", page(dispute))
    promise = {"contract_id": "c1", "amount": "100.00", "paid": "40.00", "due_on": "2026-11-22"}
    platform.set_answers("GET promises /v1/promises", page(promise))
    platform.set_answers("GET portfolio /v1/contracts", page(contract()))
    asks: dict[str, Any] = {
        "file_id": FIRST,
        "filename": "1.csv",
        "status": "needs_confirmation",
        "as_of": "2026-11-22",
    }
    asks |= {"confirmation_reason": "closes_many", "contracts_to_close": 12, "undecided": 0}
    platform.set_answers("GET portfolio /v1/files", page(asks), NO_PAGE)
    parked = {"key": "c1", "contract_id": "c1", "error": "broken"}
    platform.set_answers("GET promises /v1/parked-keys", page(parked))
    code, output = platform.run("waiting")
    assert code == 0
    assert "1.csv: This snapshot would close contracts that it does not name: 12." in output
    assert f"recobro confirm {FIRST} --no" in output
    assert "Disputes near their deadline (1), waiting for you" in output
    assert "not mine   2026-11-25" in output
    assert "Promises that are due (1), waiting for the debtor" in output
    assert "40.00 of 100.00 is paid" in output
    assert "promises: broken" in output
    assert FIRST not in output.replace(f"recobro confirm {FIRST}", "")
    assert [(one["kind"], one["for"], len(one["items"])) for one in platform.json("waiting", "--lang", "es")] == [
        ("dispute", "waiting for you", 1),
        ("promise", "waiting for the debtor", 1),
        ("parked", "waiting for the administrator", 1),
    ]


def test_an_objection_needs_a_decision_and_knows_its_placement(platform: FakePlatform) -> None:
    platform.set_answers(CONTRACTS, page(contract()))
    platform.set_answers("GET assignment /v1/placements", page({"placement_id": "a"}))
    platform.set_answers("POST assignment /v1/placements/a/objection-decision", {}, status=201)
    assert platform.run("objection", "C-1", "it pays")[0] == 2
    assert platform.run("objection", "C-1", "it pays", "--refuse") == (0, "Refused: the recall stands.\n")
    assert sent(platform, "GET assignment /v1/placements") == [{"contract_id": "c1", "state": "objected"}]
    assert platform.asked[-1][1] == {"accepted": False, "reason": "it pays"}


def test_a_table_that_is_too_wide_keeps_its_days_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(out, "_width", 30)
    monkeypatch.setattr(out, "_height", 25)
    assert out.width == 30
    table = text_table("file", "day", "from", "to", figures=("day", "from", "to"))
    table.add_row("a-very-long-name-of-a-file.csv", "2026-11-22", "2026-11-23", "2026-11-24")
    show_table(table)
    printed = capsys.readouterr().out
    assert all(day in printed for day in ("2026-11-22", "2026-11-23", "2026-11-24"))
    assert "…" not in printed

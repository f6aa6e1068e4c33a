"""``recobro load`` asks what a waiting file asks, one question after the other."""

from pathlib import Path
from typing import Any

import pytest
from fake_platform import FakePlatform

PORTFOLIO = "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11"
UPLOAD = f"POST portfolio /v1/portfolios/{PORTFOLIO}/files"
READ, CONFIRM = "GET portfolio /v1/files/7", "POST portfolio /v1/files/7/confirmation"


def file(status: str, reason: str | None = None, **changes: Any) -> dict[str, Any]:
    shown = {"file_id": "7", "status": status, "confirmation_reason": reason, "as_of": "2027-11-27", "error": None}
    counts = {"rows_read": 1, "rows_accepted": 1, "rows_rejected": 0, "contracts": 1, "contracts_incomplete": 0}
    return {**shown, **counts, "amount_accepted": "100.00", "contracts_to_close": None, **changes}


@pytest.fixture
def sent(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "cartera.csv"
    path.write_text("No. Contrato\n1\n")
    return ("load", str(path), "--portfolio", PORTFOLIO, "--mode", "snapshot", "--as-of", "2027-11-27")


def test_a_file_of_a_day_far_ahead_says_so_and_is_not_loaded(platform: FakePlatform, sent: tuple[str, ...]) -> None:
    platform.set_answers(UPLOAD, file("needs_confirmation", "future_date"), status=202)
    platform.set_answers(READ, file("needs_confirmation", "future_date"))
    code, output = platform.run(*sent)
    assert code == 1
    assert "This file is of 2027-11-27, which is far ahead of today." in output
    assert "run the command again with --yes" in output
    assert CONFIRM not in [route for route, _ in platform.asked]


def test_yes_answers_each_question_of_the_file(platform: FakePlatform, sent: tuple[str, ...]) -> None:
    platform.set_answers(UPLOAD, file("needs_confirmation", "future_date"), status=202)
    platform.set_answers(
        READ,
        file("needs_confirmation", "future_date"),
        file("needs_confirmation", "closes_many", contracts_to_close=12),
        file("loaded"),
    )
    platform.set_answers(CONFIRM, file("received"))
    assert platform.run(*sent, "--yes")[0] == 0
    assert [body for route, body in platform.asked if route == CONFIRM] == [{"accept": True}] * 2

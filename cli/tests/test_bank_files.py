"""Money of banks' files that waits for its contract, and the commands that give it its place."""

from typing import Any

from fake_platform import FakePlatform

FIRST = "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11"
WAITING: dict[str, Any] = {
    "unidentified_id": FIRST,
    "paid_on": "2026-11-20",
    "remaining": "1250.50",
    "reference": "BNX90002",
    "contract_number": None,
    "payer": "Luis Pérez",
    "concept": "abono",
    "why": "unknown",
}
LISTED = "GET portfolio /v1/unidentified-payments"


def test_money_that_waits_is_listed_with_what_the_bank_says(platform: FakePlatform) -> None:
    platform.set_answers(LISTED, {"items": [WAITING], "next_cursor": None})
    code, output = platform.run("unidentified")
    assert code == 0
    for words in (FIRST, "1,250.50", "BNX90002", "Luis", "abono", "unknown"):
        assert words in output
    platform.set_answers(LISTED, {"items": [], "next_cursor": None})
    assert platform.run("unidentified") == (0, "No payment waits for its contract.\n")


def test_money_is_allocated_to_a_contract_or_given_back(platform: FakePlatform) -> None:
    contract = {"contract_id": "c1", "contract_number": "C-1", "portfolio_id": FIRST}
    platform.set_answers("GET portfolio /v1/contracts", {"items": [contract], "next_cursor": None})
    path = f"POST portfolio /v1/unidentified-payments/{FIRST}"
    booked = {"amount": "500.00", "unidentified": {"remaining": "750.50"}}
    platform.set_answers(f"{path}/allocation", booked, status=201)
    answer = platform.run("allocate", FIRST, "C-1", "--amount", "500")
    assert answer == (0, "Allocated: 500.00. Still unidentified: 750.50.\n")
    platform.set_answers(f"{path}/return", {"returned": "750.50"})
    assert platform.run("give-back", FIRST, "no es cliente") == (0, "Given back: 750.50.\n")
    asked = [body for route, body in platform.asked if route.startswith(path)]
    assert asked == [{"contract_id": "c1", "amount": "500.00"}, {"reason": "no es cliente"}]

"""``recobro reenter`` against fake services: the ids that were lost, the outcome of each line, and a second run."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fake_platform import FakePlatform
from recobro.client import Unreachable

CONTRACT, PORTFOLIO, PAYMENT = "c-1", "p-1", "pay-1"
PAID = {
    "payment_id": PAYMENT,
    "amount": "100.00",
    "paid_on": "2026-11-20",
    "channel": "branch",
    "reference": None,
    "as_of": "2026-11-21",
    "holdoff_from": "2026-11-22",
}
POINT = "GET portfolio /v1/contact-points/k-1"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlatform]:
    monkeypatch.setenv("RECOBRO_TOKEN", "a.b.c")
    fake = FakePlatform()
    yield fake
    fake.stop()


PARTY = {
    "party_id": "t-1",
    "version": 3,
    "role": "guarantor",
    "name": "Rosa Gil",
    "tax_id": None,
    "language": "es",
    "contact_points": [
        {"contact_id": "k-1", "kind": "phone", "value": "+52", "provenance": "creditor", "usable": False,
         "refused_media": []},
        {"contact_id": "k-2", "kind": "phone", "value": "+53", "provenance": "creditor", "usable": False,
         "refused_media": ["all"]},
    ],
}  # fmt: skip


def listing(folder: Path, *events: tuple[str, str, dict[str, Any]], name: str = "lost-portfolio-1.csv") -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "event_id", "event", "key", "content"])
        for second, (event, key, content) in enumerate(events):
            rows.writerow([f"2026-11-21T10:00:{second:02}Z", str(uuid4()), event, key, json.dumps(content)])
    return path


def outcomes(platform: FakePlatform, *arguments: Any) -> tuple[int, list[str]]:
    code, printed = platform.run("reenter", *map(str, arguments), "--json")
    return code, [line["outcome"] for line in json.loads(printed[: printed.rindex("]") + 1])]


def sent(platform: FakePlatform, route: str) -> list[Any]:
    return [body for asked, body in platform.asked if asked == route]


def test_a_payment_has_its_id_and_its_day_and_a_second_run_sends_nothing(
    platform: FakePlatform, tmp_path: Path
) -> None:
    path = listing(tmp_path, ("portfolio.payment-received.v1", CONTRACT, PAID))
    route = f"POST portfolio /v1/contracts/{CONTRACT}/payments"
    platform.set_turns(f"GET portfolio /v1/payments/{PAYMENT}", (404, {}), (200, {}))
    platform.set_answers(route, {}, status=201)
    assert outcomes(platform, path) == (0, ["entered"])
    names = ("payment_id", "amount", "paid_on", "channel", "reference", "holdoff_from")
    assert sent(platform, route) == [{name: PAID[name] for name in names} | {"again": True}]
    assert not path.exists(), "a list of which nothing is left must not trouble the doctor"
    assert outcomes(platform, tmp_path / "entered-portfolio-1.csv") == (0, ["known"])
    assert len(sent(platform, route)) == 1


def test_each_line_has_its_outcome_and_what_is_left_is_named(platform: FakePlatform, tmp_path: Path) -> None:
    closed = {"type": "urn:recobro:problem:contract-closed", "detail": "The contract is closed."}
    known = {"type": "urn:recobro:problem:clarification-known", "detail": "Known."}
    opened = {"clarification_id": "d-1", "reason": "amount", "opened_by": "debtor", "instalments": [1]}
    platform.set_answers(f"POST portfolio /v1/contracts/{CONTRACT}/clarifications", known, status=409)
    platform.set_answers(f"POST portfolio /v1/contracts/{CONTRACT}/pauses", closed, status=409)
    path = listing(
        tmp_path,
        ("portfolio.clarification-opened.v1", CONTRACT, opened),
        ("portfolio.clarification-resolved.v1", CONTRACT, {"clarification_id": "d-1", "outcome": "upheld"}),
        ("portfolio.contract-paused.v1", CONTRACT, {"pause_id": "u", "starts_on": "2026-11-21", "ends_on": None}),
        ("portfolio.payment-reversed.v1", CONTRACT, {"payment_id": "x", "reason": "identified"}),
        ("assignment.agency-changed.v1", "a-1", {}),
    )
    assert outcomes(platform, path) == (1, ["known", "by_hand", "refused", "follows", "by_hand"])
    assert path.exists()
    [written] = tmp_path.glob("*.outcomes.csv")
    assert written.stat().st_mode & 0o777 == 0o600
    with written.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["outcome"] for row in rows] == ["known", "by_hand", "refused", "follows", "by_hand"]
    assert "The contract is closed" in rows[2]["detail"]
    assert "corrected amounts" in rows[1]["detail"]


def test_lists_of_all_services_are_entered_in_the_order_of_time(platform: FakePlatform, tmp_path: Path) -> None:
    state = {"business_date": "2026-11-21", "name": "Cartera"}
    promised = {
        "promise_id": "r-1",
        "due_on": "2026-12-01",
        "made_in": "call",
        "agency_id": None,
        "promised": "50.00",
        "agreement_id": None,
        "party_id": "t-1",
    }
    platform.set_answers(f"GET portfolio /v1/portfolios/{PORTFOLIO}", {"business_date": "2026-11-20"})
    platform.set_answers("POST portfolio /v1/staging-runs", {})
    platform.set_answers("POST promises /v1/promises", {}, status=201)
    promises = listing(tmp_path, ("promises.promise-made.v1", CONTRACT, promised), name="lost-promises-1.csv")
    staged = listing(tmp_path, ("portfolio.portfolio-state-changed.v1", PORTFOLIO, state))
    staged.write_text(staged.read_text().replace("10:00", "09:00"))
    assert outcomes(platform, promises, staged) == (0, ["entered", "entered"])
    posted = [(route, body) for route, body in platform.asked if route.startswith("POST")]
    assert [route for route, _ in posted] == ["POST portfolio /v1/staging-runs", "POST promises /v1/promises"]
    assert posted[0][1] == {"as_of": "2026-11-21", "portfolio_id": PORTFOLIO, "confirm_future": True}
    names = ("promise_id", "due_on", "made_in", "agency_id", "party_id")
    assert posted[1][1] == {name: promised[name] for name in names} | {"contract_id": CONTRACT, "amount": "50.00"}


def test_a_lost_file_is_asked_for_by_name_and_hash_and_nothing_after_it_is_entered(
    platform: FakePlatform, tmp_path: Path
) -> None:
    content = b"contract,amount\n1,2\n"
    sha256 = hashlib.sha256(content).hexdigest()
    lost: dict[str, Any] = {"filename": "cartera.csv", "sha256": sha256, "mode": "delta", "file_as_of": "2026-11-20"}
    lost |= {"rows_accepted": 1}
    events = (
        ("portfolio.portfolio-file-loaded.v1", PORTFOLIO, lost),
        ("portfolio.payment-received.v1", CONTRACT, PAID),
    )
    path = listing(tmp_path, *events)
    platform.set_answers("GET portfolio /v1/files", {"items": [], "next_cursor": None})
    platform.set_answers(f"GET portfolio /v1/payments/{PAYMENT}", {})
    code, printed = platform.run("reenter", str(path))
    assert (code, "cartera.csv" in printed, sha256 in printed) == (1, True, True)
    assert not sent(platform, f"GET portfolio /v1/payments/{PAYMENT}")

    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "renamed.csv").write_bytes(content)
    platform.set_answers(f"POST portfolio /v1/portfolios/{PORTFOLIO}/files", {"file_id": "f-1"}, status=202)
    platform.set_answers("GET portfolio /v1/files/f-1", {"status": "loaded", "file_id": "f-1", "error": None})
    assert outcomes(platform, path, "--files", folder) == (0, ["entered", "known"])
    [parameters] = sent(platform, f"POST portfolio /v1/portfolios/{PORTFOLIO}/files")
    assert (parameters["mode"], parameters["as_of"]) == ("delta", "2026-11-20")


def test_a_number_that_is_refused_now_is_not_verified_again(platform: FakePlatform, tmp_path: Path) -> None:
    """The debtor's newest word about a number holds, and an opt-out that is there already is known."""
    refused = {"contact_id": "k-1", "invalid": False, "opted_out": True}
    platform.set_answers(POINT, refused)
    platform.set_answers("PATCH portfolio /v1/contact-points/k-1", refused)
    events = [
        ("portfolio.contact-point-changed.v1", CONTRACT, {"contact_id": "k-1", "change": change, "medium": None})
        for change in ("verified", "opted_out")
    ]
    assert outcomes(platform, listing(tmp_path, *events)) == (1, ["by_hand", "known"])
    assert [route for route, _ in platform.asked if route.startswith("PATCH")] == [
        "PATCH portfolio /v1/contact-points/k-1"
    ]


def test_another_file_than_a_list_is_refused(platform: FakePlatform, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    code, printed = platform.run("reenter", str(tmp_path / "other.csv"))
    assert (code, "is not a list of lost entries" in printed) == (1, True)


def test_when_a_service_does_not_answer_the_outcomes_so_far_are_written_and_the_rest_waits(
    platform: FakePlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recobro.client.Client.post", _away)
    platform.set_answers(f"GET portfolio /v1/payments/{PAYMENT}", {})
    paused = {"pause_id": "u", "starts_on": "2026-11-21", "ends_on": None}
    path = listing(
        tmp_path,
        ("portfolio.payment-received.v1", CONTRACT, PAID),
        ("portfolio.contract-paused.v1", CONTRACT, paused),
        ("portfolio.payment-received.v1", CONTRACT, PAID),
    )
    code, printed = platform.run("reenter", str(path))
    assert (code, "portfolio does not answer" in printed, "Lines that were not tried: 2." in printed) == (1, True, True)
    assert path.exists()
    [written] = tmp_path.glob("*.outcomes.csv")
    with written.open(encoding="utf-8-sig") as file:
        assert [row["outcome"] for row in csv.DictReader(file)] == ["known", "waiting", "waiting"]


def _away(*_: object, **__: object) -> None:
    raise Unreachable("portfolio does not answer.")


def test_a_party_comes_back_with_what_was_said_of_its_numbers_and_a_removed_one_goes(
    platform: FakePlatform, tmp_path: Path
) -> None:
    path = listing(
        tmp_path,
        ("portfolio.party-changed.v1", CONTRACT, {"change": "added", "party": PARTY}),
        ("portfolio.party-changed.v1", CONTRACT, {"change": "corrected", "party": PARTY}),
        ("portfolio.party-changed.v1", CONTRACT, {"change": "removed", "party": PARTY | {"name": None}}),
        ("portfolio.party-changed.v1", CONTRACT, {"change": "removed", "party": PARTY | {"name": None}}),
    )
    platform.set_turns("GET portfolio /v1/parties/t-1", (404, {}), (200, {}), (200, {}), (404, {}))
    for point in ("k-1", "k-2"):
        platform.set_answers(f"PATCH portfolio /v1/contact-points/{point}", {})
    platform.set_answers(f"POST portfolio /v1/contracts/{CONTRACT}/parties", {})
    platform.set_answers("PATCH portfolio /v1/parties/t-1", {})
    platform.set_answers("POST portfolio /v1/parties/t-1/removal", {})
    assert outcomes(platform, path) == (0, ["entered", "entered", "entered", "known"])
    [added] = sent(platform, f"POST portfolio /v1/contracts/{CONTRACT}/parties")
    [corrected] = sent(platform, "PATCH portfolio /v1/parties/t-1")
    names = ("kind", "value", "provenance")
    given = [{name: point[name] for name in names} for point in PARTY["contact_points"]]  # type: ignore[attr-defined]
    assert added["contact_points"] == corrected["contact_points"] == given
    assert sent(platform, "PATCH portfolio /v1/contact-points/k-1") == [{"change": "invalid"}] * 2
    assert sent(platform, "PATCH portfolio /v1/contact-points/k-2") == [{"change": "opted_out", "medium": None}] * 2
    assert len(sent(platform, "POST portfolio /v1/parties/t-1/removal")) == 1


def test_a_lost_erasure_is_done_once_for_all_contracts_of_the_person(platform: FakePlatform, tmp_path: Path) -> None:
    erased = {"debtor_id": "d-1", "details_version": 9}
    path = listing(
        tmp_path, ("portfolio.debtor-erased.v1", CONTRACT, erased), ("portfolio.debtor-erased.v1", "c-2", erased)
    )
    way = "portfolio /v1/people/d-1/erasure"
    done = {"erased_at": "2026-11-22T10:00:00Z"}
    platform.set_answers(f"GET {way}", {"erased_at": None}, done)
    platform.set_answers(f"POST {way}", done)
    assert outcomes(platform, path) == (0, ["entered", "known"])
    [body] = sent(platform, f"POST {way}")
    assert body["reason"]
    assert outcomes(platform, tmp_path / "entered-portfolio-1.csv") == (0, ["known", "known"])
    assert len(sent(platform, f"POST {way}")) == 1


def test_an_erasure_that_is_refused_is_named_and_its_list_stays(platform: FakePlatform, tmp_path: Path) -> None:
    path = listing(tmp_path, ("portfolio.debtor-erased.v1", CONTRACT, {"debtor_id": "d-1", "details_version": 9}))
    way = "portfolio /v1/people/d-1/erasure"
    is_open = {"type": "urn:recobro:problem:contracts-open", "detail": "A contract of the person is open."}
    platform.set_answers(f"GET {way}", {"erased_at": None})
    platform.set_answers(f"POST {way}", is_open, status=409)
    assert outcomes(platform, path) == (1, ["refused"])
    assert path.exists()

"""The daily jobs, against fake services."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from fake_platform import FakePlatform
from recobro import terminal

# These two time zones never have the same date.
FIRST, LAST = "Pacific/Kiritimati", "Pacific/Pago_Pago"
STAGED = {"as_of": "2026-11-23", "changed": 2, "by_stage": {"current": 5, "early": 1}}


def today(zone: str) -> str:
    return str(datetime.now(ZoneInfo(zone)).date())


def page(*items: Any) -> dict[str, Any]:
    return {"items": items, "next_cursor": None}


def portfolio(name: str, zone: str, business_date: str | None = "2026-11-22") -> dict[str, Any]:
    return {"portfolio_id": name, "timezone": zone, "business_date": business_date}


def campaign(name: str, *portfolios: str) -> dict[str, Any]:
    return {"campaign_id": f"id of {name}", "name": name, "portfolio_ids": portfolios or None}


def listed(status: str = "published", **changes: Any) -> dict[str, Any]:
    day = {"business_date": "2026-11-23", "entries": 1200, "overdue_total": "34567.80", "list_id": "1"}
    return {"status": status, "error": None, "error_detail": None, "waiting_for": [], **day, **changes}


def test_a_given_date_is_staged_for_all_portfolios_in_one_run(platform: FakePlatform) -> None:
    platform.set_answers("POST portfolio /v1/staging-runs", STAGED)
    code, output = platform.run("stage", "--as-of", "2026-11-23")
    assert code == 0
    assert "Staged as of 2026-11-23: 2 contracts changed" in output
    assert platform.asked == [("POST portfolio /v1/staging-runs", {"as_of": "2026-11-23", "portfolio_id": None})]


FAR_AHEAD = {
    "type": "urn:recobro:problem:confirm-future",
    "detail": "2062-11-28 is far ahead of today. To make it, send the request with confirm_future: true.",
    "as_of": "2062-11-28",
    "portfolios": [{"portfolio_id": "P", "name": "Tarjetas", "today": "2026-11-29", "days_ahead": 13148}],
}


@pytest.mark.parametrize(
    ("command", "route"),
    [("stage", "POST portfolio /v1/staging-runs"), ("check-promises", "POST promises /v1/promise-checks")],
)
def test_a_day_far_ahead_is_a_question_that_yes_answers(platform: FakePlatform, command: str, route: str) -> None:
    platform.set_answers(route, FAR_AHEAD, status=409)
    code, output = platform.run(command, "--as-of", "2062-11-28")
    assert code == 1
    assert "Tarjetas: 13,148 days after 2026-11-29" in output
    assert output.endswith("cannot be taken back. Nothing has been changed. If you mean this day, use --yes.\n")
    assert "confirm_future" not in output
    assert [sent.get("confirm_future") for _, sent in platform.asked] == [None]

    platform.set_answers(route, STAGED | {"kept": 0, "partly_kept": 0, "broken": 0})
    assert platform.run(command, "--as-of", "2062-11-28", "--yes")[0] == 0
    assert platform.asked[-1][1]["confirm_future"] is True


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_at_a_terminal_is_asked(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(terminal.err, "_force_terminal", True)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: answer)
    asked = len(platform.asked)
    platform.set_turns("POST portfolio /v1/staging-runs", (409, FAR_AHEAD), (200, STAGED))
    code, _ = platform.run("stage", "--as-of", "2062-11-28")
    assert code == (0 if answer else 1)
    assert [sent.get("confirm_future") for _, sent in platform.asked[asked:]] == ([None, True] if answer else [None])


def test_today_is_the_local_date_of_each_portfolio(platform: FakePlatform) -> None:
    platform.set_answers(
        "GET portfolio /v1/portfolios",
        page(portfolio("a", LAST), portfolio("b", FIRST), portfolio("without a file", FIRST, None)),
    )
    platform.set_answers(
        "POST portfolio /v1/staging-runs", {**STAGED, "as_of": today(LAST)}, {**STAGED, "as_of": today(FIRST)}
    )
    run = platform.json("stage", "--as-of", "today")
    assert run == {"as_of": today(FIRST), "changed": 4, "by_stage": {"current": 10, "early": 2}}
    assert [sent for route, sent in platform.asked if route.startswith("POST")] == [
        {"as_of": today(LAST), "portfolio_id": "a"},
        {"as_of": today(FIRST), "portfolio_id": "b"},
    ]


def test_a_platform_without_files_has_nothing_to_stage(platform: FakePlatform) -> None:
    platform.set_answers("GET portfolio /v1/portfolios", page())
    assert platform.run("stage", "--as-of", "today") == (
        0,
        "No portfolio has had a file yet: there is nothing to stage.\n",
    )


@pytest.mark.parametrize("command", [("stage", "--as-of"), ("list", "--all", "--date"), ("check-promises", "--as-of")])
def test_a_wrong_date_is_refused_with_a_reason(platform: FakePlatform, command: tuple[str, ...]) -> None:
    assert platform.run(*command, "yesterday") == (1, "yesterday is not a date such as 2026-11-22.\n")
    assert platform.asked == []


def test_every_campaign_gets_its_list_even_if_one_fails(platform: FakePlatform) -> None:
    platform.set_answers(
        "GET dialer-feed /v1/campaigns", page(campaign("early"), campaign("[red]late"), campaign("legal"))
    )
    late = listed("failed", error="stale-knowledge", error_detail="promises did not answer.")
    platform.set_answers("POST dialer-feed /v1/lists", listed(), late, listed("closed", entries=7))
    code, output = platform.run("list", "--all", "--date", "2026-11-23")
    assert code == 1
    assert [line.split() for line in output.splitlines() if "–" in line or "2026" in line] == [
        ["early", "2026-11-23", "live", "1,200", "34,567.80"],
        ["[red]late", "–", "failed", "–", "–"],
        ["legal", "2026-11-23", "closed", "7", "34,567.80"],
    ]
    assert "[red]late: The list was not built: promises did not answer." in output
    assert "1 of 3 lists were not published." in output
    assert [sent["campaign_id"] for route, sent in platform.asked if route.startswith("POST")] == [
        "id of early",
        "id of [red]late",
        "id of legal",
    ]


def test_a_list_of_today_has_the_local_date_of_its_portfolios(platform: FakePlatform) -> None:
    platform.set_answers("GET portfolio /v1/portfolios", page(portfolio("a", LAST), portfolio("b", FIRST)))
    platform.set_answers(
        "GET dialer-feed /v1/campaigns", page(campaign("of a", "a"), campaign("of b", "b"), campaign("all"))
    )
    platform.set_answers("POST dialer-feed /v1/lists", listed())
    outcomes = platform.json("list", "--all", "--date", "today")
    assert [sent["business_date"] for route, sent in platform.asked if route.startswith("POST")] == [
        today(LAST),
        today(FIRST),
    ]
    assert [outcome["name"] for outcome in outcomes] == ["of a", "of b", "all"]
    assert outcomes[0] == {"campaign_id": "id of of a", "name": "of a", "list": listed(), "trouble": None}
    assert outcomes[2]["list"] is None
    assert outcomes[2]["trouble"].startswith(f"Today is {today(LAST)} and {today(FIRST)} in the time zones")


def test_without_campaigns_there_is_nothing_to_list(platform: FakePlatform) -> None:
    platform.set_answers("GET dialer-feed /v1/campaigns", page())
    assert platform.run("list", "--all", "--date", "2026-11-23") == (0, "There is no campaign yet.\n")


@pytest.mark.parametrize("options", [(), ("--all", "--campaign", "0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11")])
def test_list_needs_either_a_campaign_or_all(platform: FakePlatform, options: tuple[str, ...]) -> None:
    code, output = platform.run("list", "--date", "2026-11-23", *options)
    assert code == 1
    assert output == "Name one campaign with --campaign NAME, or use --all for every campaign.\n"


def test_promises_are_checked_on_the_earliest_day(platform: FakePlatform) -> None:
    platform.set_answers("GET portfolio /v1/portfolios", page(portfolio("b", FIRST), portfolio("a", LAST)))
    platform.set_answers("POST promises /v1/promise-checks", {"kept": 3, "partly_kept": 1, "broken": 1200})
    code, output = platform.run("check-promises", "--as-of", "today")
    assert (code, output) == (0, f"Promises as of {today(LAST)}: 3 kept, 1 partly kept, 1,200 broken.\n")
    assert platform.asked[-1] == ("POST promises /v1/promise-checks", {"as_of": today(LAST)})


def test_the_address_may_come_from_the_environment(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOBRO_URL", f"http://127.0.0.1:{platform.base}")
    platform.set_answers("POST promises /v1/promise-checks", {"kept": 0, "partly_kept": 0, "broken": 0})
    assert platform.run_plainly("check-promises", "--as-of", "2026-11-23")[0] == 0

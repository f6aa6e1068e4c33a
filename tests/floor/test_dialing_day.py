"""A day of two agencies whose dialers ask before each call, while contracts change and dialer-feed is stopped.

Afterwards all reconciles: each cause has its withdrawal, each call with a permit was legal or was overtaken, and
nothing is counted twice. ``make dialing-day`` plays it over 2,000 contracts. ``make dialing-day-killed`` plays it with
dialer-feed as a process of its own, which is killed instead.
"""

import asyncio
import os
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from dialer_feed.calls import hours
from floor import any_hour, changes
from floor.comparing import compare_lists
from floor.days import carry_out_changes, publish_lists
from floor.floor import Agency, Floor, has_entry
from floor.killed_process import all_services_with_a_process
from floor.opening import open_floor
from fresh_databases import FreshDatabases
from services_in_process import all_services_in_process

CONTRACTS = int(os.environ.get("RECOBRO_DIALING_CONTRACTS", "80"))
SEED = int(os.environ.get("RECOBRO_FLOOR_SEED", "1"))
IS_KILLED = os.environ.get("RECOBRO_DIALING_KILLED") == "1"
STOPS = 10
CALLER_ID = "+525599990000"
DIALERS_OF_AN_AGENCY = 2
MORE_ANSWERS = 40


@pytest.fixture
def at_any_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours decide about no call: the day is played at whatever hour the tests run."""
    monkeypatch.setattr(hours, "_closes_at", any_hour.closes_at)


class Dialing:
    """The dialers of both agencies, and what they were told."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.told: Counter[str] = Counter()
        self.reported: list[str] = []
        self.over = asyncio.Event()

    async def go_on(self) -> None:
        """Return when all dialers have had some more answers. Until then the services do not come to rest."""
        enough = self.told.total() + MORE_ANSWERS
        async with asyncio.timeout(240):
            while self.told.total() < enough:  # noqa: ASYNC110 - answers have no asyncio.Event
                await asyncio.sleep(0.02)

    async def demand_permits(self) -> None:
        client = self.floor.platform.clients["dialer-feed"]
        for agency in self.floor.agencies:
            demands = {"caller_ids": [CALLER_ID], "permits": "required"}
            answer = await client.put(f"/v1/campaigns/{agency.campaign_id}/demands", json=demands)
            assert answer.status_code == 200, answer.text

    async def dial(self, agency: Agency, number: int, chance: random.Random) -> None:
        """Ask, call and report, one contract of the published list after the other, until the round is over."""
        listed = [(one.number, one.phone) for one in self.floor.contracts if has_entry(one, agency)]
        while not self.over.is_set():
            contract_number, phone = chance.choice(listed)
            await self.ask_and_call(agency, contract_number, phone, f"{number}-{len(self.reported):06}", chance)

    async def ask_and_call(
        self, agency: Agency, contract_number: str, phone: str, call_id: str, chance: random.Random
    ) -> None:
        about = {"list_id": agency.list_id, "contract_number": contract_number, "phone": phone}
        asked = await self.sent(agency, "/v1/permits", about | {"caller_id": CALLER_ID})
        if asked is None or asked.status_code == 409:
            self.told[asked.json()["reason"] if asked else "nothing"] += 1
            await asyncio.sleep(0.02)
            return
        assert asked.status_code == 200, asked.text
        await asyncio.sleep(chance.random() / 2)
        await self.call(agency, asked, about, call_id, chance)

    async def call_overtaken(self, agency: Agency) -> None:
        """The debtor pays between the permit and the call, and the dialer has not read of it yet."""
        one = next(one for one in self.floor.contracts if has_entry(one, agency) and not one.undecided_file)
        about = {"list_id": agency.list_id, "contract_number": one.number, "phone": one.phone}
        async with asyncio.timeout(240):
            asked = None
            while asked is None or asked.status_code != 200:
                asked = await self.sent(agency, "/v1/permits", about | {"caller_id": CALLER_ID})
        assert await changes.payment(self.floor, one, 0.9)
        await self.floor.platform.settled()
        one.withdraw(self.floor.day)
        await self.call(agency, asked, about, "overtaken", self.floor.chance)

    async def call(
        self, agency: Agency, asked: httpx.Response, about: dict[str, str], call_id: str, chance: random.Random
    ) -> None:
        self.told["granted"] += 1
        self.reported.append(call_id)
        begun = {"attempt_id": call_id, "permit_id": asked.json()["permit_id"], "agent": "Ana"}
        begun["started_at"] = datetime.now(UTC).isoformat()
        answer = await self.answered(agency, "/v1/attempts", begun)
        assert answer.json()["permit"] == "valid", answer.text
        await asyncio.sleep(chance.random() / 10)
        ended: dict[str, Any] = about | {"call_id": call_id, "agent": "Ana", "started_at": begun["started_at"]}
        ended |= {"duration_seconds": 0, "disposition": "no_answer"}
        # A dialer that is not sure reports again.
        for _ in range(chance.choice((1, 2))):
            result = await self.answered(agency, "/v1/calls", [ended])
            assert result.json()["accepted"] == 1, result.text

    async def sent(self, agency: Agency, path: str, body: Any) -> httpx.Response | None:
        """The answer, or None if dialer-feed was stopped meanwhile. Nobody knows then what became of the request."""
        try:
            client = self.floor.platform.clients["dialer-feed"]
            answer = await client.post(path, json=body, headers=agency.headers)
        except (RuntimeError, KeyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError):
            return None
        return None if answer.status_code >= 500 else answer

    async def answered(self, agency: Agency, path: str, body: Any) -> httpx.Response:
        """The answer to a report, which is sent again with the same id until there is one."""
        async with asyncio.timeout(240):
            while (answer := await self.sent(agency, path, body)) is None:
                self.told["sent again"] += 1
                await asyncio.sleep(0.05)
        assert answer.is_success, answer.text
        return answer


async def stop_for_a_moment(floor: Floor) -> None:
    await floor.platform.stop("dialer-feed")
    await asyncio.sleep(0.3)
    await floor.platform.start("dialer-feed")


@pytest.mark.process
@pytest.mark.usefixtures("at_any_hour")
async def test_a_day_of_permits_reconciles_while_dialer_feed_is_stopped_ten_times(
    databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECOBRO_PERMIT_SECONDS", "120")
    services = all_services_with_a_process(databases, tmp_path) if IS_KILLED else all_services_in_process(databases)
    async with services as platform:
        floor = Floor(platform, SEED, CONTRACTS, 0.5)
        await open_floor(floor)
        dialing = Dialing(floor)
        await dialing.demand_permits()
        await publish_lists(floor)
        await dialing.call_overtaken(floor.agencies[0])
        for stop in range(STOPS):
            dialing.over.clear()
            async with asyncio.TaskGroup() as group:
                for place, agency in enumerate(floor.agencies):
                    for dialer in range(DIALERS_OF_AN_AGENCY):
                        number = (stop * 2 + place) * DIALERS_OF_AN_AGENCY + dialer
                        group.create_task(dialing.dial(agency, number, random.Random(SEED * 1000 + number)))
                stopping = group.create_task(stop_for_a_moment(floor))
                await carry_out_changes(floor, changes.CHANGES)
                await stopping
                await dialing.go_on()
                dialing.over.set()
            await platform.settled()
            for contract in floor.contracts:
                contract.withdraw(floor.day)
        print(f"seed {SEED}, {CONTRACTS} contracts: {dict(floor.played)}, {dict(dialing.told)}")
        await compare_lists(floor)
        await reconcile(floor, dialing)


async def reconcile(floor: Floor, dialing: Dialing) -> None:
    """Each call is known once, by a permit of its own, and was legal or overtaken."""
    platform, made = floor.platform, len(dialing.reported)
    assert made > 0
    assert dialing.told["granted"] == made
    assert dialing.told["payment"] > 0
    [calls] = await platform.rows("dialer-feed", _CALLS)
    overtaken = dict(calls).pop("overtaken")

    assert overtaken > 0
    once = {"calls": made, "permits": made, "wrongful": 0, "unexplained": 0, "without_permit": 0}
    assert dict(calls) == once | {"overtaken": overtaken}
    [attempts] = await platform.rows("dialer-feed", "SELECT count(*), count(ended_at) AS ended FROM attempt")
    assert tuple(attempts) == (made, made)
    [counted] = await platform.rows("dialer-feed", "SELECT sum(calls)::integer AS calls FROM call_day")
    assert counted["calls"] == made
    by_day = await platform.get("dialer-feed", "/v1/productivity", by="agency", to=str(floor.day))
    assert sum(row["attempts"] for row in by_day["items"]) == made
    [most] = await platform.rows("dialer-feed", _MOST_OF_A_PERSON)
    assert most["calls"] <= max(agency.most_attempts for agency in floor.agencies)


_CALLS = """
SELECT count(*) AS calls, count(DISTINCT permit_id) AS permits, count(*) FILTER (WHERE wrongful) AS wrongful,
    count(*) FILTER (WHERE overtaken) AS overtaken,
    count(*) FILTER (WHERE overtaken AND silence IS NULL) AS unexplained,
    count(*) FILTER (WHERE 'no_permit' = ANY (breaches)) AS without_permit
FROM call_result
"""
_MOST_OF_A_PERSON = """
SELECT max(calls) AS calls FROM (
    SELECT count(*) AS calls FROM call_result JOIN contract USING (contract_id)
    GROUP BY coalesce(person_id, debtor_id)) AS of_person
"""

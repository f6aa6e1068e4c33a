"""A restore of portfolio: what its backup holds of segments, steps and the desk is there, what came since is gone.

Every other service then knows the segments, steps, pauses and attempts of the restored portfolio, and the same work
entered again leads to the same state.
"""

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from fresh_databases import FreshDatabases
from platform_scenarios import make_events_of_every_kind
from portfolio.desk import giving
from services_in_process import AS_OF, InProcessPlatform, all_services_in_process
from test_restored import back_up, restore

pytestmark = pytest.mark.process

# Without ids that each entry gets anew, and without moments of the clock.
OWN = {
    "contract": "SELECT contract_id, stage, next_change_on, segment, segment_since, step, episode, allows::text"
    " FROM contract",
    "judging": "SELECT contract_id, due_on FROM judging",
    "segment rules": "SELECT portfolio_id, version, rules::text FROM segment_rules",
    "ladder": "SELECT portfolio_id, version, steps::text, challenger::text, began_on FROM ladder",
    "step": "SELECT contract_id, episode, step, since, ladder_version FROM contract_step",
    "notice": "SELECT contract_id, episode, kind, channel, sent_on, registered_number FROM notice",
    "pause": "SELECT contract_id, reason, starts_on, ends_on FROM pause",
    "scoped pause": "SELECT reason, starts_on, ends_on FROM scoped_pause",
    "bands": "SELECT portfolio_id, from_on, early_from, late_from, legal_from FROM stage_bands",
    "attempt": "SELECT contract_id, channel, outcome, business_date, episode, permit_id FROM attempt",
    "attempts and contacts of days": "SELECT contract_id, day, attempts, contacts FROM contact_day",
    "worklist": "SELECT name, conditions::text, active FROM worklist",
    "people of worklists": "SELECT name, person_id, expected_value, contracts FROM worklist_person"
    " JOIN worklist USING (worklist_id)",
    "desk item": "SELECT person_id, contract_ids, operator, state, outcome, reason FROM desk_item",
    "rest": "SELECT person_id FROM desk_rest",
    "note": "SELECT person_id, note FROM desk_note",
}
"""The tables of portfolio that hold segments, the ladder, pauses, bands and the desk."""
KNOWN = {
    "dialer-feed": "SELECT contract_id, stage, segment, step, allows::text FROM contract",
    "assignment": "SELECT contract_id, stage, segment, step FROM contract",
    "field-visits": "SELECT contract_id, stage, allows::text FROM contract",
    "promises": "SELECT contract_id, stage, segment FROM contract",
}
"""What other services keep of it."""
PAUSES = "SELECT contract_id, pause_id, starts_on, ends_on FROM pause"
_IDLE = """
SELECT NOT EXISTS (SELECT FROM judging_mark) AND NOT EXISTS (SELECT FROM judging_anew)
    AND NOT EXISTS (SELECT FROM restaging) AND NOT EXISTS (SELECT FROM worklist WHERE wanted_at IS NOT NULL)
"""


@pytest.fixture
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    async with all_services_in_process(databases) as platform:
        yield platform


async def settled(platform: InProcessPlatform) -> None:
    """Everything is judged, staged and filled, and every service knows it."""
    await platform.until("portfolio", _IDLE)
    await platform.settled()
    await platform.until("portfolio", _IDLE)
    await platform.settled()


async def rows(platform: InProcessPlatform, service: str, sql: str) -> list[str]:
    found = await platform.rows(service, sql)
    return sorted(json.dumps(dict(row), default=str, sort_keys=True) for row in found)


async def own_state(platform: InProcessPlatform) -> dict[str, list[str]]:
    return {name: await rows(platform, "portfolio", sql) for name, sql in OWN.items()}


async def knows_the_same(platform: InProcessPlatform) -> None:
    """Every other service knows what portfolio says of stages, segments, steps and pauses, and its attempts."""
    for service, sql in KNOWN.items():
        columns = sql.removeprefix("SELECT ").removesuffix(" FROM contract")
        assert await rows(platform, service, sql) == await rows(
            platform, "portfolio", f"SELECT {columns} FROM contract"
        )
    for service in ("dialer-feed", "field-visits"):
        assert await rows(platform, service, PAUSES) == await rows(platform, "portfolio", PAUSES), service
    # Calls that the restored database has lost were made, and go on counting for the limits of call frequency.
    own = await rows(
        platform, "portfolio", "SELECT attempt_id, contract_id, permit_id FROM attempt WHERE same_as IS NULL"
    )
    counted = await rows(platform, "dialer-feed", "SELECT attempt_id, contract_id, permit_id FROM own_call")
    assert set(own) <= set(counted)


class Desk:
    """Enters a day of strategy: rules, a ladder, notices, pauses, bands, attempts and work at the desk."""

    def __init__(self, platform: InProcessPlatform, portfolio_id: str, name: str) -> None:
        self._platform, self._portfolio_id, self._name = platform, portfolio_id, name

    async def _post(self, path: str, body: Any = None) -> Any:
        return await self._platform.post("portfolio", path, body)

    async def _put(self, path: str, body: Any) -> None:
        answer = await self._platform.clients["portfolio"].put(f"/v1/portfolios/{self._portfolio_id}/{path}", json=body)
        assert answer.is_success, answer.text

    async def works(self, contracts: Sequence[str], days: int) -> None:
        """Enter one of each, for contracts of their own. ``days`` makes it differ from another day's work."""
        noticed, called, paused = contracts
        rule = {"segment": self._name, "when": {"days_past_due": {"min": days}}}
        await self._put("segment-rules", {"rules": [rule]})
        steps = [
            {"step": "reminder", "allows": {"contacts": ["call", "visit", "message"]}},
            {"step": "direct_contact", "when": {"days_since_step": {"min": days}}},
        ]
        await self._put("ladder", {"steps": steps})
        starts = [{"stage": "early", "from_days": 1}, {"stage": "late", "from_days": 20 + days}]
        await self._put("bands", {"from": str(AS_OF - timedelta(days=days)), "bands": starts})
        await self._platform.until("portfolio", _IDLE)
        for kind in ("reminder", "extrajudicial"):
            proof = {"registered_number": f"RR{days:09}MX"}
            notice = {"kind": kind, "channel": "letter", "sent_on": str(AS_OF), "proof": proof}
            await self._post(f"/v1/contracts/{noticed}/notices", notice)
        permit = str(uuid.uuid5(uuid.UUID(called), self._name))
        attempt = {"channel": "call", "outcome": "no_answer", "permit_id": permit}
        await self._post(f"/v1/contracts/{called}/attempts", attempt)
        debtor = "SELECT debtor_id FROM contract WHERE contract_id = $1"
        [(debtor_id,)] = await self._platform.rows("portfolio", debtor, uuid.UUID(paused))
        scope = {"scope": {"person_id": str(debtor_id)}, "reason": self._name, "starts_on": str(AS_OF)}
        await self._post("/v1/scoped-pauses", scope)
        made = await self._post("/v1/worklists", {"name": self._name, "when": {"stages": ["early", "late"]}})
        await self._platform.until("portfolio", _IDLE)
        item = (await self._post(f"/v1/worklists/{made['worklist_id']}/next"))["item"]
        await self._post(f"/v1/desk-items/{item['item_id']}/notes", {"note": self._name})
        await self._post(f"/v1/desk-items/{item['item_id']}/outcome", {"channel": "call", "outcome": "busy"})
        assert (await self._post(f"/v1/worklists/{made['worklist_id']}/next"))["item"]


@pytest.mark.timeout(900)
async def test_segments_steps_and_the_desk_end_equal_after_a_restore(
    platform: InProcessPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Worklists are filled when they are made, and not by the clock.
    monkeypatch.setattr(giving, "FILLED_FOR", timedelta(days=1))
    rest = await make_events_of_every_kind(platform)
    portfolio = "SELECT portfolio_id::text FROM contract WHERE contract_id = $1"
    [(portfolio_id,)] = await platform.rows("portfolio", portfolio, uuid.UUID(rest[0]))
    await Desk(platform, portfolio_id, "first").works(rest[:3], days=3)
    await settled(platform)
    before = await own_state(platform)
    assert [name for name, found in before.items() if not found] == [], "each of the tables has something"
    await knows_the_same(platform)
    backup = await back_up(platform, "portfolio")

    again = Desk(platform, portfolio_id, "second")
    await again.works(rest[3:6], days=5)
    await settled(platform)
    since = await own_state(platform)
    assert [name for name in since if since[name] == before[name]] == [], "each of the tables has changed"

    await restore(platform, "portfolio", backup)
    await settled(platform)
    restored = await own_state(platform)
    for name, found in before.items():
        assert restored[name] == found, name
    await knows_the_same(platform)

    await again.works(rest[3:6], days=5)
    await settled(platform)
    entered = await own_state(platform)
    for name, found in since.items():
        assert entered[name] == found, name
    await knows_the_same(platform)

"""Runs assignment's real consumer and API on a database, with the steps and questions that its tests share."""

import asyncio
import uuid
from datetime import date
from typing import Any
from uuid import UUID

import httpx
from assignment.handlers import consumer
from chassis.testing import mint
from placing_contracts import DAY, Contract
from recobro_events import REGISTRY, Database, Event, Lane, Row
from recobro_events.contracts.agency import AgencyEvent, ContactResumed, ContactSilenced
from recobro_events.contracts.portfolio import CreditorKind, PortfolioState, PortfolioStateChanged
from recobro_events.testing import apply_events

__all__ = ["DAY", "Contract", "Json", "Scene", "as_agency", "blocked_on_a_lock", "code_of"]

Json = dict[str, Any]

_BLOCKED = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')
"""


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return str(answer.json()["type"]).rpartition(":")[2]


def as_agency(agency_id: str) -> dict[str, str]:
    """The headers of an agency's own token."""
    return {"Authorization": f"Bearer {mint(agency_id=UUID(agency_id), subject='agency')}"}


class Scene:
    """A migrated database, the real consumer and app, and one portfolio at ``DAY``."""

    def __init__(self, database: Database, client: httpx.AsyncClient) -> None:
        self.database = database
        self.client = client
        self.portfolio_id = uuid.uuid4()
        self._versions: dict[UUID, int] = {}
        self._numbers = 0

    async def receives(self, *events: Event) -> None:
        """Apply these events as one batch of the real consumer."""
        await apply_events(self.database, consumer, *events)

    async def portfolio(self, portfolio_id: UUID | None = None, **changes: Any) -> UUID:
        """Apply an event with this state of a portfolio, and return the portfolio's id."""
        portfolio_id = portfolio_id or self.portfolio_id
        await self.receives(self.portfolio_state(portfolio_id, **changes))
        return portfolio_id

    def portfolio_state(self, portfolio_id: UUID, **changes: Any) -> PortfolioStateChanged:
        self._versions[portfolio_id] = self._versions.get(portfolio_id, 0) + 1
        fields: Json = {
            "portfolio_id": portfolio_id,
            "version": self._versions[portfolio_id],
            "state": PortfolioState.READY,
            "business_date": DAY,
            "name": "Cartera Norte",
            "creditor_id": uuid.uuid4(),
            "creditor_kind": CreditorKind.FINANCIAL,
            "jurisdiction": "MX",
            "timezone": "America/Mexico_City",
        }
        return PortfolioStateChanged(**(fields | changes))

    async def day(self, day: date) -> None:
        """Move the portfolio's business date to this day."""
        await self.portfolio(business_date=day)

    async def post(self, path: str, body: Json | None = None, *, expect: int = 201, **options: Any) -> Json:
        answer = await self.client.post(path, json=body, **options)
        assert answer.status_code == expect, answer.text
        found: Json = answer.json()
        return found

    async def get(self, path: str, **options: Any) -> Any:
        answer = await self.client.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def agency(self, *kinds: str, **terms: Any) -> str:
        """Create an agency. When kinds are given, it gets a service contract for them with these terms."""
        agency_id: str = (await self.post("/v1/agencies", {"name": "Cobranza Sur"}))["agency_id"]
        if kinds:
            await self.service_contract(agency_id, *kinds, **terms)
        return agency_id

    async def service_contract(self, agency_id: str, *kinds: str, **terms: Any) -> Json:
        body: Json = {"kinds": kinds, "starts_on": "2026-01-01", "recall_grace_days": 2}
        return await self.post(f"/v1/agencies/{agency_id}/service-contracts", body | terms)

    async def rule(self, *agencies: str, kind: str = "dialing", priority: int = 1, **when: Any) -> str:
        """Create a rule that gives each of these agencies the same share."""
        shares = [{"agency_id": agency_id, "weight": 1} for agency_id in agencies]
        body = {"name": "Rule", "priority": priority, "kind": kind, "when": when, "shares": shares}
        rule_id: str = (await self.post("/v1/placement-rules", body))["rule_id"]
        return rule_id

    async def run(self, **body: Any) -> Json:
        return await self.post("/v1/placement-runs", body, expect=200)

    def contract(self, **changes: Any) -> Contract:
        """A contract that no service knows yet."""
        self._numbers += 1
        fields: Json = {"number": f"C-{self._numbers:04}", "portfolio_id": self.portfolio_id}
        return Contract(**(fields | changes))

    async def contracts(self, count: int, **changes: Any) -> list[Contract]:
        """Register contracts, and return them in the order of their ids."""
        made = sorted((self.contract(**changes) for _ in range(count)), key=lambda made: made.contract_id)
        await self.receives(*(contract.registered() for contract in made))
        return made

    async def placed(self, *kinds: str, **terms: Any) -> tuple[Contract, str, Json]:
        """Place a contract with an agency for the first of these kinds. Returns contract, agency and placement."""
        kinds = kinds or ("dialing",)
        agency_id = await self.agency(*kinds, **terms)
        await self.rule(agency_id, kind=kinds[0], stages=["early", "late"], min_overdue="100.00")
        [contract] = await self.contracts(1)
        [placement] = await self.placements()
        return contract, agency_id, placement

    async def placements(self, **filters: Any) -> list[Json]:
        """All placements in the order of contract, kind and time."""
        found = await self.get("/v1/placements", params={"limit": 1000, **filters})
        return sorted(found["items"], key=lambda item: (item["contract_id"], item["kind"], item["placed_at"]))

    async def the_placement(self) -> Json:
        [placement] = await self.placements()
        return placement

    async def agency_events(self, agency_id: str) -> list[AgencyEvent]:
        """The events on an agency's topic, in order, without its registration."""
        rows = await self.rows(
            "SELECT type, body FROM outbox_agencies WHERE topic = $1 ORDER BY id", f"agency.{agency_id}.events"
        )
        events = [REGISTRY[row["type"]].model_validate_json(row["body"]) for row in rows]
        return [event for event in events if isinstance(event, AgencyEvent)]

    async def agency_event_types(self, agency_id: str) -> list[str]:
        """The types of the events on an agency's topic, in order, without those that tell silences."""
        events = await self.agency_events(agency_id)
        return [type(event).__name__ for event in events if not isinstance(event, ContactSilenced | ContactResumed)]

    async def silences(self, agency_id: str) -> list[ContactSilenced | ContactResumed]:
        """The events on an agency's topic that tell silences, in order."""
        events = await self.agency_events(agency_id)
        return [event for event in events if isinstance(event, ContactSilenced | ContactResumed)]

    async def outbox_ids(self) -> set[tuple[str, UUID]]:
        """The lane and id of every event in the outboxes."""
        return {
            (lane, row["event_id"]) for lane in Lane for row in await self.rows(f"SELECT event_id FROM outbox_{lane}")
        }

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        async with self.database.connection() as connection:
            found: list[Row] = await connection.fetch(sql, *arguments)
        return found

    async def until(self, sql: str, *arguments: Any) -> None:
        """Return once this query returns true."""
        async with asyncio.timeout(240):
            while True:
                [row] = await self.rows(sql, *arguments)
                if row[0]:
                    return
                await asyncio.sleep(0.005)


async def blocked_on_a_lock(scene: Scene, statement: str) -> None:
    """Return once another connection of this database waits for a lock with this statement."""
    await scene.until(_BLOCKED, statement)

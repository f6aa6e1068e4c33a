"""The scene of the tests of promises: a database, the real consumer and app, and events about contracts."""

import asyncio
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import httpx
from chassis.testing import mint
from chassis.testing.publishers import DAY, Contract, Placement
from promises.handlers import consumer
from promises.outcomes import deciding
from recobro_events import Database, Event, Row
from recobro_events.contracts.portfolio import (
    CreditorKind,
    PortfolioState,
    PortfolioStateChanged,
    PromiseLimits,
)
from recobro_events.contracts.promises import (
    AgreementBroken,
    AgreementCancelled,
    AgreementFulfilled,
    AgreementReached,
    AgreementReopened,
    AgreementSettled,
    PromiseBroken,
    PromiseCancelled,
    PromiseKept,
    PromiseMade,
    PromisePartlyKept,
    PromiseReopened,
    ProposalChanged,
)
from recobro_events.testing import apply_events, published

__all__ = ["DAY", "Contract", "Json", "Placement", "Scene", "code_of", "day", "pointers"]

E = TypeVar("E", bound=Event)
Json = dict[str, Any]
OWN_EVENTS: tuple[type[Event], ...] = (
    PromiseMade,
    PromiseKept,
    PromisePartlyKept,
    PromiseBroken,
    PromiseReopened,
    PromiseCancelled,
    AgreementReached,
    AgreementBroken,
    AgreementFulfilled,
    AgreementReopened,
    AgreementCancelled,
    AgreementSettled,
    ProposalChanged,
)


NO_LIMITS = PromiseLimits(min_share_percent=Decimal(0), max_days_ahead=366, max_broken_per_episode=100)


def day(n: int) -> date:
    """Return the day ``n`` days after ``DAY``."""
    return DAY + timedelta(days=n)


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return str(answer.json()["type"]).rpartition(":")[2]


def pointers(answer: httpx.Response) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


class Scene:
    """A migrated database, the real consumer and app, one portfolio.

    ``now`` is the wall clock. It is noon in Mexico, more than a year after ``DAY``, unless a test sets it by ``today``.
    The portfolio allows promises of any amount up to 366 days ahead, unless a test limits them.
    """

    def __init__(self, database: Database, client: httpx.AsyncClient) -> None:
        self.database = database
        self.client = client
        self.portfolio_id = uuid.uuid4()
        self.limits: PromiseLimits | None = NO_LIMITS
        self.now = datetime.combine(day(400), time(18), UTC)
        self._portfolio_version = 0

    async def receives(self, *events: Event) -> None:
        """Apply these events as one batch of the real consumer."""
        await apply_events(self.database, consumer, *events)

    async def receives_each(self, *events: Event) -> None:
        """Apply these events, each as a batch of its own."""
        for event in events:
            await self.receives(event)

    def business_date(self, n: int, portfolio_id: UUID | None = None) -> PortfolioStateChanged:
        self._portfolio_version += 1
        return PortfolioStateChanged(
            portfolio_id=portfolio_id or self.portfolio_id,
            version=self._portfolio_version,
            state=PortfolioState.READY,
            business_date=day(n),
            name="Cartera Norte",
            creditor_id=uuid.uuid4(),
            creditor_kind=CreditorKind.FINANCIAL,
            jurisdiction="MX",
            timezone="America/Mexico_City",
            promise_limits=self.limits,
        )

    async def move_business_date(self, n: int, portfolio_id: UUID | None = None) -> None:
        """Move the business date to ``n`` days after ``DAY``, and decide the promises whose time is over."""
        await self.receives(self.business_date(n, portfolio_id))
        await deciding.decide(self.database)

    def today(self, n: int) -> None:
        """Set the clock to noon in Mexico, ``n`` days after ``DAY``."""
        self.now = datetime.combine(day(n), time(18), UTC)

    async def limit(self, **limits: Any) -> None:
        """Set limits of the portfolio's promises. Without any, the portfolio tells of none: the default ones hold."""
        self.limits = NO_LIMITS.model_copy(update=limits) if limits else None
        await self.receives(self.business_date(0))

    def contract(self, **changes: Any) -> Contract:
        """Return a contract about which no event has been published yet."""
        fields: Json = {"number": "C-1", "portfolio_id": self.portfolio_id, "overdue": Decimal("1000.00")}
        return Contract(**(fields | changes))

    async def registered(self, **changes: Any) -> Contract:
        contract = self.contract(**changes)
        await self.receives(contract.registered())
        return contract

    async def placed(self, contract: Contract, agency_id: UUID) -> Placement:
        placement = Placement(contract.contract_id, agency_id)
        await self.receives(placement.placed())
        return placement

    def agency(self, agency_id: UUID) -> dict[str, str]:
        """Return the headers of an agency's request."""
        return {"Authorization": f"Bearer {mint(agency_id=agency_id, subject=str(agency_id))}"}

    async def request_promise(
        self,
        contract: Contract,
        amount: str = "100.00",
        due: int = 5,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        body = {"contract_id": str(contract.contract_id), "amount": amount, "due_on": str(day(due)), "made_in": "call"}
        return await self.client.post("/v1/promises", json=body | more, headers=headers)

    async def promise(self, contract: Contract, amount: str = "100.00", due: int = 5, **more: Any) -> Json:
        answer = await self.request_promise(contract, amount, due, **more)
        assert answer.status_code == 201, answer.text
        promise: Json = answer.json()
        return promise

    async def request_plan(
        self, contract: Contract, *schedule: tuple[int, str], headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        instalments = [{"due_on": str(day(due)), "amount": amount} for due, amount in schedule]
        body = {"contract_id": str(contract.contract_id), "kind": "plan", "instalments": instalments}
        return await self.client.post("/v1/agreements", json=body | more, headers=headers)

    async def plan(self, contract: Contract, *schedule: tuple[int, str], **more: Any) -> Json:
        answer = await self.request_plan(contract, *schedule, **more)
        assert answer.status_code == 201, answer.text
        plan: Json = answer.json()
        return plan

    async def read_promise(self, promise: Json) -> Json:
        """Return the promise in its current state."""
        answer = await self.client.get(f"/v1/promises/{promise['promise_id']}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def state(self, promise: Json) -> tuple[str, str]:
        """Return the promise's state and the amount that counts for it."""
        current = await self.read_promise(promise)
        return current["state"], current["paid"]

    async def plan_states(self, made: Json) -> tuple[str, list[str]]:
        """Return the states of the plan and of its instalments."""
        answer = await self.client.get(f"/v1/agreements/{made['agreement_id']}")
        plan = answer.json()
        return plan["state"], [instalment["state"] for instalment in plan["instalments"]]

    async def request_check(self, as_of: date, **more: Any) -> httpx.Response:
        return await self.client.post("/v1/promise-checks", json={"as_of": str(as_of)} | more)

    async def run_check(self, as_of: int, **more: Any) -> Json:
        answer = await self.request_check(day(as_of), **more)
        assert answer.status_code == 200, answer.text
        counts: Json = answer.json()
        return counts

    async def published(self, event_type: type[E]) -> list[E]:
        return await published(self.database, event_type)

    async def event_names(self) -> list[str]:
        """Return the names of all events published so far, in outbox order."""
        names = {event_type.type: event_type.__name__ for event_type in OWN_EVENTS}
        return [names[row["type"]] for row in await self.rows("SELECT type FROM outbox_events ORDER BY id")]

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        async with self.database.connection() as connection:
            found: list[Row] = await connection.fetch(sql, *arguments)
        return found

    async def blocked(self, statement: str) -> None:
        """Return once another connection of this database waits for a lock with this statement."""
        await self.until(_BLOCKED, statement)

    async def until(self, sql: str, *arguments: Any) -> None:
        """Return once this query returns true."""
        async with asyncio.timeout(240):
            while True:
                [row] = await self.rows(sql, *arguments)
                if row[0]:
                    return
                await asyncio.sleep(0.005)


_BLOCKED = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')
"""

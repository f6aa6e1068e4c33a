"""Runs field-visits' real consumer and app on a database, with the steps and questions that its tests share."""

import asyncio
import uuid
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from chassis.testing import mint
from field_visits.handlers import consumer
from recobro_events import Database, Event, Row
from recobro_events.contracts.assignment import AgencyChanged
from recobro_events.contracts.portfolio import CreditorKind, Letterhead, PortfolioState, PortfolioStateChanged
from recobro_events.testing import apply_events
from visited_contracts import DAY, Contract, Placement, a_placement, an_address

__all__ = ["DAY", "Contract", "Placement", "Scene", "a_placement", "an_address", "blocked_on_a_lock", "moment"]


CREDITOR = Letterhead(
    legal_name="Financiera Ñandú, S.A. de C.V.",
    tax_id="FNA010101AA1",
    address="Paseo de la Reforma 1, Juárez, 06600 Ciudad de México",
    phones=("+52 55 5555 0100",),
    complaints_unit="UNE, +52 55 5555 0199, une@nandu.example",
    payment_instructions="Transfiera a la CLABE 012345678901234567 de Banco Uno.",
)
AGENCY = Letterhead(
    legal_name="Gestiones del Centro, S.C.",
    address="Insurgentes Sur 10, Roma, 06700 Ciudad de México",
    phones=("+52 55 5555 0200", "+52 55 5555 0201"),
    complaints_unit="quejas@gestiones.example",
)


class Scene:
    """A migrated database, the real consumer and app, and one portfolio staged to ``DAY``."""

    def __init__(self, database: Database, client: httpx.AsyncClient) -> None:
        self.database = database
        self.client = client
        self.portfolio_id = uuid.uuid4()
        self._versions: dict[UUID, int] = {}
        self._numbers = 0

    async def receives(self, *events: Event) -> None:
        """Apply these events as one batch of the real consumer."""
        await apply_events(self.database, consumer, *events)

    def portfolio_state(self, portfolio_id: UUID | None = None, **changes: Any) -> PortfolioStateChanged:
        portfolio_id = portfolio_id or self.portfolio_id
        self._versions[portfolio_id] = self._versions.get(portfolio_id, 0) + 1
        fields: dict[str, Any] = {
            "portfolio_id": portfolio_id,
            "version": self._versions[portfolio_id],
            "state": PortfolioState.READY,
            "business_date": DAY,
            "name": "Cartera Norte",
            "creditor_id": uuid.uuid4(),
            "creditor_kind": CreditorKind.FINANCIAL,
            "jurisdiction": "MX",
            "timezone": "America/Mexico_City",
            "letterhead": CREDITOR,
        }
        return PortfolioStateChanged(**(fields | changes))

    async def knows_agency(self, agency_id: UUID, **changes: Any) -> None:
        """Receive the agency with what letters say of it."""
        self._versions[agency_id] = self._versions.get(agency_id, 0) + 1
        letterhead = Letterhead(**(AGENCY.model_dump() | changes))
        version = self._versions[agency_id]
        await self.receives(
            AgencyChanged(agency_id=agency_id, version=version, name="Gestiones", letterhead=letterhead)
        )

    def contract(self, **changes: Any) -> Contract:
        """A contract that may be visited and that no service knows yet."""
        self._numbers += 1
        fields: dict[str, Any] = {"number": f"V-{self._numbers:04}", "portfolio_id": self.portfolio_id}
        return Contract(**(fields | changes))

    async def known_contract(self, placement: Placement | None = None, **changes: Any) -> Contract:
        """Register a contract, and place it if a placement is given."""
        contract = self.contract(**changes)
        await self.receives(contract.registered())
        if placement is not None:
            await self.receives(contract.placed(placement))
        return contract

    async def order(
        self, contract: Contract, visit_on: date = DAY, *, agency_id: UUID | None = None, **changes: Any
    ) -> httpx.Response:
        body = {"contract_id": str(contract.contract_id), "visitor": "Óscar Peña", "visit_on": str(visit_on)}
        return await self.post("/v1/visits", body | changes, agency_id)

    async def ordered(self, contract: Contract, visit_on: date = DAY, **changes: Any) -> str:
        """Order a visit, and return its id."""
        answer = await self.order(contract, visit_on, **changes)
        assert answer.status_code == 201, answer.text
        visit_id: str = answer.json()["visit_id"]
        return visit_id

    async def ordered_days(self, contract: Contract, days: int) -> list[str]:
        """Order a visit for each of so many days, and return their ids."""
        return [await self.ordered(contract, DAY + timedelta(days=n)) for n in range(days)]

    async def post(
        self, path: str, body: Any = None, agency_id: UUID | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.client.post(path, json=body, headers=_token(agency_id) | (headers or {}))

    async def get(self, path: str, agency_id: UUID | None = None, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query, headers=_token(agency_id))

    async def visit(self, visit_id: str) -> dict[str, Any]:
        answer = await self.get(f"/v1/visits/{visit_id}")
        assert answer.status_code == 200, answer.text
        visit: dict[str, Any] = answer.json()
        return visit

    async def state_and_reason(self, visit_id: str) -> tuple[str, str | None]:
        """The state of a visit and the reason of its cancellation."""
        visit = await self.visit(visit_id)
        return visit["state"], visit["cancellation"] and visit["cancellation"]["reason"]

    async def attend(self, visit_id: str, attended_by: str = "debtor", **changes: Any) -> httpx.Response:
        return await self.post(
            f"/v1/visits/{visit_id}/attendance", {"attended_by": attended_by, "at": moment()} | changes
        )

    async def result(
        self, visit_id: str, outcome: str = "visited", attended_by: str = "debtor", **changes: Any
    ) -> httpx.Response:
        headers = changes.pop("headers", None)
        body = {"outcome": outcome, "attended_by": attended_by, "at": moment()} | changes
        return await self.post(f"/v1/visits/{visit_id}/result", body, headers=headers)

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


def _token(agency_id: UUID | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(agency_id=agency_id)}"} if agency_id else {}


def moment(at: str = "2026-11-20T18:00:00Z") -> str:
    """A past time at the door."""
    return at


_BLOCKED = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')
"""


async def blocked_on_a_lock(scene: Scene, statement: str) -> None:
    """Return once another connection of this database waits for a lock with this statement."""
    await scene.until(_BLOCKED, statement)

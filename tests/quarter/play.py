"""A quarter of a portfolio with agreements: its services, its contracts in the model, its days and its files."""

import random
from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from chassis.testing import mint
from portfolio.agreements.following import follow_all
from promises.agreements.settling import end_expired, settle_final
from promises.outcomes import deciding
from quarter.model import Contract
from recobro_platform import SCOPES
from services_in_process import AS_OF, InProcessPlatform

ZONE = ZoneInfo("America/Mexico_City")
ROLES = {"ana": (), "eva": ("role:supervisor",), "luz": ("role:director",)}
_COLUMNS = "contract_number,debtor_number,debtor_name,instalment_number,due_date,amount_due"
_LIMITS = {"min_share_percent": "0", "max_days_ahead": 30, "max_broken_per_episode": 100}
"""Limits that refuse no promise of the quarter. Tests of promises hold them."""
_OFFERS = {
    "rules": [
        {
            "code": "SOON",
            "steps": [
                {"pay_within_days": 5, "discount_percent": "20"},
                {"pay_within_days": 20, "discount_percent": "7"},
            ],
            "valid_days": 4,
        },
        {
            "code": "PARTS",
            "steps": [{"pay_within_days": 8, "discount_percent": "5"}],
            "instalments": 3,
            "frequency": "fortnightly",
            "valid_days": 8,
        },
    ]
}


class Difference(AssertionError):
    """The services and the model disagree."""


class Quarter:
    def __init__(self, platform: InProcessPlatform, seed: int, contracts: int) -> None:
        self.platform, self.seed = platform, seed
        self.chance = random.Random(seed)
        self.first = self.day = AS_OF
        self.played: Counter[str] = Counter()
        self.codes: dict[str, str] = {}
        self.names = 0
        self.portfolio_id = ""
        self.contracts = [self._contract(number) for number in range(contracts)]

    def _contract(self, number: int) -> Contract:
        oldest = self.day - timedelta(days=self.chance.choice([10, 40, 80]))
        amounts = [Decimal(self.chance.randint(20_000, 60_000)) / 100 for _ in range(2)]
        return Contract(f"Q-{number}", [(oldest + timedelta(days=30 * n), amount) for n, amount in enumerate(amounts)])

    def noon(self) -> datetime:
        return datetime.combine(self.day, time(12), ZONE)

    def tell(self, one: Contract, words: str) -> None:
        one.story.append(f"{self.day} {words}")

    async def post(self, service: str, path: str, body: Any) -> Any:
        return await self.platform.post(service, path, body)

    async def get(self, service: str, path: str, **query: str) -> Any:
        return await self.platform.get(service, path, **query)

    async def ask(self, who: str, path: str, body: Any) -> httpx.Response:
        """Send a person's request to promises."""
        headers = {"Authorization": f"Bearer {mint((*SCOPES, *ROLES[who]), subject=who)}"}
        return await self.platform.clients["promises"].post(path, json=body, headers=headers)

    def same(self, one: Contract, what: str, answer: httpx.Response, refused: str | None) -> None:
        """The request was taken, or refused with the code that the model says."""
        found = None if answer.status_code == 201 else str(answer.json()["type"]).rpartition(":")[2]
        self.tell(one, f"{what}: {found or 'yes'}")
        self.played[f"{what.split()[0]} refused" if found else what.split()[0]] += 1
        if found != refused:
            self.differ(one, what, found or "taken", refused or "taken")

    def differ(self, one: Contract, what: str, found: Any, expected: Any) -> None:
        story = "\n  ".join(one.story)
        raise Difference(
            f"seed {self.seed}, {self.day}, {one.number} ({one.contract_id}), {what}: the services say {found},"
            f" the model {expected}\n  {one.instalments}\n  {story}"
        )

    async def open(self) -> None:
        self.portfolio_id = await self.platform.portfolio()
        answer = await self.platform.clients["portfolio"].patch(
            f"/v1/portfolios/{self.portfolio_id}", json={"promise_limits": _LIMITS}
        )
        assert answer.status_code == 200, answer.text
        answer = await self.platform.clients["promises"].put("/v1/offer-rules", json=_OFFERS)
        assert answer.status_code == 200, answer.text
        await self.file(0)
        rows = await self.platform.rows("portfolio", "SELECT contract_number, contract_id::text AS id FROM contract")
        ids = {row["contract_number"]: row["id"] for row in rows}
        obligor = {"role": "joint_obligor", "name": "Rosa Gil"}
        for one in self.contracts:
            one.contract_id = ids[one.number]
            made = await self.post("portfolio", f"/v1/contracts/{one.contract_id}/parties", obligor)
            one.party_id = made["party_id"]
        await self.rest()

    async def file(self, days_behind: int) -> None:
        """The creditor sends a file. Its books are some days behind, also about what was given up."""
        lines = [_COLUMNS]
        for one in self.contracts:
            rows, known = one.books(self.day, days_behind)
            for number, due_on, amount in rows:
                lines.append(f"{one.number},{one.number},Ana Nombre,{number},{due_on},{amount:.2f}")
            if rows:
                for payment in one.payments:
                    payment.absorbed = payment.payment_id in known
                for deal in one.deals:
                    deal.is_booked = deal.is_known_to_books(self.day - timedelta(days=days_behind), days_behind)
                for charge in one.charges:
                    charge.is_booked = charge.is_known_to_books(self.day - timedelta(days=days_behind))
                self.tell(one, f"a file {days_behind} days behind: {[(n, str(amount)) for n, _, amount in rows]}")
        query = {"mode": "delta", "filename": f"{self.day}.csv", "as_of": str(self.day), "confirm_future": "true"}
        path = f"/v1/portfolios/{self.portfolio_id}/files"
        answer = await self.platform.clients["portfolio"].post(path, params=query, content="\n".join(lines).encode())
        assert answer.is_success, answer.text
        file_id = answer.json()["file_id"]
        file = await self._at_rest(file_id)
        if file["status"] == "needs_confirmation":
            # The creditor's books stand still since the last file.
            assert file["confirmation_reason"] == "repeated_figures", file
            await self.post("portfolio", f"/v1/files/{file_id}/confirmation", {"accept": True})
            file = await self._at_rest(file_id)
        assert (file["status"], file["rows_rejected"]) == ("loaded", 0), (self.seed, self.day, file)
        self.played["file"] += 1
        await self.rest()

    async def _at_rest(self, file_id: str) -> Any:
        at_rest = "SELECT status IN ('loaded', 'failed', 'needs_confirmation') FROM file WHERE file_id = $1"
        await self.platform.until("portfolio", at_rest, UUID(file_id))
        return await self.get("portfolio", f"/v1/files/{file_id}")

    async def begin(self, day: date) -> None:
        self.day = day
        await self.post("portfolio", "/v1/staging-runs", {"as_of": str(day), "confirm_future": True})
        await self.rest()

    async def rest(self) -> None:
        """Return once nothing is left to do: events are applied, and what a date or an agreement asks for is done."""
        promises, portfolio = self.platform.databases["promises"], self.platform.databases["portfolio"]
        done = 1
        while done:
            await self.platform.settled()
            done = sum((await deciding.decide(promises)).values()) + await end_expired(promises)
            done += await settle_final(promises) + await follow_all(portfolio)
        for one in self.contracts:
            one.review(self.day)

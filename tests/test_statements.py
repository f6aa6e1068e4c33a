"""What a payment costs: the statements of each transaction that it causes, besides BEGIN and COMMIT.

Each is a round trip, and for one fact the round trips are most of the cost. Whoever adds one finds its price here.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from fresh_databases import FreshDatabases
from platform_scenarios import create_agency_with_rules, overdue_contracts
from recobro_events import Transaction
from services_in_process import AS_OF, InProcessPlatform, all_services_in_process

pytestmark = pytest.mark.process


@pytest.fixture
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    async with all_services_in_process(databases) as platform:
        yield platform


class Counted:
    """The number of statements of each transaction that names the contract, by service and consumer."""

    def __init__(self) -> None:
        self._statements: dict[Transaction, list[tuple[Any, ...]]] = defaultdict(list)

    def watch(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        run: Callable[..., Awaitable[Any]] = getattr(Transaction, method)

        async def counted(tx: Transaction, sql: str, *arguments: Any) -> Any:
            self._statements[tx].append(arguments)
            return await run(tx, sql, *arguments)

        monkeypatch.setattr(Transaction, method, counted)

    def about(self, contract_id: UUID) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for tx, statements in self._statements.items():
            if any(contract_id in _ids(argument) for arguments in statements for argument in arguments):
                found[tx.consumer or tx.service].append(len(statements))
        return dict(found)


def _ids(argument: Any) -> Iterator[Any]:
    yield from argument if isinstance(argument, list | tuple | set) else [argument]


_EXPECTED = {
    "portfolio": [9, 6],
    "assignment.events": [13, 5],
    "field-visits.events": [7],
    "promises.events": [6],
    # The amount of the payment, by which calls are measured, is kept after the entry has left the list.
    "dialer-feed.events": [12],
    # The withdrawal becomes a line of history, after the entry has left the list.
    "portfolio.events": [8],
}


async def test_a_payment_of_a_listed_contract_takes_so_many_statements(
    platform: InProcessPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_agency_with_rules(platform)
    portfolio_id = await platform.sample_portfolio(150)
    await platform.settled()
    [agency] = (await platform.get("assignment", "/v1/agencies"))["items"]
    campaign = {"name": "c", "agency_id": agency["agency_id"], "portfolio_ids": [portfolio_id]}
    campaign_id = (await platform.post("dialer-feed", "/v1/campaigns", campaign))["campaign_id"]
    await platform.post("dialer-feed", "/v1/lists", {"campaign_id": campaign_id, "business_date": f"{AS_OF}"})
    # On a busy machine the answer comes before the list is published.
    await platform.until("dialer-feed", "SELECT status = 'published' FROM dialing_list")
    # One service after the other, so that no batch has two facts.
    consumers = ("assignment", "field-visits", "promises", "dialer-feed")
    counted = Counted()
    for method in ("fetch", "fetchrow", "fetchval", "execute"):
        counted.watch(monkeypatch, method)
    taken = []
    # What happens beside a payment, such as a marker of a barrier, may share a transaction with it.
    for contract_id in (await overdue_contracts(platform))[:3]:
        await platform.stop(*consumers)
        answer = await platform.clients["portfolio"].post(
            f"/v1/contracts/{contract_id}/payments",
            json={"amount": "20.00", "paid_on": f"{AS_OF}", "channel": "bank", "reference": f"R-{contract_id}"},
            headers={"Idempotency-Key": contract_id},
        )
        assert answer.status_code == 201, answer.text
        # The judge follows in a transaction of its own, for which no payment waits.
        await platform.until("portfolio", "SELECT count(*) = 0 FROM judging_mark")
        await platform.settled()
        for service in consumers:
            await platform.start(service)
            await platform.settled()
        taken.append(counted.about(UUID(contract_id)))
        if taken[-1] == _EXPECTED:
            return
    assert _EXPECTED in taken

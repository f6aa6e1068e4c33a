"""One trace, from a request through outbox, log and handlers to the last event that follows from it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from fresh_databases import FreshDatabases
from platform_scenarios import create_agency_with_rules, overdue_contracts
from recobro_events import tracing
from services_in_process import AS_OF, InProcessPlatform, all_services_in_process

pytestmark = pytest.mark.process


@pytest.fixture
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    async with all_services_in_process(databases) as platform:
        yield platform


@pytest.fixture
def _collected() -> Iterator[None]:
    """Export the spans. Only exported spans have ids of their own."""
    tracing.export_to(lambda _span: None)
    yield
    tracing.export_to(None)


@pytest.mark.usefixtures("_collected")
async def test_all_events_that_follow_from_a_request_carry_its_trace(platform: InProcessPlatform) -> None:
    """Also for several payments at once, which a consumer may apply in one batch."""
    await create_agency_with_rules(platform)
    portfolio_id = await platform.sample_portfolio(150)
    await platform.settled()
    [agency] = (await platform.get("assignment", "/v1/agencies"))["items"]
    campaign = {
        "name": "c",
        "agency_id": agency["agency_id"],
        "portfolio_ids": [portfolio_id],
        "one_entry_per": "contract",
    }
    campaign_id = (await platform.post("dialer-feed", "/v1/campaigns", campaign))["campaign_id"]
    listed = await platform.post("dialer-feed", "/v1/lists", {"campaign_id": campaign_id, "business_date": f"{AS_OF}"})
    assert listed["status"] == "published"
    traces = {
        contract_id: f"{n:032x}" for n, contract_id in enumerate((await overdue_contracts(platform))[:6], start=1)
    }
    payment = {"amount": "20.00", "paid_on": f"{AS_OF}", "channel": "bank"}
    answers = await asyncio.gather(
        *(
            platform.clients["portfolio"].post(
                f"/v1/contracts/{contract_id}/payments",
                json=payment,
                headers={"traceparent": f"00-{trace}-00000000000000ff-01"},
            )
            for contract_id, trace in traces.items()
        )
    )
    assert all(answer.status_code == 201 for answer in answers)
    await platform.settled()
    spans: set[str] = set()
    for contract_id, trace in traces.items():
        records = [
            record
            for log in platform.transport.logs.values()
            for record in log
            if record.headers["ce_subject"] == contract_id and record.headers.get("traceparent", "")[3:35] == trace
        ]
        types = {record.headers["ce_type"] for record in records}
        assert {
            "portfolio.payment-received.v1",
            "dialer-feed.list-entry-withdrawn.v1",
            "assignment.commission-earned.v1",
        } <= types, contract_id
        spans |= {record.headers["traceparent"][36:52] for record in records}
    assert len(spans) >= 3 * len(traces), "each step is a span of its own"

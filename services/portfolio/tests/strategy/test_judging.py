"""Segment and step are judged together: the ladder reads the new segment, and readers get both facts in order."""

import httpx
from ladders import judged, put_ladder
from portfolio_builders import Given, days_ago


async def test_a_contract_that_changes_both_ways_has_two_events_with_versions_in_their_order(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contracts = [await given.contract(portfolio_id, (days_ago(20), "100.00")) for _ in range(3)]
    before = {contract_id: (await given.row(contract_id))["version"] for contract_id in contracts}
    rules = [{"segment": "rest", "when": {"episodes": {"min": 1}}}]
    assert (await client.put(f"/v1/portfolios/{portfolio_id}/segment-rules", json={"rules": rules})).status_code == 200
    await put_ladder(client, portfolio_id, [{"step": "direct_contact", "when": {"segments": ["rest"]}}])
    await judged(given)
    for contract_id in contracts:
        row = await given.row(contract_id)
        assert (row["segment"], row["step"]) == ("rest", "direct_contact"), "the ladder reads the new segment"
        sent = await given.rows(
            "SELECT type, body::jsonb ->> 'version' AS version FROM outbox_bulk WHERE key = $1 ORDER BY id",
            str(contract_id),
        )
        assert [(event["type"], int(event["version"])) for event in sent][-2:] == [
            ("portfolio.contract-segment-changed.v1", before[contract_id] + 1),
            ("portfolio.contract-escalated.v1", before[contract_id] + 2),
        ]
        assert row["version"] == before[contract_id] + 2
        lines = await given.rows(
            "SELECT kind FROM contract_history WHERE contract_id = $1 ORDER BY history_id", contract_id
        )
        assert [line["kind"] for line in lines][-2:] == ["segment_changed", "escalated"]

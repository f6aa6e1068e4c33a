"""The largest event of promises is far below what the event log takes."""

import re

from promise_scene import Scene, day
from promises.agreements.rules import MAX_INSTALMENTS
from recobro_events import REGISTRY
from recobro_events.contracts import promises

LONGEST_REASON = "\U0001f600" * 1000
LARGEST_EVENT_BYTES = 20_000
"""A fiftieth of what the event log takes."""


def test_the_events_that_repeat_something_are_known() -> None:
    """The instalments of an agreement and of its proposal have a most, and a form of the debtor's page states a few
    codes. An event that repeats another part needs a most too."""
    own = [event for event in REGISTRY.values() if event.__module__ == promises.__name__]
    repeating = [event for event in own if re.search("array|additionalProperties", str(event.model_json_schema()))]
    known = {promises.AgreementReached, promises.ConvenienceRequested, promises.ProposalChanged}
    assert set(repeating) == known


async def test_the_largest_agreements_and_the_longest_reason_fit_many_times(scene: Scene) -> None:
    contract = await scene.registered(overdue="999999999999.99")
    schedule = ((300 + n, "10000000000.01") for n in range(MAX_INSTALMENTS))
    plan = await scene.plan(contract, *schedule)
    path = f"/v1/agreements/{plan['agreement_id']}/cancellation"
    assert (await scene.client.post(path, json={"reason": LONGEST_REASON})).status_code == 201
    proposal = {
        "contract_id": str((await scene.registered(overdue="600000000000.60")).contract_id),
        "kind": "restructure",
        "schedule": [{"due_on": str(day(300 + n)), "amount": "10000000000.01"} for n in range(MAX_INSTALMENTS)],
    }
    proposed = await scene.client.post("/v1/agreements", json=proposal)
    assert proposed.status_code == 201, proposed.text
    promise = await scene.promise(contract, "999999999999.99")
    path = f"/v1/promises/{promise['promise_id']}/cancellation"
    assert (await scene.client.post(path, json={"reason": LONGEST_REASON})).status_code == 201
    rows = await scene.rows("SELECT type, max(octet_length(body::text)) AS bytes FROM outbox_events GROUP BY type")
    bytes_of = {row["type"]: row["bytes"] for row in rows}
    assert bytes_of[promises.AgreementReached.type] > MAX_INSTALMENTS * 100
    assert bytes_of[promises.ProposalChanged.type] > MAX_INSTALMENTS * 40
    assert bytes_of[promises.PromiseCancelled.type] > 4 * len(LONGEST_REASON)
    assert max(bytes_of.values()) < LARGEST_EVENT_BYTES

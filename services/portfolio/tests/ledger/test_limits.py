"""A contract that holds as much as the limits allow fits into one event, far below the broker's 1 MiB."""

import uuid
from uuid import UUID

import httpx
from events_of_other_services import EMAIL_KIND, receive
from portfolio.files.reader.addresses import KINDS
from portfolio.files.reader.checks import MAX_TEXT_CHARACTERS
from portfolio.ledger import limits
from portfolio.ledger.whole import publish_whole, republish_whole
from portfolio_builders import TODAY, Given, days_ago
from recobro_events import MAX_EVENT_BYTES
from recobro_events.contracts.field_visits import ContactDataCollected
from recobro_events.contracts.portfolio import ContractRevised

BROKER_BYTES = 1024 * 1024
# Four bytes in UTF-8, which no other character of a text exceeds.
LONGEST = "\U0001d11e" * MAX_TEXT_CHARACTERS


async def fill(given: Given, contract_id: UUID) -> None:
    """Give the contract as much as its limits allow. Every text and number is as long as it may be."""
    await given.rows("DELETE FROM instalment WHERE contract_id = $1", contract_id)
    await given.rows("DELETE FROM address WHERE contract_id = $1", contract_id)
    await given.rows(
        "UPDATE contract SET contract_number = $2, debtor_name = $2, tax_id = $2, product = $2, episode = 2147483647,"
        " version = 9000000000000000000, details_version = 9000000000000000000 WHERE contract_id = $1",
        *(contract_id, LONGEST),
    )
    await given.rows(
        "INSERT INTO instalment SELECT $1, 999990000 + n, '2026-01-01', 999999999.99, 999999999.99"
        " FROM generate_series(1, $2::integer) AS n",
        *(contract_id, limits.INSTALMENTS),
    )
    await given.rows(
        "INSERT INTO contact_point (contact_id, contract_id, kind, value, dialable, provenance, timezone, version)"
        " SELECT gen_random_uuid(), $1, 'phone', left($3, -6) || 100000 + n, true, left($3, $4),"
        " 'America/Argentina/ComodRivadavia', 9000000000000000000 FROM generate_series(1, $2::integer) AS n",
        *(contract_id, limits.CONTACTS_OF_CONTRACT + limits.CONTACTS_BEFORE_ADDING),
        *(LONGEST, limits.PROVENANCE_CHARACTERS),
    )
    found = [("other", LONGEST[: limits.FOUND_ADDRESS_CHARACTERS])] * limits.ADDRESSES_FOUND
    for kind, longest in (*((kind, LONGEST) for kind in KINDS), *found):
        await given.rows(
            "INSERT INTO address (address_id, contract_id, kind, street, exterior, interior, neighbourhood,"
            " postal_code, city, state, country, issues) SELECT $2, $1, $3, $4, $4, $4, $4, $4, $4, $4, 'MX',"
            " ARRAY['unknown_kind', 'no_street', 'unknown_state', 'postal_code_of_another_state', 'wrong_address']",
            *(contract_id, uuid.uuid4(), kind, longest),
        )
    of_party = LONGEST[: limits.PARTY_CHARACTERS]
    await given.rows(
        "INSERT INTO party (party_id, contract_id, role, name, tax_id, language, version) SELECT gen_random_uuid(), $1,"
        " 'joint_obligor', $3, left($3, 40), 'pt-BR', 9000000000000000000 FROM generate_series(1, $2::integer) AS n",
        *(contract_id, limits.PARTIES, of_party),
    )
    await given.rows(
        "INSERT INTO party_contact_point (contact_id, party_id, contract_id, kind, value, dialable, provenance,"
        " timezone) SELECT gen_random_uuid(), party_id, $1, 'email', $3, true, left($3, $4),"
        " 'America/Argentina/ComodRivadavia'"
        " FROM party, generate_series(1, $2::integer) AS n",
        *(contract_id, limits.CONTACTS_OF_PARTY, of_party, limits.PROVENANCE_CHARACTERS),
    )
    await given.rows(
        "INSERT INTO clarification (contract_id, reason, opened_by, opened_on, deadline_on)"
        " SELECT $1, 'no', 'debtor', $3, $3 FROM generate_series(1, $2::integer)",
        *(contract_id, limits.SILENCING_CLARIFICATIONS, TODAY),
    )
    await given.rows(
        "INSERT INTO pause (contract_id, reason, starts_on, ends_on, version)"
        " SELECT $1, 'flood', $3::date - n, $3::date - n, 9000000000000000000"
        " FROM generate_series(0, $2::integer - 1) AS n",
        *(contract_id, limits.PAUSES + 3 * limits.PAUSES_OF_SCOPE, TODAY),
    )
    await given.rows(
        "INSERT INTO payment (contract_id, portfolio_id, amount, credit, paid_on, business_date, holdoff_from,"
        " channel, days_past_due_before, episode_before)"
        " SELECT contract_id, portfolio_id, 999999999999.99, 999999999999.99, $3, $3, $3, 'spei', 36524, 0"
        " FROM contract, generate_series(1, $2::integer) WHERE contract_id = $1",
        *(contract_id, limits.PAYMENTS, TODAY),
    )


async def test_the_largest_contract_fits_into_one_event(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await fill(given, contract_id)
    async with given.database.transaction() as tx:
        await publish_whole(tx, [contract_id], ContractRevised)
        tx.audience = "promises"
        await republish_whole(tx, [contract_id])
    sizes = await given.rows("SELECT octet_length(body::text) AS bytes FROM outbox_bulk ORDER BY id DESC LIMIT 2")
    largest = max(row["bytes"] for row in sizes)
    # Whoever raises a limit has to look at this figure too.
    assert 0.97 * limits.WHOLE_CONTRACT_BYTES < largest <= limits.WHOLE_CONTRACT_BYTES
    assert limits.WHOLE_CONTRACT_BYTES < 0.93 * MAX_EVENT_BYTES < BROKER_BYTES


async def post(client: httpx.AsyncClient, path: str, **body: object) -> tuple[int, str]:
    answer = await client.post(f"/v1/contracts/{path}", json=body)
    return answer.status_code, answer.json().get("type", "").removeprefix("urn:recobro:problem:")


async def test_a_full_contract_takes_no_more_and_says_so(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await fill(given, contract_id)
    day = str(TODAY)
    new = {"kind": "email", "value": "a@example.org", "provenance": "debtor"}
    assert await post(client, f"{contract_id}/contact-points", **new) == (409, "too-many-contact-points")
    dispute = {"reason": "new", "opened_by": "debtor"}
    assert await post(client, f"{contract_id}/clarifications", **dispute) == (409, "too-many-clarifications")
    party = {"role": "guarantor", "name": "Rosa Gil"}
    assert await post(client, f"{contract_id}/parties", **party) == (409, "too-many-parties")
    pause = {"reason": "flood", "starts_on": "2026-10-10", "ends_on": "2026-10-10"}
    assert await post(client, f"{contract_id}/pauses", **pause) == (409, "too-many-pauses")
    payment = {"amount": "1.00", "paid_on": day, "channel": "spei"}
    assert await post(client, f"{contract_id}/payments", **payment) == (409, "too-many-payments")
    whole = await client.get(f"/v1/contracts/{contract_id}")
    assert whole.status_code == 200, whole.text


async def test_a_long_provenance_is_refused(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    new = {"kind": "email", "value": "a@example.org", "provenance": "x" * (limits.PROVENANCE_CHARACTERS + 1)}
    assert await post(client, f"{contract_id}/contact-points", **new) == (422, "invalid")


def collected(contract_id: UUID, visit_id: UUID, n: int) -> ContactDataCollected:
    value = f"person{n}@example.org"
    return ContactDataCollected(
        contract_id=contract_id, visit_id=visit_id, kind=EMAIL_KIND, value=value, provenance="neighbour" * 20
    )


async def test_visits_add_a_few_contact_points_only(given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id, busy = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(2)]
    one_visit = uuid.uuid4()
    await receive(given, *(collected(contract_id, one_visit, n) for n in range(20)))
    await receive(given, *(collected(busy, uuid.uuid4(), n) for n in range(20)))
    held = await given.rows("SELECT contract_id, count(*), max(provenance) AS p FROM contact_point GROUP BY 1")
    assert {row["contract_id"]: row["count"] for row in held} == {
        contract_id: limits.CONTACTS_FOUND_BY_VISIT,
        busy: limits.CONTACTS_FOUND_A_DAY,
    }
    assert {len(row["p"]) for row in held} == {limits.PROVENANCE_CHARACTERS}
    refused = await given.rows("SELECT summary FROM contract_history WHERE kind = 'contact_data_refused'")
    assert {row["summary"] for row in refused} == {
        "More than 5 contact points of one visit.",
        "More than 10 contact points found on one day.",
    }


async def test_a_full_contract_takes_nothing_from_a_visit(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await fill(given, contract_id)
    await receive(given, collected(contract_id, uuid.uuid4(), 1))
    held = limits.CONTACTS_OF_CONTRACT + limits.CONTACTS_BEFORE_ADDING
    assert len(await given.rows("SELECT FROM contact_point WHERE contract_id = $1", contract_id)) == held
    refused = await given.rows("SELECT summary FROM contract_history WHERE kind = 'contact_data_refused'")
    assert [row["summary"] for row in refused] == ["The contract has 50 contact points. No more can be added."]

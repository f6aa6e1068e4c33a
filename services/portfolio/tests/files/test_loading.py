"""The effects of a loaded file on contracts, instalments, payments, contact data and the portfolio."""

import json
from decimal import Decimal
from uuid import UUID, uuid5

import pytest
from chassis.testing import client_for, mint, test_settings
from portfolio.files.loader import Loader
from portfolio.ledger.limits import LARGEST_BALANCE
from portfolio.main import build_app
from portfolio.settings import PortfolioSettings
from portfolio_files import SAMPLE, SAMPLE_KEY
from recobro_events import Database
from recobro_events.contracts.portfolio import (
    ContractRegistered,
    ContractRevised,
    ContractStageChanged,
    PortfolioFileLoaded,
    PortfolioStateChanged,
)
from recobro_events.testing import published
from service_client import ManualBankLoader, ServiceClient, csv_of, row


@pytest.mark.process
async def test_the_sample_portfolio_has_the_figures_of_its_key(database: Database) -> None:
    key = json.loads(SAMPLE_KEY.read_text())
    loader = Loader(database, poll_seconds=0.1)
    app = build_app(PortfolioSettings(**test_settings(database.dsn).model_dump()), Database(database.dsn), None, loader)
    async with client_for(app, mint()) as client:
        service = ServiceClient(client, database, loader, ManualBankLoader(database), app.state.stager)
        portfolio_id = await service.portfolio()
        content = SAMPLE.read_bytes()
        file = (await service.upload(portfolio_id, content, key["as_of"])).json()
        file = await service.finished(file["file_id"])
        rejects = await service.rejects(file["file_id"])
        stages = await service.get("/v1/stages", portfolio_id=portfolio_id)

    assert (file["status"], file["error"]) == ("loaded", None)
    assert (file["rows_read"], file["rows_rejected"], file["contracts"]) == (
        key["rows"],
        key["rejected"],
        key["contracts"],
    )
    assert file["amount_accepted"] == key["amount_accepted"]
    assert [int(line[0]) for line in rejects[1:]] == sorted(reject["row"] for reject in key["rejects"])
    assert {stage["stage"]: (stage["contracts"], Decimal(stage["overdue_balance"])) for stage in stages} == {
        name: (stage["contracts"], Decimal(stage["overdue"])) for name, stage in key["stages"].items()
    }
    registered = await published(database, ContractRegistered)
    assert len({event.contract_id for event in registered}) == len(registered) == key["contracts"]
    assert sum(event.total_balance for event in registered) == Decimal(key["amount_accepted"])
    assert await published(database, ContractStageChanged) == []


async def test_a_new_contract_is_registered_with_everything_in_its_rows(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio(product="card")
    file = await service.load(
        portfolio_id,
        row("C-1", 1, due_date="2026-08-01", amount_due="100.00", debtor_number="D-1", email="a@b.mx"),
        row("C-1", 2, due_date="2026-09-10", amount_due="50.50", phone_2="no phone", street="Calle 5", state="Yucatán"),
    )

    assert (file["status"], file["rows_accepted"], file["contracts"]) == ("loaded", 2, 1)
    [event] = await published(service.database, ContractRegistered)
    assert event.contract_id == uuid5(portfolio_id, "C-1")
    assert event.debtor.debtor_id == uuid5(event.creditor_id, "D-1")
    assert (event.version, event.details_version, event.episode) == (1, 1, 1)
    assert (event.overdue_balance, event.total_balance) == (Decimal("100.00"), Decimal("150.50"))
    assert (event.days_past_due, event.stage, event.product) == (40, "late", "card")
    assert [(point.kind, point.value, point.usable, point.version) for point in event.contact_points] == [
        ("phone", "+529995194875", True, 1),
        ("phone", "no phone", False, 1),
        ("email", "a@b.mx", True, 1),
    ]
    assert [(address.street, address.kind, address.country) for address in event.addresses] == [
        ("Calle 5", "other", "MX")
    ]
    assert [(i.number, i.amount, i.unpaid) for i in event.instalments] == [
        (1, Decimal("100.00"), Decimal("100.00")),
        (2, Decimal("50.50"), Decimal("50.50")),
    ]
    assert [line["kind"] for line in await service.history(portfolio_id, "C-1")] == [
        "registered",
        "segment_changed",
        "escalated",
    ]


async def test_loading_is_published_before_the_first_chunk_and_ready_after_the_last(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"), row("C-2"))

    states = await published(service.database, PortfolioStateChanged)
    assert [(event.version, event.state, str(event.business_date)) for event in states] == [
        (1, "ready", "None"),
        (2, "loading", "2026-09-10"),
        (3, "ready", "2026-09-10"),
    ]
    [loaded] = await published(service.database, PortfolioFileLoaded)
    assert (loaded.rows_accepted, loaded.amount_accepted) == (2, Decimal("200.00"))
    contracts = await service.rows("SELECT min(occurred_at), max(occurred_at) FROM outbox_bulk")
    assert states[1].occurred_at <= contracts[0]["min"]
    assert contracts[0]["max"] <= states[2].occurred_at


async def test_nothing_of_a_loaded_file_stays_in_the_staging_tables(service: ServiceClient) -> None:
    await service.load(await service.portfolio(), row("C-1"), row("C-2", amount_due="x"))

    for table in ("file_part", "file_row", "file_contract", "file_contact", "file_address"):
        assert await service.rows(f"SELECT FROM {table}") == [], table
    assert len(await service.rows("SELECT FROM file_reject")) == 1


async def test_a_new_contract_with_a_bad_row_loads_its_good_rows_and_is_incomplete(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await service.load(portfolio_id, row("C-1", 1), row("C-1", 2, amount_due="x"), row("C-2", amount_due="-1"))

    assert (file["contracts"], file["contracts_incomplete"], file["rows_rejected"]) == (1, 1, 2)
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["incomplete"], contract["total_balance"]) == (True, "100.00")
    assert len(await published(service.database, ContractRegistered)) == 1


async def test_a_known_contract_with_a_bad_row_keeps_its_balance_and_is_incomplete(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", 1, amount_due="100.00"))
    file = await service.load(
        portfolio_id, row("C-1", 1, amount_due="70.00"), row("C-1", 2, due_date="32/13/2026"), as_of="2026-09-11"
    )

    assert file["contracts_incomplete"] == 1
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["incomplete"], contract["total_balance"]) == (True, "100.00")
    [event] = await published(service.database, ContractRevised)
    assert event.incomplete

    await service.load(portfolio_id, row("C-1", 1, amount_due="70.00"), as_of="2026-09-12")
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["incomplete"], contract["total_balance"]) == (False, "70.00")


async def test_a_reload_absorbs_payments_up_to_its_day_and_keeps_the_later_ones_on_top(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", 1, amount_due="100.00"), row("C-1", 2, amount_due="100.00"))
    await service.pay(portfolio_id, "C-1", "30.00", paid_on="2026-09-10")
    later = await service.pay(portfolio_id, "C-1", "25.00", paid_on="2026-09-11")
    assert later["total_balance"] == "145.00"

    await service.load(
        portfolio_id, row("C-1", 1, amount_due="70.00"), row("C-1", 2, amount_due="100.00"), as_of="2026-09-10"
    )

    contract = await service.contract(portfolio_id, "C-1")
    assert contract["total_balance"] == "145.00"
    assert [i["unpaid"] for i in contract["instalments"]] == ["45.00", "100.00"]
    absorbed = await service.rows("SELECT amount FROM payment WHERE absorbed_by IS NOT NULL")
    assert [found["amount"] for found in absorbed] == [Decimal("30.00")]
    event = (await published(service.database, ContractRevised))[-1]
    assert (event.total_balance, event.last_payment is not None) == (Decimal("145.00"), True)


async def test_a_revision_that_moves_the_stage_publishes_the_move_with_its_cause(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-01"))
    await service.load(portfolio_id, row("C-1", due_date="2026-09-01"), as_of="2026-09-11")

    [changed] = await published(service.database, ContractStageChanged)
    [revised] = await published(service.database, ContractRevised)
    assert (changed.from_stage, changed.to_stage, changed.cause) == ("late", "early", "revision")
    assert changed.version < revised.version
    kinds = [line["kind"] for line in await service.history(portfolio_id, "C-1")]
    assert kinds == ["registered", "segment_changed", "escalated", "stage_changed", "revised"]


async def test_a_delta_does_not_change_contracts_that_it_does_not_name(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"), row("C-2"))
    await service.load(portfolio_id, row("C-2", amount_due="5.00"), as_of="2026-09-11")

    assert (await service.contract(portfolio_id, "C-1"))["state"] == "open"
    assert {event.contract_number for event in await published(service.database, ContractRevised)} == {"C-2"}


async def test_contact_points_follow_the_file_and_keep_the_opt_outs_of_the_debtor(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(
        portfolio_id,
        row("C-1", debtor_number="D", phone_1="9995194875", phone_2="9991234567"),
        row("C-2", debtor_number="D", phone_1="5555123456"),
    )
    [first] = [e for e in await published(service.database, ContractRegistered) if e.contract_number == "C-1"]
    refused = await service.client.patch(
        f"/v1/contact-points/{first.contact_points[0].contact_id}", json={"change": "opted_out"}
    )
    assert refused.status_code == 200, refused.text
    added = await service.client.post(
        f"/v1/contracts/{first.contract_id}/contact-points",
        json={"kind": "phone", "value": "+525555123456", "provenance": "debtor"},
    )
    assert added.status_code == 201, added.text

    await service.load(
        portfolio_id,
        row("C-1", debtor_number="D", phone_1="9995194875"),
        row("C-2", debtor_number="D", phone_1="9995194875"),
        as_of="2026-09-11",
    )
    revised = {event.contract_number: event for event in await published(service.database, ContractRevised)}
    assert {(p.value, p.usable, p.provenance) for p in revised["C-1"].contact_points} == {
        ("+529995194875", False, "creditor"),
        ("+525555123456", True, "debtor"),
    }
    assert [(p.value, p.usable) for p in revised["C-2"].contact_points] == [("+529995194875", False)]


async def test_two_files_of_a_portfolio_load_in_the_order_of_upload(service: ServiceClient) -> None:
    portfolio_id, other = await service.portfolio(), await service.portfolio()
    first = await service.upload(portfolio_id, csv_of(row("C-1", amount_due="1.00")), "2026-09-10")
    second = await service.upload(portfolio_id, csv_of(row("C-1", amount_due="2.00")), "2026-09-11")
    third = await service.upload(other, csv_of(row("C-1", amount_due="3.00")), "2026-09-10")

    async def statuses() -> list[str]:
        return [(await service.file(f.json()["file_id"]))["status"] for f in (first, second, third)]

    await service.loader.load_one()
    assert await statuses() == ["loaded", "received", "received"]
    await service.loader.load_one()
    await service.loader.load_one()
    assert await statuses() == ["loaded", "loaded", "loaded"]
    assert not await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "2.00"


async def test_a_file_that_waits_for_confirmation_holds_up_its_portfolio_alone(service: ServiceClient) -> None:
    portfolio_id, other = await service.portfolio(), await service.portfolio()
    await service.load(portfolio_id, row("C-1"), row("C-2"))
    await service.load(portfolio_id, row("C-1"), as_of="2026-09-11", mode="snapshot")
    behind = await service.upload(portfolio_id, csv_of(row("C-3")), "2026-09-12")
    elsewhere = await service.load(other, row("C-1"))

    assert elsewhere["status"] == "loaded"
    assert not await service.loader.load_one()
    assert (await service.file(behind.json()["file_id"]))["status"] == "received"


async def test_a_file_of_a_later_day_moves_the_business_date_before_it_is_applied(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-20"), row("C-2", due_date="2026-08-20"))
    await service.load(portfolio_id, row("C-2", due_date="2026-08-20", amount_due="7.00"), as_of="2026-09-21")

    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["staged_to"] == "2026-09-21"
    [untouched] = [
        e for e in await published(service.database, ContractStageChanged) if e.contract_id == _id(portfolio_id)
    ]
    assert (untouched.cause, untouched.to_stage, str(untouched.as_of)) == ("catch_up", "late", "2026-09-20")
    assert (await service.contract(portfolio_id, "C-2"))["days_past_due"] == 32


async def test_a_file_of_an_earlier_day_leaves_the_business_date_where_it_is(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-09-01"))
    await service.stage("2026-09-15", portfolio_id)
    await service.load(portfolio_id, row("C-1", due_date="2026-09-05"), as_of="2026-09-12")

    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["business_date"] == "2026-09-15"
    contract = await service.contract(portfolio_id, "C-1")
    assert (contract["days_past_due"], contract["stage"]) == (10, "early")


def _id(portfolio_id: UUID, number: str = "C-1") -> UUID:
    return uuid5(portfolio_id, number)


async def test_totals_have_more_digits_than_an_amount(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio(currency="VND")
    file = await service.load(portfolio_id, *(row(f"C-{n}", amount_due="999999999999.99") for n in range(40)))
    assert (file["status"], file["amount_accepted"]) == ("loaded", "39999999999999.60")
    [loaded] = await published(service.database, PortfolioFileLoaded)
    assert (loaded.total_accepted, loaded.amount_accepted) == (Decimal("39999999999999.60"), LARGEST_BALANCE)
    totals = await service.get("/v1/stages", portfolio_id=str(portfolio_id))
    assert "39999999999999.60" in {total["overdue_balance"] for total in totals}
    assert (await service.stage("2026-09-12", portfolio_id))["by_stage"]


async def test_a_contract_that_owes_too_much_is_rejected_and_the_file_loads(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    big = (row("BIG", n, amount_due="999999999999.99") for n in (1, 2))
    file = await service.load(portfolio_id, row("C-1"), *big)
    assert (file["status"], file["rows_accepted"], file["rows_rejected"]) == ("loaded", 1, 2)

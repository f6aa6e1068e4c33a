"""Creditors and portfolios over HTTP, and the events about a portfolio."""

from uuid import UUID, uuid4

import pytest
from chassis.testing import test_settings, unguarded_routes
from portfolio.files.loader import Loader
from portfolio.main import build_app
from portfolio.settings import PortfolioSettings
from recobro_events import Database
from recobro_events.contracts.portfolio import PortfolioStateChanged
from recobro_events.testing import published
from service_client import ServiceClient

CREDITOR = {"name": "Banco del Norte", "kind": "commercial", "country": "MX"}


async def test_a_portfolio_is_published_at_creation(service: ServiceClient) -> None:
    creditor = (await service.client.post("/v1/creditors", json=CREDITOR)).json()
    answer = await service.client.post(
        "/v1/portfolios", json={"creditor_id": creditor["creditor_id"], "name": "Tarjetas", "product": "card"}
    )

    assert answer.status_code == 201
    portfolio = answer.json()
    assert (portfolio["currency"], portfolio["jurisdiction"], portfolio["timezone"]) == (
        "MXN",
        "MX",
        "America/Mexico_City",
    )
    assert (portfolio["state"], portfolio["business_date"]) == ("ready", None)
    [event] = await published(service.database, PortfolioStateChanged)
    assert event.portfolio_id == UUID(portfolio["portfolio_id"])
    assert (event.version, event.state, event.business_date) == (1, "ready", None)
    assert (event.name, event.creditor_kind, event.timezone) == ("Tarjetas", "commercial", "America/Mexico_City")


async def test_created_creditors_and_portfolios_can_be_read_and_listed(service: ServiceClient) -> None:
    creditors = [(await service.client.post("/v1/creditors", json=CREDITOR)).json() for _ in range(3)]
    new = {"creditor_id": creditors[0]["creditor_id"], "name": "A"}
    portfolios = [(await service.client.post("/v1/portfolios", json=new)).json() for _ in range(2)]

    first = await service.get("/v1/creditors", limit=2)
    rest = await service.get("/v1/creditors", limit=2, cursor=first["next_cursor"])
    assert [*first["items"], *rest["items"]] == creditors
    assert await service.get(f"/v1/creditors/{creditors[1]['creditor_id']}") == creditors[1]
    assert (await service.get("/v1/portfolios"))["items"] == portfolios
    assert (await service.get("/v1/portfolios", creditor_id=creditors[1]["creditor_id"]))["items"] == []
    assert await service.get(f"/v1/portfolios/{portfolios[0]['portfolio_id']}") == portfolios[0]


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        ("/v1/creditors", {"kind": "church"}, 422),
        ("/v1/creditors", {"country": "Mexico"}, 422),
        ("/v1/creditors", {"name": ""}, 422),
        ("/v1/creditors", {"shoe_size": 43}, 422),
        ("/v1/portfolios", {"creditor_id": str(uuid4())}, 404),
        ("/v1/portfolios", {"jurisdiction": "XX"}, 422),
        ("/v1/portfolios", {"currency": "pesos"}, 422),
        ("/v1/portfolios", {"currency": "KWD"}, 422),
        ("/v1/portfolios", {"name": "a\u0000b"}, 422),
    ],
)
async def test_bad_input_changes_nothing(
    service: ServiceClient, path: str, change: dict[str, object], status: int
) -> None:
    creditor = (await service.client.post("/v1/creditors", json=CREDITOR)).json()
    good = CREDITOR if path == "/v1/creditors" else {"creditor_id": creditor["creditor_id"], "name": "A"}
    answer = await service.client.post(path, json=good | change)

    assert answer.status_code == status, answer.text
    assert len(await service.rows("SELECT FROM creditor")) == 1
    assert await service.rows("SELECT FROM portfolio") == []


async def test_settings_have_defaults_and_change_one_by_one(service: ServiceClient) -> None:
    creditor = (await service.client.post("/v1/creditors", json=CREDITOR)).json()
    new = {"creditor_id": creditor["creditor_id"], "name": "A", "delta_rows": "whole"}
    before = (await service.client.post("/v1/portfolios", json=new)).json()
    path = f"/v1/portfolios/{before['portfolio_id']}"
    limits = {
        "min_share_percent": "12.5",
        "max_days_ahead": 15,
        "max_broken_per_episode": 1,
        "tolerance": "0.00",
        "grace_in_business_days": False,
    }
    answer = await service.client.patch(
        path, json={"payment_holdoff_days": 5, "payment_channels": ["SPEI", "oxxo"], "promise_limits": limits}
    )

    assert answer.status_code == 200, answer.text
    assert (before["delta_rows"], before["reductions"], before["empty_cells"]) == ("whole", "payment", "keep")
    assert (before["posting_lag_days"], before["payment_holdoff_days"]) == (5, 3)
    assert before["payment_channels"][:3] == ["bank", "spei", "card"]
    changed = {"payment_holdoff_days": 5, "payment_channels": ["spei", "oxxo"], "promise_limits": limits}
    assert answer.json() == before | changed == await service.get(path)
    events = await published(service.database, PortfolioStateChanged)
    assert [(event.version, event.payment_holdoff_days) for event in events] == [(1, 3), (2, 5)]
    assert events[-1].promise_limits is not None
    assert events[-1].promise_limits.model_dump(mode="json") == limits


async def test_what_letters_say_of_a_creditor_is_published_with_all_its_portfolios(service: ServiceClient) -> None:
    creditor = (await service.client.post("/v1/creditors", json=CREDITOR)).json()
    new = {"creditor_id": creditor["creditor_id"], "name": "A"}
    ids = sorted([(await service.client.post("/v1/portfolios", json=new)).json()["portfolio_id"] for _ in range(2)])
    path = f"/v1/creditors/{creditor['creditor_id']}"
    answer = await service.client.patch(path, json={"legal_name": "Banco, S.A.", "phones": ["+525555550100"]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["letterhead"]["legal_name"] == "Banco, S.A."
    assert await service.get(path) == answer.json()
    events = (await published(service.database, PortfolioStateChanged))[2:]
    assert [(str(event.portfolio_id), event.version) for event in events] == [(id_, 2) for id_ in ids]
    assert {event.letterhead and event.letterhead.legal_name for event in events} == {"Banco, S.A."}
    assert (await service.client.patch(f"/v1/creditors/{uuid4()}", json={})).status_code == 404
    assert (await service.client.patch(path, json={"address": "x" * 301})).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"delta_rows": "some"},
        {"posting_lag_days": -1},
        {"payment_holdoff_days": 61},
        {"payment_channels": []},
        {"payment_channels": ["spei", "SPEI"]},
        {"payment_channels": ["file"]},
        {"promise_limits": {"min_share_percent": "101"}},
        {"currency": "USD"},
    ],
)
async def test_bad_settings_change_nothing(service: ServiceClient, change: dict[str, object]) -> None:
    creditor = (await service.client.post("/v1/creditors", json=CREDITOR)).json()
    new = {"creditor_id": creditor["creditor_id"], "name": "A"}
    portfolio = (await service.client.post("/v1/portfolios", json=new)).json()
    path = f"/v1/portfolios/{portfolio['portfolio_id']}"

    assert (await service.client.patch(path, json=change)).status_code == 422
    assert await service.get(path) == portfolio


async def test_unknown_creditors_and_portfolios_are_404(service: ServiceClient) -> None:
    for path in (f"/v1/creditors/{uuid4()}", f"/v1/portfolios/{uuid4()}", f"/v1/stages?portfolio_id={uuid4()}"):
        assert (await service.client.get(path)).status_code == 404, path


async def test_every_stage_of_an_empty_portfolio_is_listed_without_contracts(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    assert await service.get("/v1/stages", portfolio_id=portfolio_id) == [
        {"stage": stage, "contracts": 0, "overdue_balance": "0.00"} for stage in ("current", "early", "late", "legal")
    ]


def test_every_route_has_a_guard() -> None:
    database = Database("postgresql://127.0.0.1:1/nowhere")
    settings = PortfolioSettings(**test_settings().model_dump())
    assert unguarded_routes(build_app(settings, database, None, Loader(database))) == []

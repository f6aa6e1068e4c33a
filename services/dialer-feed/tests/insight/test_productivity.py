"""What calls have brought: for which call a promise and a payment count, by who called, about what and when."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import openpyxl
import pytest
from agencies_at_work import Agency, two_agencies
from dialing_agencies import Promise
from dialing_requests import Json, call, code_of, report_calls
from dialing_scene import DAY, Contract, Scene
from recobro_events import Event

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FIGURES = ("attempts", "connected", "right_party", "promises", "kept", "amount_promised", "recovered", "talk_seconds")


def at(hour: int, day: date = DAY) -> str:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC).isoformat()


def paid(contract: Contract, amount: str, day: date = DAY, **more: Any) -> Event:
    contract.as_of = day
    return contract.paid(amount, **more)


@pytest.fixture
async def agencies(scene: Scene, client: httpx.AsyncClient) -> tuple[Agency, Agency]:
    return await two_agencies(scene, client)


async def produced(client: httpx.AsyncClient, headers: Json | None = None, **wanted: Any) -> list[Json]:
    answer = await client.get("/v1/productivity", params={"to": str(DAY), **wanted}, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


def figures(row: Json) -> list[Any]:
    return [row[name] for name in FIGURES]


@pytest.mark.usefixtures("calls_of_any_age")
async def test_attempts_conversations_promises_and_money_stand_by_agent(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    calls = [
        call(own.list_id, own.contract, "no_answer", started_at=at(15)),
        call(own.list_id, own.contract, "right_party", started_at=at(16)),
        call(own.list_id, own.contract, "promise", agent="eva", started_at=at(17), duration_seconds=90),
        call(own.list_id, own.contract, "third_party", agent="eva", started_at=at(18), direction="inbound"),
        call(other.list_id, other.contract, "busy", agent="ana", started_at=at(16)),
    ]
    await report_calls(client, *calls)
    begun = {"attempt_id": "open", "list_id": str(own.list_id), "contract_number": own.contract.number}
    begun |= {"phone": own.contract.phones[0].value, "started_at": at(19), "agent": "eva"}
    assert (await client.post("/v1/attempts", json=begun)).status_code == 201
    promise = Promise(own.contract.contract_id)
    payment = paid(own.contract, "500.00", DAY + timedelta(days=2))
    await scene.receives(promise.made(), payment, promise.kept())
    rows = {(row["agency_id"], row["agent"]): figures(row) for row in await produced(client, by="agent")}
    assert rows == {
        (str(own.agency_id), "ana"): [2, 1, 1, 0, 0, "0.00", "0.00", 30],
        # Eva spoke last with the debtor; the third party is no conversation that counts.
        (str(own.agency_id), "eva"): [2, 2, 1, 1, 1, "500.00", "500.00", 120],
        (str(other.agency_id), "ana"): [1, 0, 0, 0, 0, "0.00", "0.00", 0],
    }
    totals = {by: await produced(client, by=by) for by in ("product", "contract", "campaign", "agency", "hour", "day")}
    for by, found in totals.items():
        assert sum(row["attempts"] for row in found) == 5, by
        assert [row["recovered"] for row in found if row["recovered"] != "0.00"] == ["500.00"], by
    assert {row["contract_number"] for row in totals["contract"]} == {own.contract.number, other.contract.number}
    assert {row["campaign_id"] for row in totals["campaign"]} == {str(own.campaign_id), str(other.campaign_id)}
    # 15:00 UTC is 9 in Mexico City.
    assert {row["hour"]: row["attempts"] for row in totals["hour"]} == {9: 1, 10: 2, 11: 1, 12: 0, 13: 1}
    assert [row["day"] for row in totals["day"]] == [str(DAY)]


@pytest.mark.usefixtures("calls_of_any_age")
async def test_a_payment_counts_once_for_the_last_contact_within_the_days(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    """Both agencies spoke with the debtor. What is reversed, or paid before or long after, counts for nobody."""
    own, other = agencies
    about = {"contract_id": str(own.contract.contract_id)}
    calls = [
        call(own.list_id, own.contract, "right_party", call_id="first", started_at=at(16)),
        call(other.list_id, own.contract, "right_party", call_id="last", started_at=at(17)) | about,
    ]
    del calls[1]["contract_number"]
    await report_calls(client, *calls)
    await scene.receives(
        paid(own.contract, "70.00", DAY - timedelta(days=1)),
        paid(own.contract, "10.00", DAY),
        paid(own.contract, "20.00", DAY + timedelta(days=3)),
        paid(own.contract, "40.00", DAY + timedelta(days=4)),
    )
    own.contract.as_of = DAY
    bounced = own.contract.paid("80.00")
    await scene.receives(bounced, own.contract.payment_reversed(bounced))
    found = {row["agency_id"]: row["recovered"] for row in await produced(client, by="agency", within_days=3)}
    assert found == {str(own.agency_id): "0.00", str(other.agency_id): "30.00"}
    [mine] = await produced(client, headers=own.headers, by="agency", within_days=3)
    assert (mine["agency_id"], mine["recovered"]) == (str(own.agency_id), "0.00"), "the other's contact still counts"
    [mine] = await produced(client, headers=own.headers, by="agency", agency_id=other.agency_id)
    assert mine["agency_id"] == str(own.agency_id)


async def test_the_answer_says_how_it_attributes_and_comes_as_a_table(
    client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, other = agencies
    names = [call(own.list_id, own.contract, agent="=SUM(A1)"), call(own.list_id, own.contract, agent="Ñuño")]
    await report_calls(client, *names, call(other.list_id, other.contract))
    answer = (await client.get("/v1/productivity", params={"to": str(DAY), "within_days": 5})).json()
    assert "in the 5 days before it" in answer["attribution"]
    assert (answer["from"], answer["to"]) == (str(DAY - timedelta(days=27)), str(DAY))
    assert {row["within_days"] for row in answer["items"]} == {5}
    wanted = {"to": str(DAY), "agency_id": str(own.agency_id)}
    text = await client.get("/v1/productivity", params=wanted, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(text.text.removeprefix("\ufeff"))))
    assert [(row["agent"], row["attempts"]) for row in rows] == [("'=SUM(A1)", "1"), ("Ñuño", "1")]
    book = await client.get("/v1/productivity", params={**wanted, "format": "xlsx"})
    assert book.headers["content-type"] == EXCEL
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).worksheets[0]
    [header, *written] = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert [row[header.index("agent")] for row in written] == ["=SUM(A1)", "Ñuño"]
    assert {cell.data_type for cell in sheet["B"]} == {"s"}


async def test_rows_are_paged_and_periods_are_bounded(
    client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    own, _ = agencies
    await report_calls(client, *(call(own.list_id, own.contract, agent=f"agent {n}") for n in range(5)))
    path, found, cursor = "/v1/productivity", [], None
    while True:
        page: dict[str, Any] = {"to": str(DAY), "limit": 2, "order": "desc"} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get(path, params=page)).json()
        found += [row["agent"] for row in answer["items"]]
        if (cursor := answer["next_cursor"]) is None:
            break
    assert found == [f"agent {n}" for n in (4, 3, 2, 1, 0)]
    wrongs: tuple[Json, ...] = ({"from": "2026-01-01", "to": "2026-04-03"}, {"by": "debtor"}, {"within_days": 61})
    for wrong in wrongs:
        assert code_of(await client.get(path, params=wrong)) == "invalid", wrong


async def test_a_promise_is_known_when_its_events_come_in_another_order(
    scene: Scene, client: httpx.AsyncClient, agencies: tuple[Agency, Agency]
) -> None:
    """Promises that are published again come with their state first."""
    own, _ = agencies
    await report_calls(client, call(own.list_id, own.contract, "promise"))
    promise = Promise(own.contract.contract_id)
    made, kept = promise.made(), promise.kept()
    await scene.receives(kept)
    await scene.receives(made)
    [row] = await produced(client, by="agency")
    assert (row["kept"], row["amount_promised"]) == (1, "500.00")

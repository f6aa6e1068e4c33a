"""The history of a contract: what every service has stated, told in the reader's language."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import Any
from uuid import UUID, uuid4

import httpx
import portfolio
import pytest
from chassis.testing import mint
from events_of_other_services import later, placed, promised, receive, visited
from portfolio.contracts import telling
from portfolio.handlers import _HISTORY_EVENTS
from portfolio_builders import TODAY, Given, days_ago, pay
from recobro_events.contracts.dialer_feed import (
    CallCompleted,
    ContractsListed,
    Disposition,
    ListEntryWithdrawn,
    WithdrawalAcknowledged,
    WithdrawalReason,
)
from recobro_events.contracts.field_visits import VisitCompleted, VisitReinstated
from recobro_events.contracts.promises import PromiseKept

NOW = datetime(2026, 9, 10, 15, 30, tzinfo=UTC)


def called(contract_id: UUID, **changes: Any) -> CallCompleted:
    fields: dict[str, Any] = {
        "contract_id": contract_id,
        "call_id": uuid4().hex,
        "list_id": uuid4(),
        "agent": "ana",
        "started_at": NOW,
        "duration_seconds": 95,
        "disposition": Disposition.RIGHT_PARTY,
        "right_party": True,
    }
    return CallCompleted(**(fields | changes))


def listed(*contract_ids: UUID, **changes: Any) -> ContractsListed:
    fields: dict[str, Any] = {
        "list_id": uuid4(),
        "campaign_id": uuid4(),
        "campaign_name": "Recordatorio",
        "business_date": TODAY,
        "published_at": NOW,
        "contract_ids": contract_ids,
    }
    return ContractsListed(**(fields | changes))


def withdrawn(contract_id: UUID, list_id: UUID, **changes: Any) -> ListEntryWithdrawn:
    fields: dict[str, Any] = {
        "contract_id": contract_id,
        "list_id": list_id,
        "contract_number": "A",
        "reason": WithdrawalReason.PAYMENT,
        "caused_at": NOW,
        "withdrawn_at": NOW + timedelta(seconds=1),
    }
    return ListEntryWithdrawn(**(fields | changes))


async def lines(client: httpx.AsyncClient, contract_id: UUID, language: str = "en", **query: Any) -> list[Any]:
    headers = {"Accept-Language": language}
    answer = await client.get(f"/v1/contracts/{contract_id}/history", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-language"] == language[:2]
    return list(answer.json()["items"])


async def summaries(client: httpx.AsyncClient, contract_id: UUID, language: str, **query: Any) -> list[str]:
    return [line["summary"] for line in await lines(client, contract_id, language, **query)]


async def a_life(client: httpx.AsyncClient, given: Given) -> UUID:
    """A contract that came on a list, was called, promised, paid, left the list and kept its promise."""
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "1234.50"))
    on_list, promise = listed(contract_id, uuid4()), promised(contract_id, promised=Decimal("1234.50"))
    await receive(given, on_list)
    await receive(given, called(contract_id), promise)
    await pay(client, contract_id, "1234.50")
    await receive(
        given,
        withdrawn(contract_id, on_list.list_id),
        later(PromiseKept, promise, paid=Decimal("1234.50")),
        WithdrawalAcknowledged(
            contract_id=contract_id, list_id=on_list.list_id, dialer_id="marcador-1", acknowledged_at=NOW
        ),
    )
    return contract_id


async def test_the_life_of_a_contract_stands_in_one_order_over_all_services(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await a_life(client, given)
    life = await lines(client, contract_id)
    kinds = [line["kind"] for line in life]
    assert kinds[0] == "listed"
    assert {*kinds[1:3]} == {"call", "promise_made"}
    assert kinds[3:6] == ["stage_changed", "payment_received", "closed"]
    assert {*kinds[6:]} == {"list_withdrawn", "promise_kept", "withdrawal_acknowledged"}
    assert [line["kind"] for line in await lines(client, contract_id, order="desc")] == kinds[::-1]
    pages: list[str] = []
    cursor = None
    while cursor or not pages:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        body = (await client.get(f"/v1/contracts/{contract_id}/history", params=query)).json()
        pages += [line["kind"] for line in body["items"]]
        cursor = body["next_cursor"]
    assert pages == kinds
    by_kind = {line["kind"]: line for line in life}
    assert datetime.fromisoformat(by_kind["call"]["happened_at"]) == NOW
    assert datetime.fromisoformat(by_kind["list_withdrawn"]["happened_at"]) == NOW + timedelta(seconds=1)
    assert by_kind["payment_received"]["happened_at"] is None
    assert by_kind["listed"]["data"]["campaign"] == "Recordatorio"


async def test_each_line_is_told_in_the_readers_language(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_life(client, given)
    wanted = {"kind": ["listed", "call", "payment_received", "stage_changed", "list_withdrawn"]}
    assert await summaries(client, contract_id, "es-MX", **wanted) == [
        "Entró a una lista de la campaña Recordatorio",
        "Llamada saliente, ana, 95 s: con el deudor",
        "Cambió de etapa, de tardía a al corriente, con 0 días de atraso; causa: pago",
        f"Pago de 1,234.50 MXN por SPEI, del {TODAY:%d/%m/%Y}",
        "Salió de una lista: pago",
    ]
    assert await summaries(client, contract_id, "pt-BR", **wanted) == [
        "Entrou em uma lista da campanha Recordatorio",
        "Ligação feita, ana, 95 s: com o devedor",
        "Mudou de etapa, de tardia a em dia, com 0 dias de atraso; causa: pagamento",
        f"Pagamento de 1.234,50 MXN por SPEI, de {TODAY:%d/%m/%Y}",
        "Saiu de uma lista: pagamento",
    ]
    assert await summaries(client, contract_id, "en", **wanted) == [
        "Came on the dialing list of the campaign Recordatorio",
        "Call, outbound, by ana, 95 s: with the debtor",
        "Stage from late to current, 0 days past due, because of: payment",
        f"Payment of 1,234.50 MXN by SPEI, paid on {TODAY}",
        "Left a dialing list: payment",
    ]


async def test_a_line_of_another_release_is_told_as_it_was_written(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    async with given.database.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO contract_history (contract_id, business_date, kind, summary, data)
            VALUES ($1, $2, 'visit', 'debtor attended: visited', '{}'), ($1, $2, 'of_tomorrow', 'a new kind', '{}')
            """,
            contract_id,
            TODAY,
        )
    for language in ("es", "pt", "en"):
        assert await summaries(client, contract_id, language) == ["debtor attended: visited", "a new kind"]


async def test_lines_are_found_by_kind_day_and_who_acted(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_life(client, given)
    tomorrow = TODAY + timedelta(days=1)
    await receive(given, listed(contract_id, business_date=tomorrow))
    assert len(await lines(client, contract_id, **{"from": str(tomorrow)})) == 1
    assert len(await lines(client, contract_id, to=str(TODAY), kind=["call", "listed"])) == 2
    assert [line["kind"] for line in await lines(client, contract_id, actor="ana")] == ["call"]
    [line] = await lines(client, contract_id, actor="marcador-1")
    assert (line["kind"], line["actor"]["subject"]) == ("withdrawal_acknowledged", "marcador-1")
    clerk = {"Authorization": f"Bearer {mint(subject='clara')}"}
    owing = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    path = f"/v1/contracts/{owing}/pauses"
    body = {"reason": "huelga", "starts_on": str(TODAY)}
    assert (await client.post(path, json=body, headers=clerk)).status_code == 201
    assert [line["kind"] for line in await lines(client, owing, actor="clara")] == ["paused"]
    backwards = {"from": str(tomorrow), "to": str(TODAY)}
    refused = await client.get(f"/v1/contracts/{contract_id}/history", params=backwards)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query/to")


async def test_a_call_about_several_contracts_is_in_the_history_of_each(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    one, other = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(2)]
    await receive(given, called(one, also=(other, uuid4())))
    [line] = await lines(client, other)
    assert (line["kind"], line["data"]["dialed_for"], line["actor"]["subject"]) == ("call", str(one), "ana")
    assert [line["kind"] for line in await lines(client, one)] == ["call"]


async def test_an_agency_sees_its_own_lists_and_no_actor(client: httpx.AsyncClient, given: Given) -> None:
    own, other = uuid4(), uuid4()
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await receive(
        given,
        placed(contract_id, own),
        listed(contract_id, agency_id=own),
        listed(contract_id, agency_id=other),
        listed(contract_id),
        called(contract_id, agency_id=own),
    )
    headers = {"Authorization": f"Bearer {mint(agency_id=own, subject='agency')}"}
    path = f"/v1/contracts/{contract_id}/history"
    seen = (await client.get(path, headers=headers)).json()["items"]
    assert sorted(line["kind"] for line in seen) == ["call", "listed", "placed"]
    assert {line["actor"] for line in seen} == {None}
    assert str(other) not in json.dumps(seen)
    assert (await client.get(path, headers=headers, params={"actor": "ana"})).json()["items"] == []


async def test_a_visit_that_is_ordered_again_is_told(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    again = VisitReinstated(
        contract_id=contract_id, visit_id=uuid4(), visitor="v", address_id=uuid4(), visit_on=TODAY, agency_id=uuid4()
    )
    await receive(given, visited(contract_id, reason_for_non_payment="desempleo"), again)
    assert sorted(await summaries(client, contract_id, "es")) == [
        f"Visita programada de nuevo para el {TODAY:%d/%m/%Y}",
        "Visita, atendió el deudor: visitado. Motivo de no pago: desempleo",
    ]


async def test_a_visit_and_a_call_that_are_entered_again_count_once(client: httpx.AsyncClient, given: Given) -> None:
    """Their service was restored and told again. Its event is another one, about the same fact."""
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    visit, call = visited(contract_id), called(contract_id)
    for _ in range(2):
        await receive(given, VisitCompleted(**visit.model_dump()), CallCompleted(**call.model_dump()))
    [counted] = await given.rows("SELECT sum(attempts) AS attempts, sum(contacts) AS contacts FROM contact_day")
    assert tuple(counted) == (2, 2)
    lines = (await client.get(f"/v1/contracts/{contract_id}/history")).json()["items"]
    assert sorted(line["kind"] for line in lines) == ["call", "visit"]
    await receive(given, called(contract_id, call_id=call.call_id, started_at=NOW + timedelta(hours=1)))
    [counted] = await given.rows("SELECT sum(attempts) AS attempts FROM contact_day")
    assert counted["attempts"] == 3, "a dialer may give a call's id again"


def facts_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_every_kind_of_line_that_the_service_writes_has_a_sentence() -> None:
    code = "".join(file.read_text() for file in Path(portfolio.__file__).parent.rglob("*.py"))
    written = set(re.findall(r'\bLine\(\s*[\w.]+(?:\["\w+"\])?,\s*"([a-z_]+)"', code))
    assert {"letter_delivered", "payment_received", "receipt_stored"} <= written
    # The summaries of these two are sentences of a refusal, which are translated as such.
    assert written - {"address_refused", "contact_data_refused"} <= set(telling.WORDING)


def test_every_sentence_has_its_facts_in_spanish_and_portuguese() -> None:
    known = telling._SENTENCES.translations
    sentences = [sentence for of_kind in telling.WORDING.values() for sentence in of_kind]
    assert sorted(sentences) == sorted(one for one in known if not one.startswith("word "))
    for sentence in sentences:
        for language in ("es", "pt"):
            assert facts_of(known[sentence][language]) == facts_of(sentence), sentence


@pytest.mark.parametrize("entry", _HISTORY_EVENTS, ids=lambda entry: entry.kind)
def test_every_event_of_another_service_has_a_sentence_with_facts_that_it_has(entry: Any) -> None:
    fields = set(entry.event_type.model_fields)
    assert any(facts_of(sentence) <= fields for sentence in telling.WORDING[entry.kind])
    assert all(facts_of(sentence) <= fields for sentence in telling.WORDING[entry.kind])

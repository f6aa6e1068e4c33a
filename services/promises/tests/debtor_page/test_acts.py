"""What a debtor does on the page: once for each form, by the debtor's name, and never after the page is dead."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from agreement_scene import EVA, LUZ, act, proposed, schedule
from page_scene import Visitor, known_contract, signed_in
from promise_scene import Json, Scene, day
from recobro_events import Event
from recobro_events.contracts.portfolio import Components, ContractState, DebtorStatus
from recobro_events.contracts.promises import (
    AgreementReached,
    ClarificationRequested,
    ConvenienceRequested,
    PromiseMade,
)
from test_promise_interleavings import applied

PROMISE = {"amount": "250.00", "due_on": str(day(5))}
OFFER: Json = {
    "code": "ALIVIO",
    "steps": [{"pay_within_days": 10, "discount_percent": "20"}],
    "instalments": 2,
    "valid_days": 5,
    "needs_approval": False,
}


async def acts_of(scene: Scene, link: Json) -> list[Json]:
    found: list[Json] = (await scene.client.get(f"/v1/links/{link['link_id']}")).json()["acts"]
    return found


async def offered(scene: Scene, **changes: Any) -> None:
    answer = await scene.client.put("/v1/offer-rules", json={"rules": [OFFER | changes]}, headers=LUZ)
    assert answer.status_code == 200, answer.text


async def test_a_debtor_sees_what_is_owed_and_promises(scene: Scene) -> None:
    parts = Components(
        principal=Decimal("700.00"),
        ordinary_interest=Decimal("200.00"),
        default_interest=Decimal("100.00"),
        fees=Decimal(0),
        tax=Decimal(0),
        other=Decimal(0),
    )
    contract = await known_contract(scene, components=parts)
    visitor, _, link = await signed_in(scene, contract)
    assert {"$1,000.00 M.N.", "$700.00 M.N.", "Intereses moratorios"} <= {
        said for said in ("$1,000.00 M.N.", "$700.00 M.N.", "Intereses moratorios") if said in visitor.page.text
    }
    page = await visitor.send("promise", amount="$ 1,000", due_on=str(day(5)))
    assert page.status_code == 200
    assert "Ha prometido $1,000.00 M.N." in page.text
    [event] = await scene.published(PromiseMade)
    assert (event.promised, event.due_on, event.made_in) == (Decimal("1000.00"), day(5), "portal")
    [row] = await scene.rows("SELECT actor FROM promise")
    assert (row["actor"]["subject"], row["actor"]["token_id"]) == ("debtor by link", link["link_id"])
    [kept] = await acts_of(scene, link)
    assert (kept["kind"], kept["result"]["promise_id"]) == ("promise", str(event.promise_id))
    entries = await scene.rows("SELECT actor, path, objects FROM audit_entry WHERE path LIKE '/p/%' ORDER BY entry_id")
    assert [entry["path"] for entry in entries] == ["/p/identity", "/p/act/promise"]
    assert all(entry["actor"]["subject"] == "debtor by link" for entry in entries)
    assert all(contract.contract_id in entry["objects"] for entry in entries)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": "0"}, "mayor que cero"),
        ({"amount": "12.345"}, "mayor que cero"),
        ({"amount": "mucho"}, "mayor que cero"),
        ({"amount": "1000.01"}, "mayor que cero"),
        ({"due_on": ""}, "uno de los días"),
        ({"due_on": str(day(-1))}, "uno de los días"),
        ({"due_on": "9999-99-99"}, "uno de los días"),
    ],
)
async def test_a_mistake_is_named_and_what_was_typed_stays(scene: Scene, fields: Json, said: str) -> None:
    visitor, _, link = await signed_in(scene)
    page = await visitor.send("promise", **PROMISE | fields)
    assert page.status_code == 422
    assert said in page.text
    assert 'role="alert"' in page.text
    for value in (PROMISE | fields).values():
        assert f'value="{value}"' in page.text
    assert not await acts_of(scene, link)
    assert (await visitor.send("promise", **PROMISE)).status_code == 200


async def test_the_limits_of_the_portfolio_are_said_and_hold(scene: Scene) -> None:
    await scene.limit(min_share_percent=Decimal(50), max_days_ahead=10, max_broken_per_episode=0)
    visitor, _, _ = await signed_in(scene)
    assert "De $500.00 M.N. a $1,000.00 M.N." in visitor.page.text
    assert "demasiado bajo" in (await visitor.send("promise", amount="499.99", due_on=str(day(5)))).text
    assert "demasiado lejana" in (await visitor.send("promise", amount="500", due_on=str(day(11)))).text
    assert "no se cumplieron" in (await visitor.send("promise", amount="500", due_on=str(day(5)))).text
    assert not await scene.published(PromiseMade)


async def test_the_same_form_twice_at_once_and_by_the_back_button_is_one_promise(scene: Scene) -> None:
    visitor, _, link = await signed_in(scene)
    form = visitor.form("/p/act/promise") | PROMISE
    both = await asyncio.gather(*(visitor.http.post("/p/act/promise", data=form) for _ in range(4)))
    assert [answer.status_code for answer in both] == [303] * 4
    assert len({answer.headers["location"] for answer in both}) == 1
    page = await visitor.post("/p/act/promise", form | {"amount": "300.00"})
    assert "Ha prometido $250.00" in page.text, "the form was sent already, and says what came of it"
    assert len(await scene.published(PromiseMade)) == len(await acts_of(scene, link)) == 1


async def test_two_tabs_make_two_acts_and_the_second_on_the_same_day_is_explained(scene: Scene) -> None:
    visitor, _, _ = await signed_in(scene)
    first = visitor.form("/p/act/promise")
    await visitor.get("/p/mine")
    second = visitor.form("/p/act/promise")
    assert first["form"] != second["form"]
    assert (await visitor.post("/p/act/promise", first | PROMISE)).status_code == 200
    refused = await visitor.post("/p/act/promise", second | PROMISE)
    assert refused.status_code == 409
    assert "Ya prometió un pago para ese día" in refused.text


@pytest.mark.parametrize(
    "form", ["", "x", "x.y", "eHh4.c2lnbmF0dXJl", "\u00e9.\u00e9"], ids=["none", "short", "wrong", "long", "letters"]
)
async def test_a_form_that_the_page_did_not_make_does_nothing(scene: Scene, form: str) -> None:
    visitor, _, link = await signed_in(scene)
    assert (await visitor.post("/p/act/promise", PROMISE | {"form": form})).status_code == 404
    assert not await acts_of(scene, link)


async def test_another_sessions_form_and_another_contracts_agreement_do_nothing(scene: Scene) -> None:
    visitor, contract, _ = await signed_in(scene)
    other, other_contract, _ = await signed_in(scene, await known_contract(scene, number="C-2"))
    form = other.form("/p/act/promise")
    assert (await visitor.post("/p/act/promise", form | PROMISE)).status_code == 404
    agreement = await proposed(scene, other_contract, discount="100.00", instalments=1, first_due_on=str(day(5)))
    await act(scene, agreement, "approval", headers=EVA)
    await proposed(scene, contract, discount="100.00", instalments=1, first_due_on=str(day(5)))
    await visitor.get("/p/mine")
    page = await visitor.send("decline", agreement_id=agreement["agreement_id"])
    assert (page.status_code, "ya está decidido" in page.text) == (404, True)
    foreign = {"agreement_id": agreement["agreement_id"], "proof": agreement["acceptance_code"]}
    page = await visitor.post("/p/act/acceptance", visitor.form("/p/act/decline") | foreign)
    assert page.status_code == 404
    assert not await scene.published(AgreementReached)
    assert not await scene.published(PromiseMade)


@asynccontextmanager
async def held(scene: Scene, *events: Event) -> AsyncIterator[None]:
    """Apply the events in a transaction that commits when the block ends."""
    async with applied(scene, *events):
        yield


@pytest.mark.parametrize(
    "change",
    [
        {"state": ContractState.RETURNED},
        {"status": DebtorStatus.DECEASED},
        {"status": DebtorStatus.REPRESENTED},
        {"tax_id": None, "postal_codes": ()},
    ],
    ids=["closed", "deceased", "represented", "erased"],
)
@pytest.mark.parametrize("kind", ["promise", "dispute", "contact", "end"])
async def test_a_contract_that_ends_while_the_form_is_open_takes_nothing(
    scene: Scene, kind: str, change: dict[str, Any]
) -> None:
    """The form waits for the contract's lock, which the event holds, and finds the link dead."""
    visitor, contract, link = await signed_in(scene)
    fields = visitor.form(f"/p/act/{kind}") | PROMISE | {"reason": "other", "media": "sms"}
    async with held(scene, contract.revised(**change)):
        sent = asyncio.create_task(visitor.http.post(f"/p/act/{kind}", data=fields))
        await scene.blocked("FROM contract WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id FOR UPDATE")
    assert (await sent).status_code == 404
    assert not await acts_of(scene, link)
    assert not await scene.published(PromiseMade)
    assert not await scene.published(ClarificationRequested)
    assert not await scene.published(ConvenienceRequested)


async def test_a_link_that_is_revoked_while_the_form_is_open_takes_nothing(scene: Scene) -> None:
    visitor, _, link = await signed_in(scene)
    fields = visitor.form("/p/act/promise") | PROMISE
    path = f"/v1/links/{link['link_id']}/revocation"
    assert (await scene.client.post(path, json={"reason": "the debtor called"})).status_code == 201
    assert (await visitor.post("/p/act/promise", fields)).status_code == 404
    assert not await scene.published(PromiseMade)


async def test_an_offer_is_chosen_and_accepted_by_its_code(scene: Scene) -> None:
    await offered(scene)
    visitor, _, link = await signed_in(scene)
    assert "Pague $800.00 M.N. en lugar de $1,000.00 M.N." in visitor.page.text
    page = await visitor.send("choice")
    assert page.status_code == 200
    assert "Anotamos su elección" in page.text
    assert not await scene.published(AgreementReached)
    wrong = await visitor.send("acceptance", proof="XXXX")
    assert wrong.status_code == 422
    assert "no es el código" in wrong.text
    [row] = await scene.rows("SELECT acceptance_code FROM proposal")
    page = await visitor.send("acceptance", proof=f" {row['acceptance_code'].lower()} ")
    assert "Su convenio está en vigor" in page.text
    [reached] = await scene.published(AgreementReached)
    assert (reached.discount, len(reached.schedule)) == (Decimal("200.00"), 2)
    [row] = await scene.rows("SELECT accepted_by, acceptance_actor FROM proposal")
    assert (row["accepted_by"], row["acceptance_actor"]["subject"]) == ("code", "debtor by link")
    assert [one["kind"] for one in await acts_of(scene, link)] == ["choice", "acceptance"]
    assert not visitor.has("/p/act/choice")
    assert not visitor.has("/p/act/promise"), "what the agreement does not ask for is given up"


async def test_what_needs_approval_waits_for_a_colleague_and_can_be_declined(scene: Scene) -> None:
    await offered(scene, needs_approval=True)
    visitor, contract, _ = await signed_in(scene)
    page = await visitor.send("choice")
    assert "Todavía tenemos que aprobarlo" in page.text
    assert not visitor.has("/p/act/acceptance"), "nobody accepts before"
    form = visitor.form("/p/act/decline") | {"kind": "settlement", "offer_id": "1.ALIVIO.0.20261123"}
    again = await visitor.post("/p/act/choice", form)
    assert again.status_code == 409
    assert "Ya hay un convenio pendiente" in again.text
    page = await visitor.send("decline")
    assert "Usted rechazó el convenio" in page.text
    [row] = await scene.rows("SELECT state, cancellation_reason FROM proposal")
    assert tuple(row) == ("cancelled", "declined_by_debtor")
    agreement = await proposed(scene, contract, schedule=schedule((5, "800.00")))
    await act(scene, agreement, "approval", headers=EVA)
    await visitor.get("/p/mine")
    assert "Su convenio está en vigor" in (await visitor.send("acceptance", proof=agreement["acceptance_code"])).text


async def test_a_plan_among_the_offers_is_in_force_at_once(scene: Scene) -> None:
    await offered(scene, kind="plan", steps=[{"pay_within_days": 5, "discount_percent": "0"}])
    visitor, _, _ = await signed_in(scene)
    assert "Pague en 2 pagos" in visitor.page.text
    assert "Su convenio está en vigor" in (await visitor.send("choice")).text
    assert len(await scene.published(PromiseMade)) == 2


async def test_an_offer_that_is_not_made_is_refused(scene: Scene) -> None:
    await offered(scene)
    visitor, _, _ = await signed_in(scene)
    form = visitor.form("/p/act/choice")
    for changes, status in (({"offer_id": "9.X.0.20261123"}, 409), ({"offer_id": ""}, 422), ({"kind": "gift"}, 422)):
        assert (await visitor.post("/p/act/choice", form | changes)).status_code == status
    assert not await scene.rows("SELECT FROM proposal")


async def test_a_dispute_goes_to_the_portfolio_once(scene: Scene) -> None:
    visitor, contract, link = await signed_in(scene)
    page = await visitor.send("dispute", reason="wrong_amount", detail="Pagué\r\n la mitad")
    assert "Recibimos su mensaje" in page.text
    refused = await visitor.send("dispute", reason="other")
    assert (refused.status_code, "no hace falta enviarlo otra vez" in refused.text.lower()) == (409, True)
    [event] = await scene.published(ClarificationRequested)
    assert (event.contract_id, event.reason, event.detail) == (contract.contract_id, "wrong_amount", "Pagué la mitad")
    assert event.reported_by == "debtor by link"
    assert "Pagué" not in json.dumps(await acts_of(scene, link)), "the link keeps none of the debtor's words"


async def test_a_disputed_contract_shows_what_is_owed_and_says_why_nothing_can_be_agreed(scene: Scene) -> None:
    await offered(scene)
    visitor, contract, _ = await signed_in(scene)
    promise, choice = visitor.form("/p/act/promise"), visitor.form("/p/act/choice")
    await scene.receives(contract.disputed())
    page = await visitor.get("/p/mine")
    assert page.status_code == 200
    assert "$1,000.00 M.N." in page.text
    assert "Estamos revisando su caso" in page.text
    assert not visitor.has("/p/act/promise")
    assert not visitor.has("/p/act/dispute")
    for kind, fields in (("promise", promise | PROMISE), ("choice", choice)):
        refused = await visitor.post(f"/p/act/{kind}", fields)
        assert (refused.status_code, "Estamos revisando su caso" in refused.text) == (409, True)


@pytest.mark.parametrize("fields", [{}, {"reason": "x"}, {"reason": "other", "detail": "a\u202eb"}])
async def test_a_dispute_without_a_reason_is_refused(scene: Scene, fields: Json) -> None:
    visitor, _, _ = await signed_in(scene)
    assert (await visitor.send("dispute", **fields)).status_code == 422
    assert not await scene.published(ClarificationRequested)


async def test_media_days_and_hours_travel_as_a_convenience(scene: Scene) -> None:
    visitor, contract, link = await signed_in(scene)
    page = await visitor.send("contact", media=["sms", "whatsapp"], days=["sun"], **{"from": "12:00", "to": "14:00"})
    assert "Anotamos cómo" in page.text
    [event] = await scene.published(ConvenienceRequested)
    assert event.contract_id == contract.contract_id
    assert (event.not_hours, event.not_days, event.not_media) == (("12:00-14:00",), ("sun",), ("sms", "whatsapp"))
    [kept] = await acts_of(scene, link)
    assert kept["result"] == {"not_hours": ["12:00-14:00"], "not_days": ["sun"], "not_media": ["sms", "whatsapp"]}


@pytest.mark.parametrize(
    "fields", [{}, {"media": "fax"}, {"days": "someday"}, {"from": "12:00"}, {"from": "12:00", "to": "12:00"}]
)
async def test_a_convenience_that_says_nothing_is_refused(scene: Scene, fields: Json) -> None:
    visitor, _, _ = await signed_in(scene)
    page = await visitor.send("contact", **fields)
    assert page.status_code == 422
    assert "al menos una" in page.text
    assert not await scene.published(ConvenienceRequested)


async def test_a_debtor_closes_the_page_for_good(scene: Scene) -> None:
    visitor, _, link = await signed_in(scene)
    page = await visitor.send("end")
    assert (page.status_code, "ya no se abre" in page.text) == (200, True)
    assert (await visitor.get("/p/mine")).status_code == 404
    assert (await visitor.get(link["url"])).status_code == 404
    assert (await scene.client.get(f"/v1/links/{link['link_id']}")).json()["ended_because"] == "debtor"


@pytest.mark.parametrize(
    ("changes", "body", "query", "word"),
    [
        ({}, {}, "", "Lo que debe"),
        ({"language": "en"}, {}, "", "What you owe"),
        ({"language": "en"}, {"language": "pt"}, "", "O que você deve"),
        ({"jurisdiction": "BR"}, {}, "", "O que você deve"),
        ({"language": "en"}, {}, "?lang=es", "Lo que debe"),
        ({}, {}, "?lang=xx", "Lo que debe"),
    ],
)
async def test_the_page_speaks_the_debtors_language_and_the_one_that_is_chosen(
    scene: Scene, changes: Json, body: Json, query: str, word: str
) -> None:
    contract = await known_contract(scene, **changes)
    if "jurisdiction" in changes:
        await scene.receives(scene.business_date(0).model_copy(update={"jurisdiction": changes["jurisdiction"]}))
    visitor, _, _ = await signed_in(scene, contract, **body)
    assert word in (await visitor.get(f"/p/mine{query}")).text
    page = await visitor.send("promise", **PROMISE)
    assert word in page.text, "the language stays after a form"


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("application/x-www-form-urlencoded", b"\xff\xfe", 400),
        ("application/x-www-form-urlencoded", b"&".join(b"a=%d" % n for n in range(100)), 400),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 20_000, 413),
        ("application/x-www-form-urlencoded", b"form=%FF", 400),
        ("application/x-www-form-urlencoded", b"form=%00", 404),
    ],
)
async def test_a_body_that_no_browser_sends_is_refused_by_a_page(
    scene: Scene, content_type: str, body: bytes, status: int
) -> None:
    visitor, _, link = await signed_in(scene)
    answer = await visitor.http.post("/p/act/promise", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert (await visitor.http.post("/p/act/other", data={"form": "x"})).status_code == 404
    assert not await acts_of(scene, link)


async def test_one_address_after_another_has_a_page_of_its_own(scene: Scene) -> None:
    """A stranger's browser has no cookie, so it has no page."""
    await signed_in(scene)
    assert (await Visitor(scene).get("/p/mine")).status_code == 404

"""Today: what waits, what happens, and that each number leads to what it counts."""

import asyncio
import re
from decimal import Decimal

from console_scene import Scene
from recobro_console.today.figures import differences, waiting


async def test_every_part_answers_and_what_waits_leads_to_what_it_counts(scene: Scene) -> None:
    async with scene.client() as client:
        page = (await client.get("/today")).text
        parts = re.findall(r'hx-get="(/today/[a-z]+)"', page)
        assert len(parts) == 9
        for part in parts:
            answer = await client.get(part)
            assert (answer.status_code, 'role="alert"' in answer.text) == (200, False), part
        for link in re.findall(r'<dd><a href="([^"]+)"', (await client.get("/today/waiting")).text):
            if link != "/operations":
                assert (await client.get(link.replace("&amp;", "&"))).status_code == 200, link


async def test_a_payment_shows_with_the_debtor_as_it_happens(scene: Scene) -> None:
    [contract] = (await scene.platform.get("portfolio", "/v1/contracts", limit=1, stage="late"))["items"]
    payment = {"amount": "12.34", "paid_on": contract["as_of"], "channel": "spei", "reference": "TODAY-1"}
    async with scene.client() as client:
        await scene.platform.post("portfolio", f"/v1/contracts/{contract['contract_id']}/payments", payment)
        async with asyncio.timeout(240):
            while "12.34" not in (shown := (await client.get("/today/payments")).text):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert contract["debtor_name"].split()[0] in shown
        assert contract["contract_number"] in shown
        assert "12.34 MXN" in (await client.get("/today/money")).text


async def test_a_service_that_is_silent_leaves_the_other_parts(scene: Scene) -> None:
    addresses = scene.app.state.addresses
    known = addresses["dialer-feed"]
    addresses["dialer-feed"] = "http://127.0.0.1:9"
    try:
        async with scene.client() as client:
            assert "dialer-feed no responde" in (await client.get("/today/lists")).text
            assert "dialer-feed no responde" in (await client.get("/today/waiting")).text
            assert 'role="alert"' not in (await client.get("/today/stages")).text
    finally:
        addresses["dialer-feed"] = known


def test_numbers_of_several_portfolios_are_added_and_bounded_by_the_last_day() -> None:
    path = "/v1/clarifications?portfolio_id={}&state=open&deadline_before={}"
    figures = [
        {"figure": "clarifications.due_soon", "count": 2, "items": path.format("a", "2026-11-20")},
        {"figure": "clarifications.due_soon", "count": 3, "items": path.format("b", "2026-11-25")},
    ]
    [one] = waiting(figures)
    assert (one.count, one.path) == (5, "/today/disputes?deadline_before=2026-11-25")


def test_the_difference_from_yesterday_is_closing_less_opening_and_never_adds_currencies() -> None:
    step = {"stage": "late", "contracts": 4, "overdue": "100.00"}
    steps = [
        step | {"currency": "MXN", "step": "opening"},
        step | {"currency": "MXN", "step": "rolled_in", "contracts": 1, "overdue": "10.00"},
        step | {"currency": "MXN", "step": "closing", "contracts": 5, "overdue": "110.00"},
        step | {"currency": "BRL", "step": "closing"},
    ]
    found = differences(steps)
    [late] = found["MXN"]
    assert (late.contracts, late.more_contracts, late.more_overdue) == (5, 1, Decimal("10.00"))
    assert found["BRL"][0].overdue == Decimal("100.00")

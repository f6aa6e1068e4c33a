"""Operations: health, events that were set aside, who changed what."""

import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from console_scene import Scene
from in_browser import faults
from playwright.async_api import Browser
from recobro_console.calls import Calls
from recobro_console.operations.backups import noted_in
from recobro_console.operations.measures import MASK, largest, masked, total
from recobro_events import Database, TransportError
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.testing import apart, apply_records, record_of
from services_in_process import PROGRAMS, sample
from toy_services import until

SECRET = "dice Lupita que pagó"


async def a_letter(scene: Scene, portfolio_id: str) -> UUID:
    """Set aside a claim about a contract that is not there yet, but is in the sample. Returns the contract's id."""
    number = sample().decode("cp1252").splitlines()[1].split(",")[0]
    contract_id = uuid5(UUID(portfolio_id), number)
    database = Database(scene.platform.dsns["portfolio"])
    await database.open()
    try:
        record = record_of(PaymentClaimed(contract_id=contract_id, detail=SECRET))
        await apply_records(database, PROGRAMS["portfolio"].consumer, [record], apart)
    finally:
        await database.close()
    return contract_id


async def test_a_supervisor_reads_a_letter_without_personal_data_and_applies_it(scene: Scene, browser: Browser) -> None:
    portfolio_id = await scene.platform.portfolio()
    contract_id = await a_letter(scene, portfolio_id)
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/operations")
        row = page.locator("tr", has_text=str(contract_id)[:13])
        await row.get_by_role("link", name="dialer-feed.payment-claimed.v1").click()
        payload = await page.locator("pre").inner_text()
        assert str(contract_id) in payload
        assert SECRET not in await page.content()
        await scene.platform.load(portfolio_id, 30)
        # What a load leaves to do holds locks on its contracts; a letter is applied after it.
        await scene.platform.settled()
        await page.locator("summary", has_text="Aplicar de nuevo").click()
        await page.locator("form button", has_text="Aplicar de nuevo").click()
        await page.get_by_text("Se aplicaron 1 eventos. Ninguno espera ya.").wait_for()
    left = "SELECT count(*) = 0 FROM dead_letters WHERE key = $1 AND discarded_at IS NULL"
    assert (await scene.platform.rows("portfolio", left, str(contract_id)))[0][0]


async def test_a_letter_is_discarded_with_a_reason_alone(scene: Scene) -> None:
    contract_id = await a_letter(scene, await scene.platform.portfolio())
    where = "SELECT letter_id FROM dead_letters WHERE key = $1"
    letter_id = (await scene.platform.rows("portfolio", where, str(contract_id)))[0]["letter_id"]
    path = f"/operations/portfolio/letters/{letter_id}"
    async with scene.client("auditor") as auditor:
        assert "Descartar" not in (await auditor.get(path)).text
        refused = await scene.send(auditor, path, f"{path}/discard", reason="doble")
        assert refused.status_code == 403
    async with scene.client() as client:
        without = await scene.send(client, path, f"{path}/discard", reason="")
        assert (without.status_code, "Diga por qué se descarta." in without.text) == (422, True)
        done = await scene.send(client, path, f"{path}/discard", reason="doble")
        assert done.status_code == 303
        assert "doble" in (await client.get(path)).text


async def test_a_page_on_which_everything_waits_has_no_finding(
    scene: Scene, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and states that come and go on a busy day, all at once: axe sees each of them."""
    await a_letter(scene, await scene.platform.portfolio())
    since = "2026-11-22T12:00:00Z"
    unsent = {"unsent_id": 1, "key": "k", "type": "portfolio.file-loaded.v1", "error": "too long"}
    building = {"list_id": str(UUID(int=1)), "business_date": "2026-11-22", "status": "building"}
    answers: dict[str, Any] = {
        "/v1/unsent-events": {"items": [unsent | {"bytes": 2_000_000, "set_aside_at": since}], "next_cursor": None},
        "/v1/staging-runs/current": {"run_id": "r", "as_of": "2026-11-22", "state": "running"}
        | {"portfolios_left": 2, "days_left": 3},
        "/v1/lists": {"items": [building | {"waiting_for": ["promises"]}]},
        "/v1/rebuild": {"ended_at": None, "waiting_for": ["portfolio"]},
    }
    known = Calls.get

    async def get(calls: Calls, service: str, path: str, **parameters: Any) -> Any:
        return answers[path] if path in answers else await known(calls, service, path, **parameters)

    async def problems(_: Calls, service: str) -> list[str]:
        return ["the database does not answer (TimeoutError)"] if service == "promises" else []

    monkeypatch.setattr(Calls, "get", get)
    monkeypatch.setattr(Calls, "problems", problems)
    async with scene.browser_page(browser) as page:
        for width, theme in ((1280, "light"), (390, "dark")):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(f"{scene.url}/preferences?theme={theme}&back=/operations")
            assert await faults(page, f"{scene.url}/operations", width) == []
            shown = await page.locator("main").inner_text()
            for seen in ("Enviar de nuevo", "Detener", "espera a portfolio", "no puede funcionar", "Aplicar de nuevo"):
                assert seen in shown


async def test_health_says_which_service_does_not_answer(scene: Scene) -> None:
    """A busy service may be late for a moment, so both states are waited for."""
    addresses = scene.app.state.addresses
    known = addresses["promises"]

    async def shows(away: int) -> bool:
        shown = (await client.get("/operations/health")).text
        return (shown.count("no responde"), shown.count("listo")) == (away, len(addresses) - away)

    async with scene.client() as client:
        await until(partial(shows, 0))
        addresses["promises"] = "http://127.0.0.1:9"
        try:
            await until(partial(shows, 1))
        finally:
            addresses["promises"] = known


async def test_the_audit_trail_is_filtered_by_person_and_contract_number(scene: Scene) -> None:
    [contract] = (await scene.platform.get("portfolio", "/v1/contracts", limit=1, stage="late"))["items"]
    path = f"/v1/contracts/{contract['contract_id']}/payments"
    payment = {"amount": "1.00", "paid_on": contract["as_of"], "channel": "spei", "reference": "AUDIT-1"}
    await scene.platform.post("portfolio", path, payment)
    async with scene.client("auditor") as client:
        by_number = {"service": "portfolio", "of": contract["contract_number"]}
        assert f"POST {path}" in (await client.get("/operations/audit", params=by_number)).text
        of_nobody = await client.get("/operations/audit", params=by_number | {"subject": "nadie"})
        assert f"POST {path}" not in of_nobody.text
        unknown = await client.get("/operations/audit", params={"of": "NO-SUCH"})
        assert (unknown.status_code, "Ningún contrato tiene este número" in unknown.text) == (422, True)


async def test_operators_do_not_see_operations(scene: Scene) -> None:
    async with scene.client("operator") as client:
        assert (await client.get("/operations")).status_code == 403
        assert "/operations" not in (await client.get("/today")).text


def test_metrics_are_read_by_service() -> None:
    text = "\n".join(
        [
            "# HELP dead_letters Events",
            'dead_letters{service="portfolio"} 2.0',
            'dead_letters{service="promises"} 5.0',
            'consumer_position_lag{consumer="portfolio.events",topic="a,b",partition="0"} 3.0',
            'consumer_position_lag{consumer="portfolio.bulk",topic="c",partition="0"} 4.0',
        ]
    )
    assert total(text, "dead_letters", service="portfolio") == 2
    assert total(text, "consumer_position_lag", consumer="portfolio.*") == 7
    assert largest(text, "outbox_oldest_unpublished_seconds", service="portfolio") is None


def test_texts_that_may_say_something_of_a_person_are_masked() -> None:
    event = (
        '{"contract_id": "c-1", "amount": "10.00", "due_on": "2026-11-22", "reason": "dice que no", "state": "open",'
        ' "debtor": {"name": "Ana", "tax_id": "AAAA000101AAA"},'
        ' "phones": [{"value": "+525512345678", "kind": "mobile"}],'
        ' "customer_number": "D1", "unknown_field": "x", "settled": true, "dob": 19800101}'
    )
    shown = masked(event)
    assert shown is not None
    for kept in ('"c-1"', '"10.00"', '"2026-11-22"', '"open"', '"mobile"', "true"):
        assert kept in shown
    for hidden in ("Ana", "AAAA", "5512345678", "D1", '"x"', "19800101", "dice"):
        assert hidden not in shown
    assert masked("not json") == MASK


async def test_topics_show_what_they_hold_and_who_is_behind(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(_: Calls, service: str) -> str:
        # All services of this process measure into one registry, so only one of them answers here.
        lag = 'consumer_position_lag{consumer="promises.events",partition="1",topic="portfolio.events"} 7.0'
        return lag if service == "promises" else ""

    async def knows_the_log() -> bool:
        return "portfolio.events" in (await client.get("/operations/topics")).text

    async with scene.client("auditor") as client:
        await until(knows_the_log)
        monkeypatch.setattr(Calls, "metrics", measured)
        shown = (await client.get("/operations/topics")).text
        one = await client.get("/operations/topics/portfolio.events")
        missing = await client.get("/operations/topics/no.such")
    assert re.search(r'promises\.events: <span class="tag warn">7</span>', shown)
    assert (one.status_code, missing.status_code) == (200, 404)
    held = await scene.app.state.hub.bounds()
    for place, bounds in held.items():
        if place.topic == "portfolio.events" and bounds.end:
            assert f'<td class="n">{bounds.end - 1:,}</td>' in one.text


async def test_a_log_that_does_not_answer_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise TransportError("away")

    monkeypatch.setattr(scene.app.state.hub, "bounds", away)
    async with scene.client() as client:
        for path in ("/operations/topics", "/operations/topics/portfolio.events"):
            shown = await client.get(path)
            assert (shown.status_code, "El registro de eventos no responde." in shown.text) == (200, True)


def test_notes_of_backups_say_which_are_still_there(tmp_path: Path) -> None:
    there = tmp_path / "monday"
    there.mkdir()
    (there / "backup.json").write_text("{}")
    noted = {"created_at": "2026-11-23T06:00:00Z", "verified_at": "2026-11-23T06:00:09Z", "databases": ["portfolio"]}
    lines = [
        noted | {"folder": str(there), "bytes": 2_000_000, "keys": True},
        {"folder": "not whole"},
        noted | {"folder": str(tmp_path / "gone"), "bytes": 1, "keys": False, "verified_at": None},
    ]
    file = tmp_path / "backups.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    gone, monday = noted_in(file)
    assert (gone.is_there, gone.verified_at, gone.keys) == (False, None, False)
    assert (monday.is_there, monday.databases, monday.bytes) == (True, 1, 2_000_000)
    assert noted_in(tmp_path / "missing") == ()


async def test_the_page_of_operations_shows_backups_and_says_when_they_are_old(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "backups.jsonl"
    settings = scene.app.state.settings
    async with scene.client() as client:
        assert "La consola no conoce los respaldos" in (await client.get("/operations/backups")).text
        monkeypatch.setattr(scene.app.state, "settings", settings.model_copy(update={"console_backups_file": file}))
        assert "Todavía no hay ningún respaldo." in (await client.get("/operations/backups")).text
        (tmp_path / "backup.json").write_text("{}")
        for age_hours, kind in ((1, "good"), (27, "bad")):
            made = datetime.now(UTC) - timedelta(hours=age_hours)
            noted = {"folder": str(tmp_path), "created_at": made.isoformat(), "verified_at": made.isoformat()}
            file.write_text(json.dumps(noted | {"databases": [], "bytes": 1, "keys": False}) + "\n")
            shown = (await client.get("/operations/backups")).text
            assert f'<div class="{kind}"><dt>horas desde el último respaldo</dt><dd>{age_hours}</dd>' in shown

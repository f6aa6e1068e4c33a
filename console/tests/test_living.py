"""Pages that live: a console that is killed, processes that share a session, and what an agency's page hears."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from console_scene import Scene, console_before
from contracts_scene import contract, pay, placed
from fresh_databases import FreshDatabases
from playwright.async_api import Browser, expect
from recobro.postgres import free_port
from recobro_console.main import MIGRATIONS
from recobro_console.sessions.store import Role, Session, Store
from recobro_console.sessions.tokens import Tokens
from recobro_events import Database
from services_in_process import InProcessPlatform


async def test_a_page_says_that_its_console_was_killed_and_goes_on_by_itself(
    platform: InProcessPlatform, databases: FreshDatabases, browser: Browser
) -> None:
    """What happened while no console was there stands on the page, which nobody has loaded again."""
    dsn, port = await databases.migrated(MIGRATIONS), free_port()
    context = await browser.new_context(locale="es-MX")
    context.set_default_timeout(60_000)
    page = await context.new_page()
    async with console_before(platform, databases, dsn=dsn, port=port) as scene:
        chosen = await contract(scene)
        await page.goto(scene.link())
        await page.goto(f"{scene.url}/contracts/{chosen['contract_id']}")
        await page.wait_for_selector("[aria-busy=true]", state="detached")
        await expect(page.locator("#away")).to_be_hidden()
        await page.evaluate("window.isTheSamePage = true")
    await expect(page.locator("#away")).to_be_visible()
    await expect(page.locator(".live")).to_have_text("sin conexión")
    await pay(scene, chosen, "3.21")
    async with console_before(platform, databases, dsn=dsn, port=port):
        await expect(page.locator("#away")).to_be_hidden()
        await expect(page.get_by_role("row", name="3.21").first).to_be_visible()
        assert await page.evaluate("window.isTheSamePage")
        await context.close()
    await databases.drop(dsn)


class OneUse:
    """A provider that ends the session when a refresh token is used twice. The first renewal waits for ``may_go``."""

    def __init__(self) -> None:
        self.used: list[str | None] = []
        self.asked, self.may_go = asyncio.Event(), asyncio.Event()

    async def renewed(self, session: Session) -> Session:
        assert session.refresh_token not in self.used
        self.used.append(session.refresh_token)
        self.asked.set()
        await self.may_go.wait()
        return session.with_token("fresh", 900, f"refresh {len(self.used)}")


async def test_of_two_processes_one_renews_the_token_of_a_session(databases: FreshDatabases) -> None:
    database = Database(await databases.migrated(MIGRATIONS))
    await database.open()
    try:
        store, issuer = Store(database), OneUse()
        ends = datetime.now(UTC) + timedelta(hours=1)
        old = Session("a", "Ana", Role.OPERATOR, (), ends, refresh_token="refresh 0").with_token("old", 0)
        key = await store.open(old)
        first, second = Tokens(store, issuer), Tokens(store, issuer)
        renewing = asyncio.create_task(first.fresh(key, old))
        await issuer.asked.wait()
        waiting = asyncio.create_task(second.fresh(key, old))
        await asyncio.sleep(0.5)
        issuer.may_go.set()
        assert {(await renewing).access_token, (await waiting).access_token} == {"fresh"}
        assert issuer.used == ["refresh 0"]
        # A process that failed in the middle leaves the renewal to the next one.
        issuer.may_go.clear()
        expired = (await renewing).with_token("old", 0)
        await store.replace(key, expired)
        failing = asyncio.create_task(first.fresh(key, expired))
        issuer.asked.clear()
        await issuer.asked.wait()
        failing.cancel()
        issuer.may_go.set()
        await asyncio.gather(failing, return_exceptions=True)
        issuer.used.clear()
        assert (await second.fresh(key, expired)).access_token == "fresh"
    finally:
        await database.close()


async def heard(client: httpx.AsyncClient, contract_id: str) -> AsyncIterator[dict[str, Any]]:
    async with client.stream("GET", "/live", params={"contract_id": contract_id}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def test_an_agency_hears_a_payment_on_the_contract_that_it_has_and_on_no_other(scene: Scene) -> None:
    agency = await placed(scene)
    other = (await scene.platform.post("assignment", "/v1/agencies", {"name": "Otra"}))["agency_id"]
    chosen = await contract(scene)
    subject = f"contract:{chosen['contract_id']}"
    async with scene.client("agency", agency_id=agency) as theirs, scene.client("agency", agency_id=other) as foreign:
        own, strange = (heard(client, chosen["contract_id"]) for client in (theirs, foreign))
        for stream in (own, strange):
            await anext(stream)
        await pay(scene, chosen)
        async with asyncio.timeout(240):
            while subject not in (message := await anext(own))["changed"]:
                pass
            # What both agencies may hear comes after the payment: the stranger has not heard of it before.
            said = await anext(strange)
        assert "payments" not in message["changed"]
        assert subject not in said["changed"]
        for stream in (own, strange):
            await stream.aclose()  # type: ignore[attr-defined]

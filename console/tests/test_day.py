"""A day's work in the browser, with the mouse and with the keyboard alone, in three languages and at both widths.

A file with a column of another name and a bad row is loaded and mended, a second one is confirmed, a list is built. On
a second window a payment, a dispute and a promise take their contracts off the list. At the end an objection and an
event that was set aside are dealt with, and no call was wrongful.

A day takes half a minute of a browser, so `make day` plays the days by themselves, and `make test` leaves them out.
"""

import csv
import io
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from chassis.languages import Language
from console_scene import Scene
from fresh_databases import FreshDatabases
from hands import HANDS, Hands
from playwright.async_api import Browser, Locator, Page, expect
from recobro_console.language import Reader
from recobro_events import Database
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.testing import apart, apply_records, record_of
from services_in_process import AS_OF, PROGRAMS, InProcessPlatform, all_services_in_process, sample

pytestmark = pytest.mark.skipif("RECOBRO_DAY" not in os.environ, reason="`make day` plays days in a browser")
NUMBER, DUE, RENAMED = "No. Contrato", "Fecha de vencimiento", "Vence (nuevo)"
BAD = "32/13/2026"


@pytest.fixture(scope="module")
async def platform(databases: FreshDatabases) -> AsyncIterator[InProcessPlatform]:
    """All services, with nothing in them."""
    async with all_services_in_process(databases) as running:
        yield running


class Day:
    """One person's day: their hands, their language, and the contracts that only they work on."""

    def __init__(self, scene: Scene, hands: Hands, language: Language, name: str) -> None:
        self.scene, self.hands, self.page, self.name = scene, hands, hands.page, name
        self.reader = Reader(language)
        self.portfolio_id = self.campaign_id = ""

    def said(self, sentence: str) -> str:
        return self.reader.tr(sentence)

    def button(self, sentence: str, within: Locator | Page | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=self.said(sentence), exact=True)

    def link(self, sentence: str) -> Locator:
        return self.page.locator("main").get_by_role("link", name=self.said(sentence), exact=True)

    def field(self, name: str) -> Locator:
        return self.page.locator(f"#f-{name}")

    async def status(self, word: str) -> None:
        """Wait until the file's page says how it stands."""
        await self.page.locator("#state [role=status]", has_text=self.reader.word(f"file {word}")).wait_for()

    def rows(self) -> list[dict[str, str]]:
        """Contracts of the sample, under numbers that are this day's own."""
        read = csv.DictReader(io.StringIO(sample().decode("cp1252")))
        return [row | {NUMBER: row[NUMBER].replace("CLR", self.name)} for row, _ in zip(read, range(120), strict=False)]

    async def load(self, text: str, *, all_contracts: bool = False) -> None:
        await self.hands.choose(self.field("portfolio_id"), self.portfolio_id)
        await expect(self.field("profile").locator("option:checked")).to_have_text(self.name)
        await self.hands.hand_in("cartera.csv", text)
        if all_contracts:
            await self.hands.press(self.page.locator("input[value=snapshot]"))
        more = self.said("More: the day of the figures, and how they are meant")
        await self.hands.press(self.page.locator("summary", has_text=more))
        await self.hands.write_day(self.field("as_of"), AS_OF)
        await self.hands.press(self.page.locator("[name=confirm_future]"))

    async def find(self, number: str) -> None:
        """Search for a contract by its whole number, which opens it."""
        await self.hands.search(number)
        await self.page.get_by_role("heading", level=1).filter(has_text=number).wait_for()
        await self.page.wait_for_selector("[aria-busy=true]", state="detached")


def csv_of(rows: list[dict[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [RENAMED if name == DUE else name for name in rows[0]])
    writer.writeheader()
    writer.writerows({RENAMED if name == DUE else name: cell for name, cell in row.items()} for row in rows)
    return text.getvalue()


async def the_files(day: Day) -> None:
    """Say what a column is, load the file, mend its bad row; confirm a file that closes many contracts."""
    hands, page = day.hands, day.page
    rows = day.rows()
    first = csv_of([rows[0] | {DUE: BAD}, *rows[1:]])
    await hands.go("/files", "f")
    await hands.choose(day.field("portfolio_id"), day.portfolio_id)
    # The arrow keys pass other portfolios, whose profiles come and go.
    await page.locator("[name=portfolio_id].htmx-request").wait_for(state="detached")
    await hands.hand_in("cartera.csv", first)
    await hands.press(day.button("First see how it would be read"))
    await hands.choose(page.get_by_label(RENAMED, exact=True), "due_date")
    await hands.write(day.field("name"), day.name)
    await hands.press(day.button("Keep as a profile"))
    await page.locator("[role=status]", has_text=day.name).wait_for()
    await day.load(first)
    await hands.press(day.button("Load the file"))
    await day.status("loaded")
    await hands.press(day.link("Correct them here"))
    cell = page.locator("[aria-invalid=true]").first
    await expect(cell).to_have_value(BAD)
    await hands.write(cell, "15/11/2026")
    await hands.press(day.button("Send the corrected rows"))
    await day.status("loaded")
    await hands.go("/files", "f")
    await day.load(csv_of(rows[:70]), all_contracts=True)
    await hands.press(day.button("Load the file"))
    await day.status("needs_confirmation")
    await hands.press(page.locator("summary", has_text=day.said("Confirm")))
    await hands.press(page.locator("form button", has_text=day.said("Confirm")))
    await day.status("loaded")


async def the_list(day: Day) -> list[dict[str, Any]]:
    """Build the list of the day. Returns its entries that are this day's own."""
    hands, page = day.hands, day.page
    await hands.go("/lists", "l")
    await hands.choose(day.field("campaign_id"), day.campaign_id)
    await hands.press(day.button("Build the list"))
    await page.wait_for_url("**/lists/*-*")
    list_id = page.url.rpartition("/")[2]
    platform = day.scene.platform
    await platform.until("dialer-feed", "SELECT status = 'published' FROM dialing_list WHERE list_id = $1", list_id)
    await page.locator(".figures dd", has_text=day.reader.word("published")).wait_for()
    found = await platform.get("dialer-feed", f"/v1/lists/{list_id}/contracts", status="listed", limit=1000)
    return [each for each in found["items"] if each["contract_number"].startswith(day.name)]


async def the_calls(day: Day, window: Page, listed: list[dict[str, Any]]) -> None:
    """A payment, a dispute that is resolved, and a promise: each contract leaves the list in the other window."""
    hands, page = day.hands, day.page

    async def leaves(number: str, reason: str) -> None:
        row = window.locator("#o-withdrawals + div").get_by_role("row", name=number)
        await expect(row).to_contain_text(day.reader.word(reason))

    paid, disputed, promised = (each["contract_number"] for each in listed[:3])
    await day.find(paid)
    await hands.press(day.link("Take a payment"))
    await hands.write(day.field("amount"), "25")
    await hands.press(day.button("Take the payment"))
    await page.locator("[role=status]", has_text="25").wait_for()
    await leaves(paid, "payment")
    await day.find(disputed)
    await hands.press(day.link("Open a dispute"))
    await hands.write(day.field("reason"), "x")
    await hands.write(day.field("detail"), "x x")
    await hands.press(day.button("Open the dispute"))
    await leaves(disputed, "clarification")
    await hands.press(day.link("Resolve"))
    await hands.choose(day.field("outcome"), "rejected")
    await hands.write(day.field("detail"), "x")
    await hands.press(day.button("Resolve"))
    await page.get_by_text(day.reader.word("outcome rejected")).first.wait_for()
    await day.find(promised)
    await hands.press(day.link("Take a promise"))
    await hands.write_day(day.field("due_on"), AS_OF + timedelta(days=3))
    await hands.press(day.button("Take the promise"))
    await leaves(promised, "promise")


async def the_end(day: Day, window: Page, parked: str) -> None:
    """Decide an objection, apply an event that was set aside, and look at the numbers of the day."""
    hands, page = day.hands, day.page
    await hands.go("/agencies", "a")
    row = page.locator("#a-open + div").get_by_role("row", name=day.name)
    await hands.press(row.locator("summary", has_text=day.said("Leave it with the agency")))
    await hands.write(row.get_by_label(day.said("Reason")).first, "x")
    await hands.press(row.locator("form button", has_text=day.said("Leave it with the agency")))
    await expect(row).to_have_count(0)
    await hands.go("/operations", "o")
    row = page.get_by_role("row", name=parked)
    await hands.press(row.locator("summary", has_text=day.said("Apply again")))
    await hands.press(row.locator("form button", has_text=day.said("Apply again")))
    await expect(row).to_have_count(0)
    await hands.go("/today", "t")
    await page.locator("#t-lists + div .large.good dd", has_text="0").wait_for()
    await expect(window.locator(".figures .large.good dd")).to_have_text("0")


async def prepared(day: Day) -> str:
    """The day's own portfolio and campaign. Returns the agency to which its contracts go."""
    platform = day.scene.platform
    day.portfolio_id = await platform.portfolio()
    agency = (await platform.post("assignment", "/v1/agencies", {"name": f"A {day.name}"}))["agency_id"]
    terms = {"kinds": ["dialing"], "starts_on": "2026-01-01", "recall_grace_days": 2, "fees": []}
    await platform.post("assignment", f"/v1/agencies/{agency}/service-contracts", terms)
    new = {"name": day.name, "one_entry_per": "contract", "portfolio_ids": [day.portfolio_id]}
    day.campaign_id = (await platform.post("dialer-feed", "/v1/campaigns", new))["campaign_id"]
    return str(agency)


async def objected(day: Day, agency_id: str, contract: dict[str, Any]) -> None:
    """The agency got the day's contracts, one of them is taken back, and the agency objects."""
    platform = day.scene.platform
    shares = [{"agency_id": agency_id, "weight": 1}]
    rule = {"name": day.name, "priority": 1, "kind": "dialing", "when": {"portfolio_ids": [day.portfolio_id]}}
    made = await platform.post("assignment", "/v1/placement-rules", rule | {"shares": shares})
    await platform.post("assignment", "/v1/placement-runs")
    await platform.post("assignment", f"/v1/placement-rules/{made['rule_id']}/end")
    found = await platform.get("assignment", "/v1/placements", contract_id=contract["contract_id"])
    path = f"/v1/placements/{found['items'][0]['placement_id']}"
    await platform.post("assignment", f"{path}/recall", {"reason": "x"})
    await platform.post("assignment", f"{path}/objection", {"reason": "x"})


async def set_aside(day: Day, number: str) -> None:
    """An event about a contract came before the contract, and could not be applied."""
    database = Database(day.scene.platform.dsns["portfolio"])
    await database.open()
    try:
        claimed = PaymentClaimed(contract_id=uuid5(UUID(day.portfolio_id), number), detail="x")
        await apply_records(database, PROGRAMS["portfolio"].consumer, [record_of(claimed)], apart)
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("language", "way", "width"),
    [
        (Language.ES, "mouse", 1280),
        (Language.ES, "keyboard", 390),
        (Language.PT, "keyboard", 1280),
        (Language.PT, "mouse", 390),
        (Language.EN, "mouse", 1280),
        (Language.EN, "keyboard", 390),
    ],
)
async def test_a_day_is_done(scene: Scene, browser: Browser, language: Language, way: str, width: int) -> None:
    locale = {Language.ES: "es-MX", Language.PT: "pt-BR", Language.EN: "en-US"}[language]
    async with scene.browser_page(browser, width=width, language=locale) as page:
        day = Day(scene, HANDS[way](page), language, f"{language}{way[0]}".upper())
        agency_id = await prepared(day)
        early = day.rows()[69][NUMBER]
        await set_aside(day, early)
        await the_files(day)
        listed = await the_list(day)
        window = await page.context.new_page()
        await window.goto(page.url)
        await the_calls(day, window, listed)
        await objected(day, agency_id, listed[3])
        await the_end(day, window, early)

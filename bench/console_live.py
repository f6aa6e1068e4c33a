"""Measures on a running platform how soon an open page of the console shows what has happened.

    .venv/bin/recobro run &
    .venv/bin/python bench/console_live.py --data .recobro --rounds 20

A page is open in Chromium. A fact is entered by the API, and the figure is the time from the API's answer to the moment
at which the page has it. Both times come from this machine's clock.
"""

import argparse
import asyncio
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page, async_playwright
from recobro import console_links
from recobro.client import Client, connect
from recobro.data import DataFolder

_WAIT = """([where, text]) => new Promise((resolve) => {
  const part = document.querySelector(where);
  const look = () => part.innerText.includes(text) && (watcher.disconnect(), resolve(Date.now()));
  const watcher = new MutationObserver(look);
  watcher.observe(part, { childList: true, subtree: true, characterData: true, attributes: true });
  look();
})"""
_BETWEEN_SECONDS = 1.5


def contracts_of(client: Client, list_id: str) -> Iterator[dict[str, Any]]:
    """Contracts on the list, each once."""
    yield from client.items("dialer-feed", f"/v1/lists/{list_id}/contracts", status="listed", limit=200)


async def seconds(page: Page, happens: Callable[[], object], where: str, shown: str) -> float:
    """The time from the answer to what happens until this part of the page shows the text."""
    seen = asyncio.create_task(page.evaluate(_WAIT, [where, shown]))
    await asyncio.to_thread(happens)
    answered = time.time()
    async with asyncio.timeout(60):
        return max(0.0, float(await seen) / 1000 - answered)


async def measure(client: Client, page: Page, url: str, rounds: int) -> None:
    """Print the figures of each kind of fact."""
    lists = client.get("dialer-feed", "/v1/lists", order="desc", limit=50)["items"]
    live = [each for each in lists if each["status"] == "published"]
    entries = contracts_of(client, live[0]["list_id"])
    today = date.fromisoformat(
        client.get("portfolio", f"/v1/contracts/{next(entries)['contract_id']}")["business_date"]
    )

    def pay(one: dict[str, Any], amount: str = "1.00") -> Callable[[], object]:
        body = {"amount": amount, "paid_on": str(today), "channel": "spei", "again": True}
        return lambda: client.post("portfolio", f"/v1/contracts/{one['contract_id']}/payments", body)

    def dispute(one: dict[str, Any]) -> Callable[[], object]:
        body = {"reason": "x", "detail": "x", "opened_by": "debtor"}
        return lambda: client.post("portfolio", f"/v1/contracts/{one['contract_id']}/clarifications", body)

    def promise(one: dict[str, Any]) -> Callable[[], object]:
        body = {"contract_id": one["contract_id"], "amount": one["overdue_balance"], "made_in": "call"}
        body["due_on"] = str(today + timedelta(days=2))
        return lambda: client.post("promises", "/v1/promises", body)

    def number(one: dict[str, Any]) -> str:
        return str(one["contract_number"])

    at_list = f"/lists/{live[0]['list_id']}"
    rows = (
        ("a payment on the list's page", at_list, "[hx-get$='/withdrawals']", pay),
        ("a dispute on the list's page", at_list, "[hx-get$='/withdrawals']", dispute),
        ("a promise on the list's page", at_list, "[hx-get$='/withdrawals']", promise),
        ("a payment on Today", "/today", "[hx-get='/today/payments']", pay),
        ("its withdrawal on Today", "/today", "[hx-get='/today/withdrawals']", pay),
    )
    print(f"{'what, and where it is seen':34} {'median':>8} {'p95':>8} {'most':>8}")
    for name, path, where, happens in rows:
        found = []
        await page.goto(url + path)
        await page.wait_for_selector("[aria-busy=true]", state="detached")
        for _ in range(rounds):
            one = next(entries)
            found.append(await seconds(page, happens(one), where, one["contract_number"]))
            await asyncio.sleep(_BETWEEN_SECONDS)
        print_figures(name, found)
    found = []
    for _ in range(rounds):
        one = next(entries)
        await page.goto(f"{url}/contracts/{one['contract_id']}")
        await page.wait_for_selector("[aria-busy=true]", state="detached")
        await asyncio.sleep(_BETWEEN_SECONDS)
        found.append(await seconds(page, pay(one, "3.19"), "[hx-get*='/parts/ledger']", "3.19"))
    print_figures("a payment on the contract's page", found)


def print_figures(name: str, found: list[float]) -> None:
    late = sorted(found)[max(0, round(0.95 * len(found)) - 1)]
    print(f"{name:34} {statistics.median(found):6.2f} s {late:6.2f} s {max(found):6.2f} s")


async def run(data: DataFolder, rounds: int) -> None:
    state = data.running()
    assert state is not None, "no platform runs there"
    link = console_links.link(data, console_links.address(state), "supervisor")
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(link)
        with connect(data, None) as client:
            await measure(client, page, "{0.scheme}://{0.netloc}".format(urlsplit(link)), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(".recobro"))
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    asyncio.run(run(DataFolder(options.data), options.rounds))


if __name__ == "__main__":
    main()

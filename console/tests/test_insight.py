"""Insight in the console: every figure with its formula, table, chart and files; and the rows behind its numbers."""

import re
from html import unescape

import pytest
from console_scene import Scene
from playwright.async_api import Browser, expect
from recobro_console.insight.figures import BEHIND, FIGURES
from recobro_console.language import sentences
from services_in_process import AS_OF

_BEHIND = re.compile(r'href="(/insight/behind\?[^"]+)"')


def test_every_title_formula_and_word_is_translated() -> None:
    said = {text for figure in FIGURES.values() for text in (figure.title, figure.formula, figure.source)}
    said |= {f"word by {way}" for figure in FIGURES.values() for way in figure.by}
    said |= {column.title for figure in FIGURES.values() for column in figure.columns}
    said |= {column.title for columns in BEHIND.values() for column in columns}
    assert {text for text in said if not {"es", "pt"} <= set(sentences().get(text, {}))} == set()


@pytest.mark.parametrize("name", FIGURES)
async def test_each_figure_is_shown_for_everything_it_compares(scene: Scene, name: str) -> None:
    figure = FIGURES[name]
    async with scene.client() as client:
        for by in figure.by or ("",):
            shown = await client.get(f"/insight/{name}", params={"by": by})
            assert shown.status_code == 200
            assert 'class="notice bad"' not in shown.text, by
        for form in ("csv", "parquet"):
            saved = await client.get(f"/insight/{name}/file", params={"format": form})
            assert saved.status_code == 200
            assert form in saved.headers["content-disposition"]


async def test_a_payment_is_found_behind_what_was_recovered(scene: Scene) -> None:
    portfolio_id = await scene.platform.sample_portfolio(60)
    found = await scene.platform.get("portfolio", "/v1/contracts", portfolio_id=portfolio_id, state="open", limit=1)
    chosen = found["items"][0]
    payment = {"amount": "123.45", "paid_on": str(AS_OF), "channel": "branch"}
    await scene.platform.post("portfolio", f"/v1/contracts/{chosen['contract_id']}/payments", payment)
    async with scene.client("auditor") as client:
        shown = await client.get("/insight/recovery", params={"by": "month", "portfolio_id": portfolio_id})
        assert "123.45 MXN" in shown.text
        links = _BEHIND.findall(shown.text)
        assert len(links) == 1
        behind = await client.get(unescape(links[0]))
    assert chosen["contract_number"] in behind.text


async def test_a_link_asks_for_the_known_lists_alone(scene: Scene) -> None:
    async with scene.client() as client:
        for items in ("/v1/portfolios", "//elsewhere.example/v1/contracts", "/v1/contracts/../portfolios"):
            answer = await client.get("/insight/behind", params={"service": "portfolio", "items": items})
            assert answer.status_code == 404, items
        assert (await client.get("/insight/nothing")).status_code == 404


async def test_the_chart_is_drawn_from_the_table(scene: Scene, browser: Browser) -> None:
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/insight/waterfall")
        await page.wait_for_selector(".chart canvas")
        assert await page.locator("#i-rows tbody tr").count() > 0


async def test_of_many_curves_the_last_have_a_name_and_the_pointer_says_what_is_there(
    scene: Scene, browser: Browser
) -> None:
    rows = """(table) => table.tBodies[0].replaceChildren(...Array.from({ length: 40 * 12 }, (_, n) => {
        const row = document.createElement("tr");
        Object.assign(row.dataset, { curve: `V-${Math.floor(n / 12)}`, at: n % 12, value: n / 1000 });
        return row;
    }))"""
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/insight/waterfall")
        await page.wait_for_selector(".chart canvas")
        await page.locator("#i-rows").evaluate(rows)
        await page.locator(".chart").evaluate("(chart) => { chart.replaceChildren(); chart.dataset.percent = 'yes'; }")
        script = await page.locator("script[src$='charts.js']").get_attribute("src")
        await page.add_script_tag(url=script)
        named = page.locator(".u-legend .u-series:visible .u-label")
        await expect(named).to_have_text(["Etapa", "V-35", "V-36", "V-37", "V-38", "V-39"])
        await page.locator(".u-over").hover(position={"x": 3, "y": 30})
        await expect(page.locator(".u-legend .u-series").last).to_contain_text("46.8 %")

"""The link for the debtor on the page of a contract: made, shown once, and ended."""

import re

from console_scene import Scene
from contracts_scene import contract, part, path_of
from in_browser import findings
from playwright.async_api import Browser

_LINK = re.compile(r"http://[^\"]+/p/[\w-]{43}")


async def test_a_link_is_shown_once_and_ended(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client() as client:
        form = path_of(one, "/link")
        assert 'href="' + form in (await client.get(path_of(one))).text
        made = await scene.send(client, form, form, _key="link-1", language="pt")
        assert (made.status_code, len(_LINK.findall(made.text))) == (200, 1), made.text
        shown = await part(client, one, "promises")
        assert not _LINK.findall(shown)
        assert "sin abrir" in shown
        [of] = re.findall(r"link-revocation\?of=([0-9a-f-]{36})", shown)
        ending = path_of(one, f"/link-revocation?of={of}")
        assert (await scene.send(client, ending, ending, _key="end-1", reason="número equivocado")).status_code == 303
        shown = await part(client, one, "promises")
        assert "número equivocado" in shown
        assert "link-revocation" not in shown
        again = await scene.send(client, ending, ending, _key="end-2", reason="otra vez")
        assert (again.status_code, "ya terminó" in again.text) == (409, True)


async def test_agencies_and_readers_have_no_link(scene: Scene) -> None:
    one = await contract(scene)
    async with scene.client("auditor") as client:
        assert path_of(one, "/link") not in (await client.get(path_of(one))).text
        assert (await client.get(path_of(one, "/link"))).status_code in (403, 404)


async def test_the_page_of_a_new_link_is_accessible(scene: Scene, browser: Browser) -> None:
    one = await contract(scene)
    for width in (1280, 390):
        async with scene.browser_page(browser, width=width) as page:
            await page.goto(f"{scene.url}{path_of(one, '/link')}")
            assert await findings(page) == []
            await page.click("main form button")
            await page.wait_for_selector("#link")
            assert "/p/" in await page.input_value("#link")
            assert await findings(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width

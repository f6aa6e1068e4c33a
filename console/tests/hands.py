"""Two ways to work in a page: with the mouse, and with the keyboard alone."""

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from playwright.async_api import Locator, Page

_MOST_TABS = 400
_DROP = """(area, file) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([file.text], file.name, { type: "text/csv" }));
  for (const name of ["dragover", "drop"])
    area.dispatchEvent(new DragEvent(name, { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


class Hands(Protocol):
    """What a person does in a page."""

    page: Page

    async def go(self, section: str, key: str, /) -> None:
        """Open a section: ``/lists``, which the key ``l`` opens after ``g``."""

    async def search(self, text: str) -> None:
        """Search for a contract."""

    async def press(self, what: Locator) -> None:
        """Follow a link, push a button, open what is folded, mark a box."""

    async def write(self, field: Locator, text: str) -> None:
        """Replace what stands in a field."""

    async def write_day(self, field: Locator, day: date) -> None:
        """Enter a day."""

    async def choose(self, field: Locator, value: str) -> None:
        """Choose the option of this value."""

    async def hand_in(self, name: str, text: str) -> None:
        """Give the page's form a file."""


class Mouse:
    """Points and clicks; types only text."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def go(self, section: str, _: str, /) -> None:
        await self.page.wait_for_load_state()
        if await self.page.locator("nav.wide-only").is_hidden():
            await self.page.locator(".narrow-only > summary").click()
        await self.page.locator(f"nav a[href='{section}']:visible").click()
        await self.page.wait_for_url(f"**{section}")

    async def search(self, text: str) -> None:
        await self.page.locator("#search").click()
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Enter")

    async def press(self, what: Locator) -> None:
        await what.click()

    async def write(self, field: Locator, text: str) -> None:
        await field.fill(text)

    async def write_day(self, field: Locator, day: date) -> None:
        await field.fill(day.isoformat())

    async def choose(self, field: Locator, value: str) -> None:
        await field.select_option(value)

    async def hand_in(self, name: str, text: str) -> None:
        await self.page.locator("[data-drop]").evaluate(_DROP, {"name": name, "text": text})


class Keyboard:
    """Never points: the Tab key goes from one thing to the next, as for whoever cannot use a mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page
        # Playwright turns the catching of choosers on without waiting for it, so a key that follows may be too early.
        page.on("filechooser", lambda _: None)

    async def reach(self, what: Locator) -> None:
        """Press Tab until the focus is there. Fails if it never comes there."""
        await what.wait_for()
        for _ in range(_MOST_TABS):
            if await what.evaluate("it => it === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not reach {what}")

    async def go(self, section: str, key: str, /) -> None:
        await self.page.wait_for_load_state()
        # In one message: the console waits for the second key for a moment only.
        await self.page.keyboard.type(f"g{key}")
        await self.page.wait_for_url(f"**{section}")

    async def search(self, text: str) -> None:
        await self.page.keyboard.press("/")
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Enter")

    async def press(self, what: Locator) -> None:
        kind = await what.get_attribute("type")
        if kind == "radio":
            # The Tab key stops at a group's marked choice, and the arrows go on from there.
            name = await what.get_attribute("name")
            await self.reach(self.page.locator(f"input[name={name}]:checked"))
            while not await what.is_checked():
                await self.page.keyboard.press("ArrowDown")
            return
        await self.reach(what)
        await self.page.keyboard.press("Space" if kind == "checkbox" else "Enter")

    async def write(self, field: Locator, text: str) -> None:
        await self.reach(field)
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.type(text)

    async def write_day(self, field: Locator, day: date) -> None:
        await self.reach(field)
        # The browser writes a day in the order of the system's language.
        for order in ("%m%d%Y", "%d%m%Y"):
            await self.page.keyboard.type(f"{day:{order}}")
            if await field.input_value() == day.isoformat():
                return
            await self.page.keyboard.press("Shift+Tab")
            await self.reach(field)
        raise AssertionError(f"the day cannot be typed into {field}")

    async def choose(self, field: Locator, value: str) -> None:
        await self.reach(field)
        await self.page.keyboard.press("Home")
        for _ in range(await field.locator("option").count()):
            if await field.input_value() == value:
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{field} has no option {value}")

    async def hand_in(self, name: str, text: str) -> None:
        field = self.page.locator("[data-drop] input[type=file]")
        await self.reach(field)
        async with self.page.expect_file_chooser() as asked:
            await self.page.keyboard.press("Space")
        await (await asked.value).set_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})


HANDS: Mapping[str, type[Mouse] | type[Keyboard]] = {"mouse": Mouse, "keyboard": Keyboard}

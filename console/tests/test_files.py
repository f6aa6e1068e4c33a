"""Files: loading one, mending its rejected rows in place, and answering what a file waits for."""

import csv
import html
import io
import re
import uuid
from typing import Any

import httpx
from chassis.languages import Language
from console_scene import Scene
from playwright.async_api import Browser
from portfolio.tabular import profiles
from recobro_console.files import preview
from recobro_console.language import sentences
from services_in_process import AS_OF, sample

BAD = "32/13/2026"
DUE = "Fecha de vencimiento"
_KEY = re.compile(r'name="_key" value="([^"]+)"')
_CSRF_OF = re.compile(r"_csrf=([^\"&]+)")


def some_rows(count: int, *, bad: int = 0) -> list[dict[str, str]]:
    """The first rows of the sample, of which the first ``bad`` are due on no day."""
    rows = list(csv.DictReader(io.StringIO(sample().decode("cp1252"))))[:count]
    return [row | {DUE: BAD} if place < bad else row for place, row in enumerate(rows)]


def csv_of(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def first_row_bad() -> bytes:
    return csv_of(some_rows(6, bad=1))


async def loaded(
    scene: Scene, client: httpx.AsyncClient, portfolio_id: str, content: bytes, status: str = "loaded", **fields: str
) -> dict[str, Any]:
    """Load a file as the page does, and return it once it has this status."""
    page = (await client.get("/files")).text
    fields = {"portfolio_id": portfolio_id, "as_of": AS_OF.isoformat(), "confirm_future": "true"} | fields
    token = _CSRF_OF.search(page)
    key = _KEY.search(page)
    assert token is not None
    assert key is not None
    answer = await client.post(
        f"/files?_csrf={token[1]}",
        data={"mode": "delta", "_key": key[1]} | fields,
        files={"file": ("cartera.csv", content, "text/csv")},
    )
    assert answer.status_code == 303, answer.text
    file_id = answer.headers["location"].rpartition("/")[2]
    await scene.platform.until(
        "portfolio", "SELECT status = $2 FROM file WHERE file_id = $1", uuid.UUID(file_id), status
    )
    file: dict[str, Any] = await scene.platform.get("portfolio", f"/v1/files/{file_id}")
    return file


def test_a_clerk_can_choose_everything_that_a_column_may_be() -> None:
    assert sorted(preview.FIELDS) == sorted(profiles.FIELDS)
    shown = (*preview.FIELDS, "row_number")
    unnamed = [name for name in shown if len(sentences().get(f"word field {name}", {})) < len(Language)]
    assert unnamed == []


async def test_a_file_is_loaded_and_its_page_says_what_came_out(scene: Scene) -> None:
    portfolio_id = await scene.platform.portfolio()
    async with scene.client() as client:
        file = await loaded(scene, client, portfolio_id, first_row_bad())
        assert (file["rows_rejected"], file["uploaded_by"]["subject"]) == (1, "Ana Torres")
        page = (await client.get(f"/files/{file['file_id']}")).text
        assert "Corregirlas aquí" in page
        rejects = await client.get(f"/files/{file['file_id']}/rejects.csv")
        assert "Motivos de rechazo" in rejects.text
        assert file["file_id"] in (await client.get("/files")).text


async def test_a_dry_run_says_what_the_file_would_do_and_offers_no_correction(scene: Scene) -> None:
    portfolio_id = await scene.platform.portfolio()
    parameters = {"as_of": AS_OF.isoformat(), "confirm_future": "true", "dry_run": "true"}
    path = f"/v1/portfolios/{portfolio_id}/files"
    sent = await scene.platform.clients["portfolio"].post(path, content=first_row_bad(), params=parameters)
    file_id = sent.json()["file_id"]
    loaded_now = "SELECT status = 'loaded' FROM file WHERE file_id = $1"
    await scene.platform.until("portfolio", loaded_now, uuid.UUID(file_id))
    async with scene.client() as client:
        page = (await client.get(f"/files/{file_id}")).text
        assert "Fue solo un ensayo" in page
        assert "Corregirlas aquí" not in page
        assert 'name="c-' not in (await client.get(f"/files/{file_id}/rejects")).text


async def test_the_page_of_a_file_at_work_is_drawn_anew_when_the_work_is_over(scene: Scene) -> None:
    portfolio_id = await scene.platform.portfolio()
    async with scene.client() as client:
        file = await loaded(scene, client, portfolio_id, csv_of(some_rows(4)))
        path = f"/files/{file['file_id']}/state"
        assert (await client.get(path, params={"was": "reading"})).headers["HX-Refresh"] == "true"
        assert "HX-Refresh" not in (await client.get(path, params={"was": "loaded"})).headers


async def test_a_file_that_is_refused_leaves_what_was_typed(scene: Scene) -> None:
    portfolio_id = await scene.platform.portfolio()
    async with scene.client() as client:
        token = _CSRF_OF.search((await client.get("/files")).text)
        assert token is not None
        data = {"portfolio_id": portfolio_id, "mode": "snapshot", "as_of": "2026-11-20"}
        files = {"file": ("notes.csv", b"hello,world\n1,2\n", "text/csv")}
        refused = await client.post(f"/files?_csrf={token[1]}", data=data, files=files)
        foreign = await client.post("/files?_csrf=guessed", data=data, files=files)
        without = await client.post(f"/files?_csrf={token[1]}", data=data, files={"file": ("", b"")})
    assert refused.status_code == 422
    assert 'value="snapshot" checked' in refused.text
    assert 'value="2026-11-20"' in refused.text
    assert f'value="{portfolio_id}" selected' in refused.text
    assert foreign.status_code == 403
    assert "Primero elija un archivo." in without.text


async def test_only_corrected_rows_are_sent_and_what_was_typed_is_kept(scene: Scene) -> None:
    portfolio_id = await scene.platform.portfolio()
    rows = some_rows(6, bad=2)
    async with scene.client() as client:
        file = await loaded(scene, client, portfolio_id, csv_of(rows))
        path = f"/files/{file['file_id']}/rejects"
        page = (await client.get(path)).text
        place = list(rows[0]).index(DUE)
        assert f'name="c-2-{place}"' in page
        action = f"{path}?_csrf={_CSRF_OF.search(page)[1]}"  # type: ignore[index]
        nothing = await client.post(action, data={f"c-2-{place}": BAD})
        assert nothing.status_code == 422
        key = str(uuid.uuid4())
        sent = await client.post(action, data={f"c-2-{place}": "2026-08-01", f"c-3-{place}": BAD, "_key": key})
        assert sent.status_code == 303
        amendment = uuid.UUID(sent.headers["location"].rpartition("/")[2])
        await scene.platform.until("portfolio", "SELECT status = 'loaded' FROM file WHERE file_id = $1", amendment)
        found = await scene.platform.get("portfolio", f"/v1/files/{amendment}")
        assert (found["mode"], found["amends"], found["rows_read"]) == ("amend", file["file_id"], 1)
        left = (await client.get(path)).text
        assert f'name="c-2-{place}"' not in left
        # The key of the form that was sent already, with other cells.
        refused = await client.post(action, data={f"c-3-{place}": "2026-08-09", "_key": key})
    assert refused.status_code == 422
    assert 'value="2026-08-09"' in refused.text


async def test_an_auditor_sees_files_and_cannot_change_them(scene: Scene) -> None:
    portfolio_id = await scene.platform.portfolio()
    async with scene.client() as client:
        file = await loaded(scene, client, portfolio_id, first_row_bad())
    async with scene.client("auditor") as client:
        assert 'type="file"' not in (await client.get("/files")).text
        page = (await client.get(f"/files/{file['file_id']}/rejects")).text
        assert BAD in page
        assert 'name="c-' not in page


async def test_a_new_portfolio_keeps_what_was_typed_until_it_is_there(scene: Scene) -> None:
    async with scene.client() as client:
        path = "/files/new-portfolio"
        wrong = await scene.send(client, path, path, creditor_name="", name="Tarjetas")
        assert wrong.status_code == 422
        assert 'value="Tarjetas"' in wrong.text
        made = await scene.send(client, path, path, creditor_name="Banco Sur", name="Tarjetas", country="MX")
        assert made.status_code == 303
        assert "Banco Sur · Tarjetas" in (await client.get("/files")).text


async def test_a_clerk_mends_a_rejected_row_in_the_table(scene: Scene, browser: Browser) -> None:
    portfolio_id = await scene.platform.portfolio()
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/files?portfolio_id={portfolio_id}")
        await page.select_option("#f-portfolio_id", portfolio_id)
        await page.set_input_files(
            "#f-file", {"name": "cartera.csv", "mimeType": "text/csv", "buffer": first_row_bad()}
        )
        await page.get_by_role("button", name="Cargar el archivo").click()
        await page.get_by_role("link", name="Corregirlas aquí").click()
        cell = page.locator("[aria-invalid=true]").first
        assert await cell.input_value() == BAD
        await cell.fill("2026-08-01")
        await cell.press("Enter")
        await page.get_by_text("corrige este archivo").wait_for()
        await page.locator("[role=status]", has_text="cargado").first.wait_for()
        await page.get_by_role("link", name="corrige este archivo").click()
        await page.get_by_role("link", name="Corregirlas aquí").click()
        await page.get_by_text("Aquí ya no queda ninguna fila").wait_for()


async def test_a_supervisor_confirms_a_snapshot_that_closes_many(scene: Scene, browser: Browser) -> None:
    portfolio_id = await scene.platform.portfolio()
    async with scene.client() as client:
        await loaded(scene, client, portfolio_id, csv_of(some_rows(300)))
        content = csv_of(some_rows(10))
        waiting = await loaded(scene, client, portfolio_id, content, "needs_confirmation", mode="snapshot")
    async with scene.browser_page(browser) as page:
        await page.goto(f"{scene.url}/files/{waiting['file_id']}")
        await page.get_by_text(f"{waiting['contracts_to_close']} contratos abiertos").wait_for()
        await page.locator("summary", has_text="Confirmar").click()
        await page.locator("form button", has_text="Confirmar").click()
        await page.locator("[role=status]", has_text="cargado").first.wait_for()


async def test_columns_are_named_by_choosing_and_kept_as_a_profile(scene: Scene) -> None:
    portfolio_id = await scene.platform.portfolio()
    rows = [{"Pago vencido el" if name == DUE else name: cell for name, cell in row.items()} for row in some_rows(4)]
    async with scene.client() as client:
        token = _CSRF_OF.search((await client.get("/files")).text)
        assert token is not None
        file = {"file": ("cartera.csv", csv_of(rows), "text/csv")}
        data = {"portfolio_id": portfolio_id, "mode": "delta"}
        shown = await client.post(f"/files/preview?_csrf={token[1]}", data=data, files=file)
        assert shown.status_code == 200, shown.text
        form = dict(re.findall(r'<input type="hidden" name="([a-z_0-9-]+)" value="([^"]*)"', shown.text))
        form = {name: html.unescape(value) for name, value in form.items()} | {"name": "Cartera norte"}
        chosen = re.findall(r'<select name="(field-\d+)".*?</select>', shown.text, re.DOTALL)
        for name in chosen:
            options = shown.text.partition(f'<select name="{name}"')[2].partition("</select>")[0]
            selected = re.search(r'value="([^"]*)" selected', options)
            form[name] = selected[1] if selected else ""
        place = next(name for name, value in form.items() if value == "Pago vencido el").removeprefix("source-")
        form[f"field-{place}"] = "due_date"
        nameless = await client.post(f"/files/profiles?_csrf={token[1]}", data=form | {"name": ""})
        assert nameless.status_code == 422
        kept = await client.post(f"/files/profiles?_csrf={token[1]}", data=form)
        assert kept.status_code == 303, kept.text
        back = await client.get(kept.headers["location"])
        assert "Cartera norte" in back.text
        profile = kept.headers["location"].rpartition("=")[2]
        loaded_file = await loaded(scene, client, portfolio_id, csv_of(rows), profile=profile)
    assert (loaded_file["rows_read"], loaded_file["rows_rejected"]) == (4, 0)

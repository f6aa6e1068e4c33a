"""Who gets in, who stays in, and what a form needs."""

import httpx
from console_scene import Scene


async def test_a_link_opens_the_console_once(scene: Scene) -> None:
    link = scene.link()
    async with httpx.AsyncClient() as first, httpx.AsyncClient() as second:
        assert (await first.get(link)).status_code == 303
        refused = await second.get(link)
    assert refused.status_code == 403
    assert "ya se usó" in refused.text


async def test_a_token_of_the_services_opens_nothing(scene: Scene) -> None:
    from chassis.testing import mint

    async with httpx.AsyncClient(base_url=scene.url) as client:
        assert (await client.get("/sign-in/link", params={"code": mint()})).status_code == 403


async def test_without_a_session_every_page_leads_to_signing_in(scene: Scene) -> None:
    async with httpx.AsyncClient(base_url=scene.url) as client:
        for path in ("/", "/today", "/today/lists", "/live"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_who_has_signed_out_is_out(scene: Scene) -> None:
    async with scene.client() as client:
        cookies = dict(client.cookies)
        assert (await scene.send(client, "/today", "/sign-out")).status_code == 303
    async with httpx.AsyncClient(base_url=scene.url, cookies=cookies) as later:
        assert (await later.get("/today")).status_code == 303


async def test_a_form_of_another_site_changes_nothing(scene: Scene) -> None:
    async with scene.client() as client:
        assert (await client.post("/sign-out")).status_code == 403
        assert (await client.post("/sign-out", data={"_csrf": "guessed"})).status_code == 403
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert (await client.post("/sign-out", headers=foreign)).status_code == 403
        assert (await client.get("/today")).status_code == 200


async def test_the_table_of_sessions_shows_no_token(scene: Scene) -> None:
    async with scene.client() as client:
        key = client.cookies["recobro_session"]
        session = await scene.app.state.store.find(key)
    async with scene.app.state.database.connection() as connection:
        rows = await connection.fetch("SELECT key_hash, sealed FROM session")
    stored = b"".join(bytes(row["key_hash"]) + bytes(row["sealed"]) for row in rows)
    assert session.access_token.encode() not in stored
    assert key.encode() not in stored


async def test_pages_obey_a_strict_policy(scene: Scene) -> None:
    async with scene.client() as client:
        answer = await client.get("/today")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


async def test_an_auditor_may_only_read(scene: Scene) -> None:
    async with scene.client("auditor") as client:
        session = await scene.app.state.store.find(client.cookies["recobro_session"])
    assert all(scope.endswith(":read") for scope in session.scopes)


async def test_an_agency_does_not_see_pages_of_the_staff(scene: Scene) -> None:
    agency = await scene.platform.post("assignment", "/v1/agencies", {"name": "Contacto"})
    async with scene.client("agency", agency_id=agency["agency_id"]) as client:
        assert (await client.get("/today")).status_code == 403


async def test_what_the_console_answers_is_measured_and_pages_keep_their_headers(scene: Scene) -> None:
    async with scene.client() as client:
        page = await client.get("/today")
        script = await client.get("/static/console.js")
        async with client.stream("GET", "/live") as live:
            await anext(live.aiter_lines())
            during = (await client.get("/metrics")).text
    assert page.headers["x-request-id"]
    assert "content-disposition" not in {*page.headers, *script.headers}
    assert 'http_requests_total{method="GET",route="/today",status="200"}' in during
    assert "console_live 1.0" in during
    assert "console_pages_open 0.0" not in during

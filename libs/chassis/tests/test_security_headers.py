"""The security headers of answers, and the documentation page, which runs no script of another host."""

import re

import httpx
import pytest

STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/me", 200),
        ("/v1/nothing", 404),
        ("/v1/entries?limit=0", 422),
        ("/v1/fail?kind=bug", 500),
        ("/v1/stream", 200),
        ("/livez", 200),
        ("/openapi.json", 200),
    ],
)
async def test_every_answer_is_kept_out_of_pages_caches_and_guesses(
    running: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await running.get(path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == STRICT
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "content-disposition" not in answer.headers


async def test_without_a_token_the_headers_are_the_same(running: httpx.AsyncClient) -> None:
    answer = await running.get("/v1/me", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["cache-control"]) == (401, "no-store")


async def test_a_file_is_saved_and_not_opened(running: httpx.AsyncClient) -> None:
    unnamed = await running.get("/v1/table")
    assert (unnamed.headers["content-disposition"], unnamed.headers["cache-control"]) == ("attachment", "no-store")
    named = await running.get("/v1/table?named=true")
    assert named.headers.get_list("content-disposition") == ['attachment; filename="table.csv"']
    assert named.headers.get_list("cache-control") == ["max-age=60"]


async def test_the_documentation_loads_nothing_from_elsewhere(running: httpx.AsyncClient) -> None:
    page = await running.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert re.findall(r"<script(?! src=)|style=| on\w+=|https?://|src=\"//", page.text) == []
    named = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert len(named) == 3
    for asset in named:
        answer = await running.get(f"/{asset}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] in {"text/javascript", "text/css"}
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.content) > 100
    for other in ("/docs/other.js", "/docs/..%2fapp.py", "/docs/__init__.py"):
        assert (await running.get(other)).status_code == 404

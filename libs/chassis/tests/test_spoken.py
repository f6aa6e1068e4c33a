"""What a service refuses is said in the language that the request asks for."""

import httpx
import pytest


@pytest.mark.parametrize(
    ("asked", "language", "detail"),
    [
        ("es-MX,en;q=0.5", "es", "debe ser una fecha como 2026-01-31"),
        ("pt-BR", "pt", "deve ser uma data como 2026-01-31"),
        ("de", None, "must be a date such as 2026-01-31"),
        (None, None, "must be a date such as 2026-01-31"),
    ],
)
async def test_a_mistake_is_told_in_the_readers_language(
    client: httpx.AsyncClient, asked: str | None, language: str | None, detail: str
) -> None:
    headers = {"Accept-Language": asked} if asked else {}
    given = {"on": "tomorrow", "at": "2026-01-31T12:00:00Z"}
    refused = await client.get("/v1/moment", params=given, headers=headers)
    assert refused.status_code == 422
    assert [error["detail"] for error in refused.json()["errors"]] == [detail]
    assert refused.headers.get("Content-Language") == language
    assert refused.json()["type"] == "urn:recobro:problem:invalid", "codes are the same in every language"

"""Runs the code blocks of the page for dialers' programmers, in their order and as they are written."""

import asyncio
import json
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from chassis.testing import mint
from dialer_feed.permits.rules import REASONS
from dialing_scene import DAY, Scene
from fastapi import FastAPI
from permit_requests import clock, listed

__all__ = ["clock"]
PAGE = Path(__file__).parents[4] / "docs" / "dialers.md"
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


def shape(value: Any) -> Any:
    """The names of an answer's fields and the kinds of their values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


@pytest.mark.usefixtures("calls_of_any_age")
@pytest.mark.process
@pytest.mark.usefixtures("clock")
async def test_every_block_of_the_page_answers_as_the_page_shows(
    scene: Scene, client: httpx.AsyncClient, app: FastAPI, tmp_path: Path
) -> None:
    assert client.headers
    list_id, contract = await listed(scene)
    other = await scene.built(campaign_id=await scene.campaign(stages=["legal"]))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(240):
        while not server.started:  # noqa: ASYNC110 - no event is set for it
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    environment = {
        **os.environ,
        "RECOBRO_TOKEN": mint(),
        "RECOBRO_FEED": f"http://127.0.0.1:{port}",
        "LIST": str(list_id),
        "CONTRACT": contract.number,
        "PHONE": contract.phones[0].value,
        "CALLER_ID": "+525587654321",
        "CAMPAIGN": str(scene.campaign_id),
        "DAY": str(DAY),
        "OTHER_LIST": str(other),
    }
    steps = [(text, shown) for (language, text), (_, shown) in pairwise(BLOCKS) if language == "bash"]
    assert len(steps) * 2 == len(BLOCKS) == PAGE.read_text().count("```") // 2
    for text, shown in steps:
        # The attempt began when the permit was given, by the clock of this test.
        script = text.replace("$(date -u +%FT%TZ)", "2026-11-23T18:00:05Z")
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", script, env=environment, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(shell.communicate(), 240)
        answered, expected = json.loads(output), json.loads(shown)
        assert shape(answered) == shape(expected), text
        for name in ("reason", "detail", "status", "permit", "accepted", "bars", "entries", "added", "codes"):
            assert isinstance(told := expected.get(name), dict) or answered.get(name) == told, text
    server.should_exit = True
    await serving


def test_the_page_explains_every_reason_that_a_permit_is_refused_for() -> None:
    explained = set(re.findall(r"`(\w+)`", PAGE.read_text().partition("## Why not?")[2].partition("```")[0]))
    assert set(REASONS) - {"inconvenient", "ruling"} <= explained

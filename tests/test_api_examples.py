"""The examples in the OpenAPI documents are what the services answer, and every list that they show can be turned."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from api_recording import Recording, operations_of, written
from api_story import play
from chassis import api_examples
from fresh_databases import FreshDatabases
from recobro_platform import SERVICES
from services_in_process import all_services_in_process
from test_bounds_of_input import app_of

pytestmark = pytest.mark.process

NOT_SHOWN = {
    "decide_report": "a report waits for a person only days after its contract was recalled",
    "stop_run": "a staging run of a small portfolio ends before it can be stopped",
    "discard_letter": "no event of the story is refused",
    "discard_unsent": "no event of the story is refused",
}


@pytest.mark.timeout(600)
async def test_examples_are_what_the_services_answer(databases: FreshDatabases) -> None:
    """With RECOBRO_WRITE_EXAMPLES the examples are written instead, as ``make api-examples`` does."""
    async with all_services_in_process(databases) as platform:
        recording = Recording(platform)
        await play(recording)
        for package, examples in recording.examples.items():
            assert kept(package, written(examples)) == written(examples), "run: make api-examples"
        for service, path in recording.lists:
            await expect_to_turn(recording, service, path)


def kept(package: str, text: str) -> str:
    """Return the examples that the package has. With RECOBRO_WRITE_EXAMPLES they are replaced by ``text`` before."""
    file = Path(str(files(package).joinpath(api_examples.FILE)))
    if os.environ.get("RECOBRO_WRITE_EXAMPLES"):
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8")


async def expect_to_turn(recording: Recording, service: str, path: str) -> None:
    """Read the list page by page in both orders: one is the other from its end."""
    forwards = await whole(recording, service, path, "asc")
    assert await whole(recording, service, path, "desc") == forwards[::-1], path


async def whole(recording: Recording, service: str, path: str, order: str) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        given = {"order": order, "limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = await recording.platform.get(service, path, **given)
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return found


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_operations_with_a_json_body_have_an_example(service: Any) -> None:
    app = app_of(service)
    document = app.openapi()
    packages = dict(operations_of(app))
    without = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
        and operation["operationId"] not in api_examples.examples_in(packages[operation["operationId"]].package)
    ]
    assert sorted(set(without) - NOT_SHOWN.keys()) == []

"""The OpenAPI document of each service: what people and generators of clients need of it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from recobro_platform import SERVICES, Service
from test_bounds_of_input import description_of

Json = dict[str, Any]


@pytest.fixture(scope="module", params=SERVICES, ids=lambda service: service.name)
def document(request: pytest.FixtureRequest) -> Json:
    service: Service = request.param
    return description_of(service)


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def nodes(node: Any) -> Iterator[Json]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


def test_operations_have_short_ids_descriptions_and_described_tags(document: Json) -> None:
    found = dict(operations(document))
    ids = [operation["operationId"] for operation in found.values()]
    assert len(set(ids)) == len(ids)
    assert [id_ for id_ in ids if not re.fullmatch(r"[a-z_]{4,40}", id_)] == []
    assert [name for name, operation in found.items() if not operation.get("description")] == []
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert [name for name, operation in found.items() if not set(operation["tags"]) <= tags.keys()] == []
    assert document["info"]["description"]


def test_each_model_has_its_own_title_and_nothing_else_has_one(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert {name: schema["title"] for name, schema in schemas.items()} == {name: name for name in schemas}
    assert [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z]+", name)] == []
    titles = [node["title"] for node in nodes(document) if isinstance(node.get("title"), str)]
    assert sorted(titles) == sorted([*schemas, document["info"]["title"]])


def test_bounds_have_their_standard_names(document: Json) -> None:
    assert [node for node in nodes(document) if {"ge", "gt", "le", "lt"} & node.keys()] == []


def test_every_answer_with_content_has_a_type(document: Json) -> None:
    untyped = [
        f"{name} {status} {media_type}"
        for name, operation in operations(document)
        for status, answer in operation["responses"].items()
        for media_type, content in answer.get("content", {}).items()
        if not content.get("schema")
    ]
    assert untyped == []


def test_descriptions_are_markdown(document: Json) -> None:
    assert "``" not in json.dumps([node.get("description") for node in nodes(document)])


def test_operations_name_their_problems(document: Json) -> None:
    """Each test of a service also checks that its problems are named at the operation that answers with them."""
    named = {
        name: {status for status in operation["responses"] if status.startswith("4") and status != "4XX"}
        for name, operation in operations(document)
    }
    for name, operation in operations(document):
        if "{" in name and operation["operationId"] not in {"replay_letters", "load_suppression_list"}:
            assert "404" in named[name], name

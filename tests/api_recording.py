"""Requests to all services in one process, and what of them is shown as examples in the OpenAPI documents."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from chassis.testing import mint
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from recobro_platform import SCOPES, SERVICES
from services_in_process import InProcessPlatform
from test_bounds_of_input import app_of

Json = dict[str, Any]
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)")
_SHOWN_MOMENT = "2026-11-22T16:20:30.123456Z"
_MOST_ITEMS = 2
_POSITIONS = frozenset({"position", "next_position", "version"})
"""Members that hold a place in an agency's stream, which begins elsewhere each time, and versions.

A contract's version grows when it is judged in the background, before or after it is read.
"""
_CODES = frozenset({"acceptance_code"})
"""Members that are drawn by lot."""
_SHOWN_CODE = "K7M2PX4D"
_DIGESTS = frozenset({"terms_sha256", "accepted_terms_sha256"})
"""Hashes of terms, which contain an id."""
_SHOWN_DIGEST = "f5a3ef01faf54c4a629634cdda2de0d0d09a0ef12e36273ff40eaa81881b34e2"
_LINK = re.compile(r"https?://[^/]+/p/[\w-]{43}")
_SHOWN_LINK = "https://pagos.example/p/w3Xh0pQe6l2JrT9sVbN1cYzK8mGfDq4uAoEiLxRt7Bs"
_SHOWN_POSITION = "jFrsxDcA50QAAAAAAAAAAQ=="
_LEAST_CURSOR = 10**8
_SHOWN_CURSOR = 29_933_645 * _LEAST_CURSOR
"""Cursors of withdrawals begin elsewhere in each list. Only their last digits count the withdrawals."""
_SHOWN_SECONDS = 0.25
"""The only numbers with decimals in answers are seconds; amounts are texts."""
_UNORDERED = frozenset({"placements"})
"""Members whose parts are in the order of ids that differ each time."""
_BY_PAYMENT = frozenset({"list_commissions"})
"""Lists in the order of ids of payments, which are made from channel and reference and differ each time."""
_BY_CHANCE = frozenset({"compare_ladder"})
"""Answers whose figures chance decides."""
_SHOWN_FIGURE, _SHOWN_AMOUNT = 12, "1250.00"
_AMOUNTS = "recovered"
"""How the names of such answers' amounts begin."""
_LINES = frozenset({"text/csv", "application/jsonl"})


class Operation(NamedTuple):
    """``package`` is the package of the endpoint, which has the operation's example."""

    method: str
    path: str
    package: str
    is_list: bool


def operations_of(app: FastAPI) -> Iterator[tuple[str, Operation]]:
    """Yield the operations of a service's app by their ids."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            method = next(iter(context.methods or ()))
            names = {field.name for field in route.dependant.query_params}
            for each in route.dependant.dependencies:
                names |= {field.name for field in each.query_params}
            package = route.endpoint.__module__.partition(".")[0]
            yield route.name, Operation(method, context.path or "", package, "cursor" in names)


class Recording:
    """Sends requests by the ids of their operations, and keeps the first of each operation as its example."""

    def __init__(self, platform: InProcessPlatform) -> None:
        self.platform = platform
        self.examples: dict[str, dict[str, Json]] = {}
        self.lists: list[tuple[str, str]] = []
        """The lists that were read: the service and the path of each."""
        self._ids: dict[str, str] = {}
        self._operations = {service.name: dict(operations_of(app_of(service))) for service in SERVICES}

    async def ask(
        self,
        service: str,
        operation: str,
        body: Any = None,
        *,
        agency: str | None = None,
        person: str | None = None,
        **parameters: Any,
    ) -> Any:
        """Send a request that has to succeed, and return its decoded answer.

        With ``agency`` it carries that agency's token, with ``person`` that of another operator, whose name is also the
        name of their role. Parameters go into the path or the query. Bytes are sent as
        they are. The name of a parameter that is a word of Python ends in an underscore here.
        """
        known = self._operations[service][operation]
        given = {name.rstrip("_"): value for name, value in parameters.items()}
        path = known.path.format(**given)
        query = {name: value for name, value in given.items() if f"{{{name}}}" not in known.path}
        sent: Json = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        headers = {} if agency is None else {"Authorization": f"Bearer {mint(agency_id=UUID(agency))}"}
        if person is not None:
            token = mint((*SCOPES, f"role:{person}"), subject=person)
            headers = {"Authorization": f"Bearer {token}"}
        client = self.platform.clients[service]
        answer = await client.request(known.method, path, params=query, headers=headers, **sent)
        assert answer.is_success, f"{operation}: {answer.text}"
        if known.is_list and agency is None:
            self.lists.append((service, str(httpx.URL(path, params=query))))
        example: Json = {"parameters": given, "status": answer.status_code}
        if not isinstance(body, bytes):
            example["request"] = body
        self._keep(known.package, operation, example, answer)
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.content

    def _keep(self, package: str, operation: str, example: Json, answer: httpx.Response) -> None:
        kept = self.examples.setdefault(package, {})
        media_type = answer.headers["content-type"].partition(";")[0]
        if operation in kept:
            return
        if media_type == "application/json":
            found = answer.json()
            if operation in _BY_PAYMENT:
                found["items"].sort(key=lambda item: json.dumps(self._shown(item)))
            found = _without_chance(found) if operation in _BY_CHANCE else found
            example |= {"media_type": media_type, "answer": _shortened(found)}
        elif media_type in _LINES:
            lines = answer.text.splitlines(keepends=True)
            example |= {"media_type": media_type, "answer": "".join(lines[:_MOST_ITEMS])}
        kept[operation] = self._shown({name: value for name, value in example.items() if value not in (None, {})})

    def _shown(self, node: Any) -> Any:
        """Return the same with ids and moments replaced by others that are the same each time."""
        if isinstance(node, dict):
            return {name: self._member(name, value) for name, value in node.items()}
        if isinstance(node, list):
            return [self._shown(item) for item in node]
        if isinstance(node, float):
            return _SHOWN_SECONDS
        if isinstance(node, int) and node >= _LEAST_CURSOR:
            return _SHOWN_CURSOR + node % _LEAST_CURSOR
        if not isinstance(node, str):
            return node
        return _LINK.sub(_SHOWN_LINK, _MOMENT.sub(_SHOWN_MOMENT, _ID.sub(self._shown_id, node)))

    def _member(self, name: str, value: Any) -> Any:
        if name in _POSITIONS:
            return _SHOWN_POSITION
        if name in _CODES and value is not None:
            return _SHOWN_CODE
        if name in _DIGESTS and value is not None:
            return _SHOWN_DIGEST
        return self._shown(_sorted(value) if name in _UNORDERED else value)

    def _shown_id(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found[0], f"0198f3a0-5a10-7c00-8a00-{len(self._ids) + 1:012}")


def _sorted(parts: list[Json]) -> list[Json]:
    """Return the parts in the order of what they say beside ids and moments."""
    return sorted(parts, key=lambda part: _MOMENT.sub("", _ID.sub("", json.dumps(part))))


def _without_chance(node: Any, name: str = "") -> Any:
    """Return the same with every count, rate and amount replaced by one that is the same each time.

    A rate or an amount is null where chance has put nobody on a side.
    """
    if isinstance(node, dict):
        return {each: _without_chance(value, each) for each, value in node.items()}
    if isinstance(node, list):
        return [_without_chance(item) for item in node]
    if name.startswith(_AMOUNTS) and (node is None or isinstance(node, str)):
        return _SHOWN_AMOUNT
    if isinstance(node, int) and not isinstance(node, bool):
        return _SHOWN_FIGURE
    return _SHOWN_SECONDS if node is None else node


def _shortened(answer: Any) -> Any:
    if isinstance(answer, dict) and isinstance(answer.get("items"), list):
        return answer | {"items": answer["items"][:_MOST_ITEMS]}
    return answer


def written(examples: Json) -> str:
    """Return the text of a file of examples."""
    return json.dumps(examples, indent=1, ensure_ascii=False, sort_keys=True) + "\n"

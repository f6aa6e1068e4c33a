"""Whoever reads the personal data of many debtors at once leaves an entry in the audit table, in every service."""

from collections.abc import Iterator
from typing import Any

import pytest
from chassis.audit import BULK_READ
from chassis.auth import calls_of
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from recobro_platform import SERVICES, Service
from test_bounds_of_input import app_of

PERSONAL = {
    "address",
    "addresses",
    "contact_points",
    "debtor",
    "debtor_name",
    "detail",
    "email",
    "emails",
    "phone",
    "phones",
    "street",
    "tax_id",
}
"""Names of fields with a debtor's data, or with text that a person has written about a debtor."""
OTHERS = {
    "/v1/creditors": "creditors are companies",
    "/v1/agencies": "agencies are companies",
    "/v1/portfolio-file-template": "a file without rows",
    "/v1/lists/{list_id}/withdrawals": "polled all day, for numbers that the reader has from the entries",
    "/v1/jobs": "names portfolios and campaigns, and why a job failed",
    **{
        f"/v1/insight/{figures}": "sums of many contracts, which name no debtor"
        for figures in (
            *("waterfall", "roll-rates", "cure-rates", "recovery", "vintages"),
            *("calls", "promises", "visits", "placements", "recalls", "commissions"),
        )
    },
    "/v1/contracts/{contract_id}/parties": "one debtor",
    "/v1/contracts/{contract_id}/agreements/{agreement_id}/agreement.pdf": "one debtor",
    "/v1/contracts/{contract_id}/no-debt.pdf": "one debtor",
    "/v1/contracts/{contract_id}/agreements/{agreement_id}/proposal.pdf": "one debtor",
    "/v1/visits/{visit_id}/sheet.pdf": "one debtor",
    "/v1/visits/{visit_id}/letter.pdf": "one debtor",
    "/v1/photos/{photo_id}": "one debtor",
    "/v1/notices/{notice_id}/receipt": "one debtor",
}


def fields(schema: Any, schemas: Any, seen: set[str]) -> Iterator[str]:
    """The names of all fields of the schema and of what it contains."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from fields(schemas[name], schemas, seen | {name})
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from fields(inner, schemas, seen)
    for inner in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from fields(inner, schemas, seen)
    if "items" in schema:
        yield from fields(schema["items"], schemas, seen)


def reads_of_many(app: FastAPI) -> Iterator[str]:
    """The paths whose answer is a file, or a page of items with personal data."""
    document = app.openapi()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        answer = operations.get("get", {}).get("responses", {}).get("200", {})
        for media_type, content in answer.get("content", {}).items():
            schema = content.get("schema", {})
            shown = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
            is_page = "items" in shown.get("properties", {}) or shown.get("type") == "array"
            if media_type != "application/json" or (is_page and PERSONAL.intersection(fields(schema, schemas, set()))):
                yield path


def entered(app: FastAPI) -> set[str]:
    """The paths of which each reading is an entry."""
    return {
        context.path or ""
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute) and BULK_READ in calls_of(context.original_route.dependant)
    }


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_each_reading_of_many_debtors_data_is_an_entry(service: Service) -> None:
    app = app_of(service)
    assert set(reads_of_many(app)) - entered(app) - OTHERS.keys() == set()


def test_every_exception_is_a_path() -> None:
    assert OTHERS.keys() <= {path for service in SERVICES for path in reads_of_many(app_of(service))}

"""What the console says of a problem's code fits the page: another service may mean something else by the code."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import recobro_console
from recobro_console.calls import Refused
from recobro_console.language import Reader, sentences

SERVICES = Path(recobro_console.__file__).parents[2] / "services"
FITS_EVERYWHERE = frozenset({"contract-closed", "letter-incomplete", "rules-changed"})
"""Several services say it, and the sentence is right for all of them."""


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def codes() -> Iterator[tuple[str, str]]:
    """The services with the codes of their problems, which a class or the place that raises names."""
    for file in SERVICES.rglob("*.py"):
        service, *inside = file.relative_to(SERVICES).parts
        if "tests" in inside:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            code = None
            if isinstance(node, ast.ClassDef):
                given = {ast.unparse(one.targets[0]): one.value for one in node.body if isinstance(one, ast.Assign)}
                code = _text(given.get("code"))
            elif isinstance(node, ast.Call):
                code = _text({each.arg: each.value for each in node.keywords}.get("code"))
            if code:
                yield service, code


def test_a_sentence_for_all_services_is_of_a_code_that_one_service_has_or_fits_them_all() -> None:
    services: dict[str, set[str]] = defaultdict(set)
    for service, code in codes():
        services[code].add(service)
    assert len(services) > 100
    shared = {code for code, those in services.items() if len(those) > 1 and f"problem {code}" in sentences()}
    assert shared == FITS_EVERYWHERE


def test_why_no_visit_may_be_ordered_is_said_of_visits_alone() -> None:
    """These words of the trade are codes of other services too, where they stand for something else."""
    for code in ("promise", "payment", "paused", "closed", "clarification", "represented", "deceased", "outside-hours"):
        assert Reader().meaning(code) is None
        assert Reader().meaning(code, ["visits", "v1", "", "field-visits"])


@pytest.mark.parametrize(
    ("service", "path", "code", "said"),
    [
        ("field-visits", "/v1/visits", "outside-hours", "Ese día no se permite visitar ese domicilio."),
        ("dialer-feed", "/v1/dial-permits", "outside-hours", "Lo que dice el servicio."),
        ("promises", "/v1/debtor-links", "deceased", "El deudor falleció."),
        ("portfolio", "/v1/portfolios/7/files", "too-many-files", "Confirme o rechace el primero"),
        ("portfolio", "/v1/portfolios/7/payment-files", "too-many-files", "Registre el primero, o espere."),
    ],
)
def test_the_same_code_is_said_as_it_fits_what_was_asked(service: str, path: str, code: str, said: str) -> None:
    problem = {"type": f"urn:recobro:problem:{code}", "detail": "Lo que dice el servicio."}
    request = httpx.Request("POST", f"http://service.example{path}")
    assert said in Reader().refusal(Refused(service, httpx.Response(409, json=problem, request=request)))

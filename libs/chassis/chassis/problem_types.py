"""The problems that an operation may answer with, found in its code.

An operation's endpoint is followed into the functions and classes that it names, as far as they belong to the service.
Every problem that is named on the way may be its answer. So the document follows the code without a list beside it. It
may name a problem too many, and leaves out those that every operation may answer with.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple, TypeVar

from fastapi.routing import APIRoute

from chassis.problems import Conflict, Forbidden, Invalid, NotFound, Problem, Unauthorised, Unavailable

_GENERAL = frozenset({Problem, Invalid, Forbidden, NotFound, Conflict, Unauthorised, Unavailable})
"""Classes that say a status alone. Where they are raised, ``code=`` says the rest."""
_FOLLOWED_HERE = (
    "chassis.letterheads",
    "chassis.second_person",
    "chassis.consumer_api",
    "chassis.unsent_api",
    "chassis.audit_api",
)


Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class ProblemType(NamedTuple):
    status: int
    code: str
    detail: str


def also_answers(status: int, *codes: str) -> Callable[[Endpoint], Endpoint]:
    """Decorate an endpoint whose code computes the codes of some problems, such as from a stored error."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.also_answers = {ProblemType(status, code, "") for code in codes}  # type: ignore[attr-defined]
        return endpoint

    return mark


def problems_of(route: APIRoute) -> list[ProblemType]:
    """Return the problems of the route's own code, by status and code."""
    found: set[ProblemType] = set(getattr(route.endpoint, "also_answers", ()))
    seen: set[Any] = set()
    package = route.endpoint.__module__.partition(".")[0]
    waiting: list[Any] = [route.endpoint]
    while waiting:
        item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        if isinstance(item, type) and issubclass(item, Problem):
            if item not in _GENERAL:
                found.add(ProblemType(item.status, item.code, item.detail))
            continue
        if not _is_followed(item, package):
            continue
        scope = sys.modules[item.__module__]
        for node in _nodes_of(item):
            found.update(_coded(node, scope))
            waiting.extend(_named(node, scope))
    return sorted(found)


def _is_followed(item: Any, package: str) -> bool:
    module = getattr(item, "__module__", None) or ""
    return isinstance(item, FunctionType | type) and (
        module.partition(".")[0] == package != "chassis" or module in _FOLLOWED_HERE
    )


def _nodes_of(item: Callable[..., Any]) -> Iterator[ast.AST]:
    tree = _tree(item.__module__).get(item.__qualname__)
    return iter(()) if tree is None else ast.walk(tree)


@cache
def _tree(module: str) -> dict[str, ast.AST]:
    """The functions and classes at the top of a module, by name."""
    source = inspect.getsource(sys.modules[module])
    return {
        node.name: node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def _named(node: ast.AST, scope: ModuleType) -> Iterator[Any]:
    """The function or class that this node names: ``name``, or ``module.name``."""
    if isinstance(node, ast.Name):
        found = vars(scope).get(node.id)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = vars(scope).get(node.value.id)
        found = vars(owner).get(node.attr) if isinstance(owner, ModuleType) else None
    else:
        return
    if isinstance(found, FunctionType | type):
        yield found


def _coded(node: ast.AST, scope: ModuleType) -> Iterator[ProblemType]:
    """``Conflict("…", code="older-file")``: the general class, its code and its detail, if that is one text."""
    if not isinstance(node, ast.Call):
        return
    for kind in _named(node.func, scope):
        if kind not in _GENERAL:
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        code, status = given.get("code"), given.get("status")
        if isinstance(code, ast.Constant):
            detail = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
            said = status.value if isinstance(status, ast.Constant) and isinstance(status.value, int) else kind.status
            yield ProblemType(said, str(code.value), str(detail))


@cache
def general_codes() -> set[str]:
    """The codes that every operation may answer with: those of this library's own modules and of the framework."""
    codes = {"not-found", "method-not-allowed", "body-too-long", "unsupported-media-type", "request-timeout"}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "chassis" and name not in _FOLLOWED_HERE:
            for kind in vars(module).values():
                if isinstance(kind, type) and issubclass(kind, Problem):
                    codes.add(kind.code)
            for tree in _tree(name).values():
                codes.update(problem.code for node in ast.walk(tree) for problem in _coded(node, module))
    return codes

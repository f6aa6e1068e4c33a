"""Calls to the services, with the user's own token, in the user's language."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from recobro_console import metrics

TIMEOUT = httpx.Timeout(5.0, read=90.0, write=90.0)
MOST_PAGES = 50
_LOOK = httpx.Timeout(5.0)
Answer = Any
"""Decoded JSON."""


class Trouble(Exception):
    """A service has not done what was asked."""

    def __init__(self, service: str, text: str) -> None:
        super().__init__(f"{service}: {text}")
        self.service, self.text = service, text


class Unreachable(Trouble):
    """The service does not answer, or cannot work now. Nothing is known to have changed."""

    def __init__(self, service: str) -> None:
        super().__init__(service, "does not answer")
        metrics.UNREACHABLE.labels(service).inc()


class Refused(Trouble):
    """The service has refused, with a problem (RFC 9457). ``detail`` is its sentence, ``code`` its code.

    ``asked`` says what was asked of whom: the parts of the path, the last first, and the service. The same code may
    mean something else there.
    """

    def __init__(self, service: str, response: httpx.Response) -> None:
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        self.problem: dict[str, Any] = problem if isinstance(problem, dict) else {}
        self.status = response.status_code
        self.code = str(self.problem.get("type", "")).rpartition(":")[2]
        self.detail = str(self.problem.get("detail") or self.problem.get("title") or response.reason_phrase)
        self.errors: list[dict[str, Any]] = [
            error for error in self.problem.get("errors") or [] if isinstance(error, dict)
        ]
        self.asked = (*reversed(response.request.url.path.split("/")), service)
        super().__init__(service, self.detail)


class Calls:
    """The services as one user sees them. A refusal raises ``Refused``, silence ``Unreachable``."""

    def __init__(self, http: httpx.AsyncClient, addresses: Mapping[str, str], token: str, accept_language: str) -> None:
        self._http, self._addresses = http, addresses
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": accept_language}

    async def get(self, service: str, path: str, **parameters: Any) -> Answer:
        """Return the JSON answer to a GET. Parameters that are None are left out."""
        return (await self._send("GET", service, path, params=_given(parameters))).json()

    async def items(self, service: str, path: str, **parameters: Any) -> AsyncIterator[Answer]:
        """Yield the items of a list page by page, of ``MOST_PAGES`` pages at most."""
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self.get(service, path, cursor=cursor, **parameters)
            for item in page["items"]:
                yield item
            if (cursor := page["next_cursor"]) is None:
                return

    async def post(self, service: str, path: str, body: object = None, *, key: str | None = None) -> Answer:
        """Return the JSON answer to a POST. ``key`` is the form's, so that a form sent twice takes effect once."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return (await self._send("POST", service, path, json=body, headers=headers)).json()

    async def problems(self, service: str) -> list[str]:
        """Why the service cannot work now, in its own words; none if it is ready. Raises ``Unreachable``."""
        response = await self._open(service, "/readyz")
        if response.is_success:
            return []
        try:
            known = response.json().get("problems") or [response.json().get("detail")]
        except (ValueError, AttributeError):
            known = [None]
        return [str(each or response.reason_phrase) for each in known]

    async def metrics(self, service: str) -> str:
        """What the process of the service that answers has measured, as Prometheus reads it. Raises ``Unreachable``."""
        return (await self._open(service, "/metrics")).text

    async def _open(self, service: str, path: str) -> httpx.Response:
        """The answer to a GET that needs no token, whatever its status."""
        try:
            return await self._http.get(self._addresses[service] + path, headers={"Accept": "*/*"}, timeout=_LOOK)
        except httpx.TransportError as error:
            raise Unreachable(service) from error

    async def patch(self, service: str, path: str, body: object) -> Answer:
        """Return the JSON answer to a PATCH."""
        return (await self._send("PATCH", service, path, json=body)).json()

    async def put(self, service: str, path: str, body: object) -> Answer:
        """Return the JSON answer to a PUT."""
        return (await self._send("PUT", service, path, json=body)).json()

    async def store(self, service: str, path: str, content: bytes) -> Answer:
        """PUT a file, and return the JSON answer."""
        headers = {"Content-Type": "application/octet-stream"}
        return (await self._send("PUT", service, path, content=content, headers=headers)).json()

    async def upload(
        self, service: str, path: str, content: AsyncIterator[bytes], key: str | None = None, **parameters: Any
    ) -> Answer:
        """POST bytes as they arrive, and return the JSON answer."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4()), "Content-Type": "application/octet-stream"}
        given = _given(parameters)
        return (await self._send("POST", service, path, params=given, content=content, headers=headers)).json()

    @asynccontextmanager
    async def download(self, service: str, path: str, **parameters: Any) -> AsyncIterator[httpx.Response]:
        """The answer to a GET of a file, whose body has not been read yet."""
        request = self._http.build_request(
            "GET", self._addresses[service] + path, params=_given(parameters), headers=self._headers
        )
        try:
            response = await self._http.send(request, stream=True)
        except httpx.TransportError as error:
            raise Unreachable(service) from error
        try:
            if not response.is_success:
                await response.aread()
                _check(service, response)
            yield response
        finally:
            await response.aclose()

    async def _send(
        self, method: str, service: str, path: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        try:
            response = await self._http.request(
                method, self._addresses[service] + path, headers={**self._headers, **(headers or {})}, **content
            )
        except httpx.TransportError as error:
            raise Unreachable(service) from error
        _check(service, response)
        return response


def _check(service: str, response: httpx.Response) -> None:
    if response.is_success:
        return
    if response.status_code >= 500:
        raise Unreachable(service)
    raise Refused(service, response)


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None and value != ""}

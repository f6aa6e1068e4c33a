"""The command's client for the services' REST interface: one token, one way to retry, errors as sentences."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
from recobro_platform import SCOPES

from recobro import keys
from recobro.data import DataFolder
from recobro.environment import secret
from recobro.errors import Trouble
from recobro.language import meaning_of, tag, tr
from recobro.services import addresses_at
from recobro.terminal import working

_TOKEN_SECONDS = 12 * 3600
_SECOND_PERSON = "supervisor"
_KEEP_TRYING_SECONDS = 30.0
_KNOWN_WITHIN_SECONDS = 120.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0
_TIMEOUT = httpx.Timeout(10.0, read=90.0, write=90.0)

Answer = Any
"""Decoded JSON."""


class Refused(Trouble):
    """A service refused a request. ``code`` is the code of the ``problem``, ``status`` the HTTP status."""

    def __init__(self, service: str, response: httpx.Response) -> None:
        self.status = response.status_code
        problem = self.problem = _problem_of(response)
        self.code = _code_of(problem)
        detail = str(problem.get("detail") or problem.get("title") or response.reason_phrase).rstrip(".")
        code = f"{self.status}, {self.code}" if self.code else str(self.status)
        lines = [tr("{service} refused: {detail}. ({code})", service=service, detail=detail, code=code)]
        # What a service says in English stands behind what its code means, in the reader's language.
        if response.headers.get("Content-Language") is None and (meaning := meaning_of(self.code)):
            lines.insert(0, meaning)
        lines += [f"  {error.get('pointer', '')}: {error.get('detail', '')}" for error in problem.get("errors") or ()]
        super().__init__("\n".join(lines))

    @property
    def may_be_lag(self) -> bool:
        """Whether another service's event may remove the reason."""
        return self.status == httpx.codes.NOT_FOUND or self.code == "portfolio-not-ready"


class Unreachable(Trouble):
    """A service did not answer, in spite of retries."""


class Client:
    """Calls the services of one platform.

    Every POST carries an Idempotency-Key. A request whose answer was lost is therefore sent again, for up to half a
    minute, and takes effect once. A refusal raises ``Refused``.
    """

    def __init__(self, addresses: Mapping[str, str], token: str) -> None:
        self._addresses = dict(addresses)
        self.headers = {"Authorization": f"Bearer {token}", "Accept-Language": tag()}
        self._http = httpx.Client(timeout=_TIMEOUT, headers=self.headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def with_token(self, token: str) -> "Client":
        """Return a client of the same services with another token. The caller must close that client too."""
        return Client(self._addresses, token)

    def address(self, service: str) -> str:
        """Return the address of the service."""
        return self._addresses[service]

    def get(self, service: str, path: str, **parameters: Any) -> Answer:
        """Return the JSON answer to a GET. Parameters that are None are left out."""
        with working(tr("Waiting for {service}", service=service)):
            return self._ask(service, lambda url: self._http.get(url, params=_given(parameters)), path).json()

    def items(self, service: str, path: str, **parameters: Any) -> Iterator[Answer]:
        """Yield every item of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(service, path, cursor=cursor, **parameters)
            yield from page["items"]
            if (cursor := page["next_cursor"]) is None:
                return

    def post(
        self, service: str, path: str, body: object, *, patience_seconds: float = 90.0, key: str | None = None
    ) -> Answer:
        """Return the JSON answer to a POST, which may take up to ``patience_seconds``.

        ``key`` is the idempotency key of a request that may come again from another run of the command.
        """
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        timeout = httpx.Timeout(10.0, read=patience_seconds)
        with working(tr("Waiting for {service}", service=service)):
            return self._ask(
                service, lambda url: self._http.post(url, json=body, headers=headers, timeout=timeout), path
            ).json()

    def post_when_known(self, service: str, path: str, body: object) -> Answer:
        """Return the JSON answer to a POST about a thing that another service has just created.

        The service may not have applied that service's event. The POST is repeated for up to two minutes while the
        answer is 404 or `portfolio-not-ready`. It must name only things that exist.
        """
        give_up_at = time.monotonic() + _KNOWN_WITHIN_SECONDS
        while True:
            try:
                return self.post(service, path, body)
            except Refused as refused:
                if not refused.may_be_lag or time.monotonic() > give_up_at:
                    raise
            time.sleep(_LONGEST_PAUSE_SECONDS)

    def patch(self, service: str, path: str, body: object) -> Answer:
        """Return the JSON answer to a PATCH."""
        return self._ask(service, lambda url: self._http.patch(url, json=body), path).json()

    def upload(
        self, service: str, path: str, file: Path, parameters: Mapping[str, Any], progress: Callable[[int], None]
    ) -> Answer:
        """POST the file's bytes as they are read. ``progress`` is called with the number of bytes sent."""
        headers = {
            "Idempotency-Key": str(uuid.uuid4()),
            "Content-Type": "application/octet-stream",
            "Content-Length": str(file.stat().st_size),
        }

        def send(url: str) -> httpx.Response:
            return self._http.post(url, params=_given(parameters), content=_chunks_of(file, progress), headers=headers)

        return self._ask(service, send, path).json()

    @contextmanager
    def lines(self, service: str, path: str, **parameters: Any) -> Iterator[Iterator[str]]:
        """Yield the answer line by line as it streams."""
        with self._stream(service, path, parameters) as response:
            yield response.iter_lines()

    @contextmanager
    def _stream(self, service: str, path: str, parameters: Mapping[str, Any]) -> Iterator[httpx.Response]:
        url = self._addresses[service] + path
        try:
            with self._http.stream("GET", url, params=_given(parameters)) as response:
                if response.is_error:
                    response.read()
                    raise Refused(service, response)
                yield response
        except httpx.TransportError as error:
            raise Unreachable(_no_answer(service, url, error)) from error

    def save(self, service: str, path: str, file: Path) -> None:
        """Write the answer's body to the file. The file appears only when it is complete."""
        fresh = file.with_name(f"{file.name}.part")
        with self._stream(service, path, {}) as response, fresh.open("wb") as target:
            for chunk in response.iter_bytes():
                target.write(chunk)
        fresh.replace(file)

    def _ask(self, service: str, send: Callable[[str], httpx.Response], path: str) -> httpx.Response:
        url = self._addresses[service] + path
        give_up_at = time.monotonic() + _KEEP_TRYING_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            last = time.monotonic() + pause > give_up_at
            try:
                response = send(url)
            except httpx.TransportError as error:
                if last:
                    raise Unreachable(_no_answer(service, url, error)) from error
            else:
                if last or not _may_soon_succeed(response):
                    break
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        if response.is_error:
            raise Refused(service, response)
        return response


def connect(data: DataFolder, base: str | None) -> Client:
    """Return a client of the platform at ``base``. Without ``base``, use the platform that runs on the data folder."""
    if base is not None:
        return Client(addresses_at(base), given_token() or _token_for(base, data))
    state = data.running()
    if state is None:
        raise Trouble(
            tr("No platform is running on {folder}. Start one with: recobro up --data {folder}", folder=data.root)
        )
    return Client({service.name: service.url for service in state.services}, given_token() or _operator_token(data))


def _token_for(base: str, data: DataFolder) -> str:
    try:
        return _operator_token(data)
    except Trouble:
        raise Trouble(tr("{base} needs a token. Set RECOBRO_TOKEN or RECOBRO_TOKEN_FILE.", base=base)) from None


def given_token() -> str | None:
    """Return the token in RECOBRO_TOKEN, or in the file that RECOBRO_TOKEN_FILE names. None if neither is set."""
    token = secret("RECOBRO_TOKEN")
    if token is not None and (len(token.split()) != 1 or not token.isascii()):
        raise Trouble(
            tr("The value of RECOBRO_TOKEN or RECOBRO_TOKEN_FILE is not a token. Make one with: recobro token")
        )
    return token


def agencies_of(data: DataFolder, client: Client) -> Callable[[UUID], Client]:
    """Return a function that makes a client for an agency id.

    The client has the agency's own token. If the folder has no key, it has the operator's token.
    """

    def as_agency(agency_id: UUID) -> Client:
        try:
            token = keys.token(
                data, subject=f"agency-{agency_id}", scopes=SCOPES, agency_id=agency_id, ttl_seconds=_token_seconds()
            )
        except Trouble:
            token = client.headers["Authorization"].removeprefix("Bearer ")
        return client.with_token(token)

    return as_agency


def second_person_of(data: DataFolder, client: Client) -> Client | None:
    """Return a client of another person, who is a supervisor. None if the folder has no key to make tokens with."""
    scopes = (*SCOPES, "role:supervisor")
    try:
        token = keys.token(data, subject=_SECOND_PERSON, scopes=scopes, agency_id=None, ttl_seconds=_token_seconds())
    except Trouble:
        return None
    return client.with_token(token)


def _operator_token(data: DataFolder, *roles: str) -> str:
    scopes = (*SCOPES, *(f"role:{role}" for role in roles))
    return keys.token(data, subject=keys.person(), scopes=scopes, agency_id=None, ttl_seconds=_token_seconds())


def in_role(data: DataFolder, client: Client, role: str) -> Client:
    """A client whose token has this role too. A token that was given stays, and so does one of another machine."""
    if given_token() is not None:
        return client
    try:
        return client.with_token(_operator_token(data, role))
    except Trouble:
        return client


def _token_seconds() -> int:
    return min(_TOKEN_SECONDS, keys.longest_ttl_seconds())


def _problem_of(response: httpx.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _may_soon_succeed(response: httpx.Response) -> bool:
    """Whether the same request may soon succeed.

    The service is not ready, or we have exceeded a limit for a moment, or it still handles our first attempt.
    """
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        seconds = response.headers.get("Retry-After", "0")
        return seconds.isdecimal() and int(seconds) <= _LONGEST_PAUSE_SECONDS
    return response.status_code == httpx.codes.SERVICE_UNAVAILABLE or (
        response.status_code == httpx.codes.CONFLICT and _code_of(_problem_of(response)) == "in-flight"
    )


def _code_of(problem: Mapping[str, Any]) -> str:
    return str(problem.get("type", "")).rpartition(":")[2]


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _chunks_of(file: Path, progress: Callable[[int], None]) -> Iterator[bytes]:
    sent = 0
    with file.open("rb") as source:
        while chunk := source.read(256 * 1024):
            yield chunk
            sent += len(chunk)
            progress(sent)


def _no_answer(service: str, url: str, error: httpx.TransportError) -> str:
    return tr("{service} does not answer at {url} ({error}).", service=service, url=url, error=type(error).__name__)

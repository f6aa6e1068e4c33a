"""Logs: one JSON object a line on stdout, with ids but no personal data.

Fields that are not on the list are dropped. Most libraries' messages are logged without their arguments. An error is
logged as its type, its SQLSTATE and its place, because its message may quote a row. Errors of the network and the
machine quote none, so their messages are logged too.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_REQUEST = "event level timestamp service logger request_id trace_id subject method route status duration_ms attempt"
_ERRORS = "error message sqlstate constraint causes stack"
_RUNTIME = "consumer lane topic partition partitions offset group event_id event_type owner barrier_id backend_pid"
_FIGURES = "count deleted entries seconds pause_seconds host port revision state code waiting_for attempts as_of"
_SEALS = "seal_id digest"
_IDS = """agency_id agreement_id call_id campaign_id clarification_id contact_id contract_id creditor_id debtor_id
    file_id list_id pause_id payment_id photo_id placement_id portfolio_id promise_id rule_id run_id visit_id
    worklist_id"""
FIELDS = frozenset(name for names in (_REQUEST, _ERRORS, _RUNTIME, _FIGURES, _SEALS, _IDS) for name in names.split())
"""The only fields of a log line: ids and figures, never a name, a phone, a tax id or a person's text."""

_RENDERED = ("uvicorn", "aiokafka", "kafka")
"""Libraries whose messages name addresses, topics and partitions, and nothing that a request or a row holds."""
_HARMLESS_ERRORS = (OSError, MemoryError, ImportError)
_MAX_TEXT = 300
_MAX_FRAMES = 30


def configure(service: str, level: int = logging.INFO) -> None:
    """Send all logs to stdout from now on, those of libraries included. Idempotent."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_service(service),
    ]
    last: list[structlog.typing.Processor] = [_describe_error, _keep_listed_fields, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = _Stdout()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _without_arguments],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _Stdout)), handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"


class _Stdout(logging.Handler):
    """Writes to the current stdout, so that stdout may be redirected after the start."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:  # noqa: BLE001, as every handler of logging
            self.handleError(record)


def _with_service(service: str) -> structlog.typing.Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


def _without_arguments(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep a library's message as it stands in its source. Its arguments may be personal data, but of a few not."""
    record: logging.LogRecord = event["_record"]
    harmless = record.name.split(".")[0] in _RENDERED
    # structlog has rendered the event already.
    lines = str(event["event"] if harmless else record.msg).splitlines()
    event["event"] = lines[0] if lines else ""
    return event


def _describe_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event.update(describe(error))
    return event


def describe(error: BaseException) -> Mapping[str, Any]:
    """Return the loggable parts of an error: its type, SQLSTATE and constraint, its causes' types, and its place."""
    described: dict[str, Any] = {"error": _type_name(error), "stack": _locations(error)}
    if isinstance(error, _HARMLESS_ERRORS) and (message := str(error)):
        described["message"] = message
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(_type_name(cause))
        cause = cause.__cause__ or cause.__context__
    if causes:
        described["causes"] = causes
    for field, attribute in (("sqlstate", "sqlstate"), ("constraint", "constraint_name")):
        if value := getattr(error, attribute, None):
            described[field] = value
    return described


def _type_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _locations(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def _keep_listed_fields(_: WrappedLogger, __: str, event: EventDict) -> MutableMapping[str, Any]:
    return {name: _bounded(value) for name, value in event.items() if name in FIELDS}


def _bounded(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, list | tuple):
        return [_bounded(each) for each in value]
    return str(value)[:_MAX_TEXT]

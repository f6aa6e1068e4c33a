"""Exports spans by OTLP over HTTP to a collector."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from recobro_events import tracing

_KINDS = {"server": SpanKind.SERVER, "producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER}


def exporting(service: str, endpoint: str) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Return a lifespan that exports this process's spans to ``endpoint`` from a separate thread.

    A collector that does not answer never delays a request. Spans that do not fit the queue are dropped.
    """
    return partial(_exporting, service, endpoint)


@asynccontextmanager
async def _exporting(service: str, endpoint: str) -> AsyncIterator[None]:
    resource = Resource.create({"service.name": service, "service.namespace": "recobro"})
    processor = BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=5))
    tracing.export_to(lambda span: processor.on_end(_readable(span, resource)))
    try:
        yield
    finally:
        tracing.export_to(None)
        # This sends the spans that are left, and waits until they are sent.
        await asyncio.to_thread(processor.shutdown)


def _readable(span: tracing.Span, resource: Resource) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        context=_context_of(span.own, is_remote=False),
        parent=_context_of(span.parent, is_remote=True) if span.parent is not None else None,
        resource=resource,
        attributes=dict(span.attributes),
        kind=_KINDS[span.kind],
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=span.started_ns,
        end_time=span.ended_ns,
    )


def _context_of(traceparent: str, *, is_remote: bool) -> SpanContext:
    trace_id, span_id = int(traceparent[3:35], 16), int(traceparent[36:52], 16)
    return SpanContext(trace_id, span_id, is_remote, TraceFlags(TraceFlags.SAMPLED))

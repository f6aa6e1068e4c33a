"""Spans are exported by OTLP to a receiver that reads them as a collector does."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from chassis.testing import client_for, mint
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from recobro_events import Database, tracing
from toy_service import Toy, toy_app

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Receiver:
    """A collector at ``endpoint`` that keeps what it receives."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append(ExportTraceServiceRequest.FromString(sent))
                assert self.path == "/v1/traces"
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def run(self) -> None:
        self._server.serve_forever()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.run)
    thread.start()
    yield receiver
    receiver.close()
    thread.join(10)


async def test_every_request_is_a_span_of_its_caller_s_trace(service_dsn: str, receiver: Receiver) -> None:
    app = toy_app(Toy(), Database(service_dsn), otlp_endpoint=receiver.endpoint)
    async with client_for(app, mint()) as client:
        await client.get("/v1/entries", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        await client.get("/v1/nowhere")
        await client.get("/livez")
    known, unknown = receiver.spans
    assert (known.name, known.kind) == ("GET /v1/entries", Span.SPAN_KIND_SERVER)
    assert (known.trace_id.hex(), known.parent_span_id.hex()) == (TRACE, CALLER)
    assert known.start_time_unix_nano < known.end_time_unix_nano
    attributes = {attribute.key: attribute.value for attribute in known.attributes}
    assert attributes["http.response.status_code"].int_value == 200
    assert (unknown.name, unknown.parent_span_id) == ("GET unmatched", b"")
    [resource] = {request.resource_spans[0].resource.SerializeToString() for request in receiver.requests}
    assert b"portfolio" in resource


async def test_the_span_of_a_failed_request_is_marked_as_failed(service_dsn: str, receiver: Receiver) -> None:
    toy = Toy()

    async def fail(_: object) -> None:
        raise RuntimeError("a defect")

    toy.inside = fail
    app = toy_app(toy, Database(service_dsn), otlp_endpoint=receiver.endpoint)
    async with client_for(app, mint()) as client:
        body = {"name": "a", "amount": "1.00"}
        answer = await client.post("/v1/entries", json=body, headers={"Idempotency-Key": "traced"})
    assert answer.status_code == 500
    [span] = receiver.spans
    assert span.status.code == Status.STATUS_CODE_ERROR


async def test_an_unreachable_collector_costs_spans_and_no_request(service_dsn: str, receiver: Receiver) -> None:
    receiver.close()
    app = toy_app(Toy(), Database(service_dsn), otlp_endpoint=receiver.endpoint)
    async with client_for(app, mint()) as client:
        assert (await client.get("/v1/entries")).status_code == 200
    assert not tracing.is_exported()

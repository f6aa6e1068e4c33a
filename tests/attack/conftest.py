"""A platform with the data of a day, that is attacked."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from attack.target import Target, furnished
from running_platform import started_platform


class Collector(ThreadingHTTPServer):
    """Takes the platform's traces, and keeps their bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        self.received: list[bytes] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    with Collector() as collector, pytest.MonkeyPatch.context() as patched:
        thread = threading.Thread(target=collector.serve_forever, daemon=True)
        thread.start()
        patched.setenv("RECOBRO_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        with started_platform() as platform:
            yield furnished(platform, collector.received)
        collector.shutdown()

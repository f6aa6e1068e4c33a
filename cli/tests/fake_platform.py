"""Five fake services with scripted answers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from operated import invoked
from recobro.session import free_port_base
from recobro_platform import SERVICES

NO_PAGE: dict[str, Any] = {"items": [], "next_cursor": None}


class FakePlatform:
    """Five services. ``set_answers`` sets the answers of a route; they are given in turn, and the last one repeats."""

    def __init__(self) -> None:
        self.base = free_port_base()
        self.asked: list[tuple[str, Any]] = []
        self._answers: dict[str, list[tuple[int, Any]]] = {}
        self._servers = [self._server(service.name, service.port_offset) for service in SERVICES]

    def set_answers(self, route: str, *answers: Any, status: int = 200) -> None:
        self._answers[route] = [(status, answer) for answer in answers]

    def set_turns(self, route: str, *answers: tuple[int, Any]) -> None:
        """Set answers of the route, each with its status."""
        self._answers[route] = list(answers)

    def answer(self, route: str, sent: Any) -> tuple[int, Any]:
        self.asked.append((route, sent))
        answers = self._answers.get(route) or [(200, NO_PAGE) if route.endswith("parked-keys") else (404, {})]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _server(self, service: str, offset: int) -> ThreadingHTTPServer:
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(dict(parse_qsl(urlsplit(self.path).query)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_file = self.headers["Content-Type"] == "application/octet-stream"
                self._answer(dict(parse_qsl(urlsplit(self.path).query)) if is_file else json.loads(body))

            def do_PATCH(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, sent: Any) -> None:
                status, document = platform.answer(f"{self.command} {service} {urlsplit(self.path).path}", sent)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_: object) -> None:
                """Silent."""

        server = ThreadingHTTPServer(("127.0.0.1", self.base + offset), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def run(self, *arguments: str) -> tuple[int, str]:
        """Return the exit code and all output of the command against this platform."""
        return self.run_plainly(*arguments, "--url", f"http://127.0.0.1:{self.base}")

    def run_plainly(self, *arguments: str) -> tuple[int, str]:
        """Return the same for a command without --url."""
        result = invoked(arguments)
        return result.exit_code, result.output

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json")[1])

"""A dummy service: it answers as ready on the port that the environment gives, until it gets SIGTERM."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType
from typing import NoReturn


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


def finish(_number: int, _frame: FrameType | None) -> NoReturn:
    print("drained", flush=True)
    sys.exit(0)


if __name__ == "__main__":
    if os.environ.get("DUMMY_REFUSES") == sys.argv[1]:
        sys.exit("there is something wrong with the settings")
    signal.signal(signal.SIGTERM, finish)
    port = int(os.environ["RECOBRO_PORT_BASE"]) + int(sys.argv[1])
    print(f"database {os.environ['RECOBRO_DATABASE_URL'].rsplit('/', 1)[-1]}", flush=True)
    HTTPServer(("127.0.0.1", port), Ready).serve_forever()

"""An honest client in a process of its own, so that who attacks costs it nothing but the server.

Asks on a new connection each time until standard input ends; then writes the seconds of each answer
as JSON. `python -m tests.api.honest HOST PORT TOKEN`.
"""

import json
import select
import socket
import sys
import time

PAUSE_SECONDS = 0.02
TIMEOUT_SECONDS = 30.0


def ask(host: str, port: int, token: str) -> float:
    """Ask once; return the seconds to the end of the answer."""
    head = (
        "GET /v1/parties?limit=1 HTTP/1.1\r\nHost: kontaktlog\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    begun, told = time.perf_counter(), b""
    with socket.create_connection((host, port), TIMEOUT_SECONDS) as line:
        line.sendall(head.encode())
        while more := line.recv(65_536):
            told += more
    if not told.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(repr(told[:200]))
    return time.perf_counter() - begun


def main() -> None:
    host, port, token = sys.argv[1:]
    seconds = []
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        seconds.append(ask(host, int(port), token))
    sys.stdout.write(json.dumps(seconds))


if __name__ == "__main__":
    main()

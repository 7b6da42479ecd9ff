"""An honest client in a process of its own, so that who attacks costs it nothing but the server.

Asks on a new connection each time until standard input ends; writes the seconds of each answer, a
line each. `python -m tests.api.honest HOST PORT TOKEN`.
"""

import select
import socket
import sys
import time

PAUSE_SECONDS = 0.02
TIMEOUT_SECONDS = 60.0


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
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        sys.stdout.write(f"{ask(host, int(port), token)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

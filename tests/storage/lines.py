"""A line to the database that can lose an answer: what a broken network does to a commit."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65_536
LOOK_SECONDS = 0.05


class LossyLine:
    """Forwards TCP to a server; once armed, the next answer is thrown away and its line cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._armed = threading.Event()
        self._ended = threading.Event()
        self.lost = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def lose_next_answer(self) -> None:
        self._armed.set()

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._door.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            if select.select([self._door], [], [], LOOK_SECONDS)[0]:
                client, _ = self._door.accept()
                thread = threading.Thread(target=self._forward, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _forward(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target))
        with client, server, suppress(OSError):
            while not self._ended.is_set():
                for source in select.select([client, server], [], [], LOOK_SECONDS)[0]:
                    data = source.recv(CHUNK_BYTES)
                    if source is server and data and self._armed.is_set():
                        self._armed.clear()
                        self.lost += 1
                        return
                    if not data:
                        return
                    (client if source is server else server).sendall(data)


@contextmanager
def lossy_line(port: int) -> Iterator[LossyLine]:
    """A line that is taken down afterwards."""
    line = LossyLine(port)
    try:
        yield line
    finally:
        line.close()

"""`kontaktlog serve`: the HTTP door, with its writer and followers, until it is told to stop."""

from __future__ import annotations

import asyncio
import resource
import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from api import operator_log
from api.cli.terminal import Exit, opened, say, settings_with
from api.follower_process import spawned_early

if TYPE_CHECKING:
    import subprocess

    import uvicorn

    from api.http.protocol import Deadlines
    from api.main import Services
    from api.settings import Settings

LOOK_TICKS: Final = 5
"""Looks at the connections come every so many ticks of uvicorn's, which are tenths of a second."""
BACKLOG: Final = 1_024
"""Connections that the system may have taken and we not yet."""
FILES_KEPT: Final = 128
"""Open files besides connections: databases, pipes, the follower."""
FOLLOWED_SECONDS: Final = 5.0
"""How long the address waits to be told for the follower's first report; it listens meanwhile."""
ONE_MIB: Final = 1_048_576


def serve(
    host: Annotated[str | None, typer.Option(help="Adresse; ellers KONTAKTLOG_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="Port; ellers KONTAKTLOG_PORT")] = None,
) -> None:
    """Start tjenesten; den stopper ordentligt ved Ctrl-C eller SIGTERM.

    Den starter ikke med indstillinger, der kan tabe kvitterede skrivninger (se: kontaktlog doctor).
    Eksempel: kontaktlog serve --port 8010
    """
    settings = settings_with(host=host, port=port)
    with spawned_early(settings) as follower, opened(settings, writer=True) as services:
        from api.cli.doctor import dangers

        if found := dangers(services):
            for finding in found:
                say(f"kontaktlog: {finding.code}: {finding.text}")
            say("kontaktlog: tjenesten er ikke startet")
            raise typer.Exit(Exit.USAGE)
        if services.log.head() == 0:
            say("Loggen er tom. Lav den første nøgle: kontaktlog token new --role case_officer")
        server = _server(services, settings, follower)
        operator_log.keep_last_words()
        _stop_quietly()
        server.run()
    if not server.started:
        raise typer.Exit(Exit.UNAVAILABLE)


def _server(
    services: Services, settings: Settings, follower: subprocess.Popen[bytes] | None
) -> uvicorn.Server:
    import uvicorn

    from api.http.app import create_app
    from api.http.protocol import PatientProtocol, look_after

    app = create_app(services, follower)
    followers = app.state.door.followers

    class Server(uvicorn.Server):
        """Says where it listens once it does and is followed, and looks after connections.

        A key that is made right after, by whoever read the address, then opens the door at once.
        """

        async def startup(self, sockets: list[Any] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                await followers.wait(lambda: followers.alive or self.should_exit, FOLLOWED_SECONDS)
                address = self.servers[0].sockets[0].getsockname()
                name = f"[{address[0]}]" if ":" in address[0] else address[0]
                print(f"Kontaktlog: http://{name}:{address[1]}", flush=True)

        async def on_tick(self, counter: int) -> bool:
            if counter % LOOK_TICKS == 0:
                now = asyncio.get_running_loop().time()
                look_after(self.server_state.connections, now)
            return await super().on_tick(counter)

    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=cast("Any", partial(PatientProtocol, deadlines=_deadlines(settings))),
            ws="none",
            lifespan="on",
            workers=1,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=False,  # anybody may write them, and an address has an allowance
            backlog=BACKLOG,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
    )


def _deadlines(settings: Settings) -> Deadlines:
    from api.http.protocol import Deadlines

    return Deadlines(
        head_seconds=settings.header_seconds,
        body_seconds=settings.receive_seconds,
        idle_seconds=settings.idle_seconds,
        connections_max=_connections(settings.connections_max),
        unread_bytes_max=2 * settings.max_batch_bytes + ONE_MIB,
    )


def _connections(wanted: int) -> int:
    """Return how many connections there may be: each is a file, and the databases need theirs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + FILES_KEPT
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(wanted, max(soft - FILES_KEPT, 1))


def _stop_quietly() -> None:
    """Let a stop that was asked for end as a success.

    uvicorn raises the signal again once it has stopped; without a handler the process would then
    die of it, and its supervisor would count a failure.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

"""`kontaktlog serve`: the HTTP door, with its writer and followers, until it is told to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.terminal import Exit, opened, say, settings_with

if TYPE_CHECKING:
    import uvicorn

    from api.main import Services
    from api.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Adresse; ellers KONTAKTLOG_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="Port; ellers KONTAKTLOG_PORT")] = None,
) -> None:
    """Start tjenesten; den stopper ordentligt ved Ctrl-C eller SIGTERM.

    Den starter ikke med indstillinger, der kan tabe kvitterede skrivninger (se: kontaktlog doctor).
    Eksempel: kontaktlog serve --port 8010
    """
    from api.cli.doctor import dangers

    settings = settings_with(host=host, port=port)
    with opened(settings, writer=True) as services:
        if found := dangers(services):
            for finding in found:
                say(f"kontaktlog: {finding.code}: {finding.text}")
            say("kontaktlog: tjenesten er ikke startet")
            raise typer.Exit(Exit.USAGE)
        if services.log.head() == 0:
            say("Loggen er tom. Lav den første nøgle: kontaktlog token new --role case_officer")
        server = _server(services, settings)
        _stop_quietly()
        server.run()
    if not server.started:
        raise typer.Exit(Exit.UNAVAILABLE)


def _server(services: Services, settings: Settings) -> uvicorn.Server:
    import uvicorn

    from api.http.app import create_app
    from api.http.wire import Protocol

    class Server(uvicorn.Server):
        """Says where it listens, once it does."""

        async def startup(self, sockets: list[Any] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                address = self.servers[0].sockets[0].getsockname()
                name = f"[{address[0]}]" if ":" in address[0] else address[0]
                print(f"Kontaktlog: http://{name}:{address[1]}", flush=True)

    return Server(
        uvicorn.Config(
            create_app(services),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=Protocol,
            ws="none",
            lifespan="on",
            workers=1,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=settings.shutdown_seconds,
        )
    )


def _stop_quietly() -> None:
    """Let a stop that was asked for end as a success.

    uvicorn raises the signal again once it has stopped; without a handler the process would then
    die of it, and its supervisor would count a failure.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

"""Runs the page on the loopback until Ctrl-C. Binds nothing else, and starts no browser.

A browser's command line can be read by everybody on the machine, and the address holds the token.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from orchestrator.errors import Refusal
from orchestrator.web import app, door
from orchestrator.web.door import Door

if TYPE_CHECKING:
    import uvicorn


def is_possible() -> bool:
    """Tell whether what serves a page is installed."""
    return all(find_spec(one) is not None for one in ("starlette", "uvicorn"))


def serve(port: int, closed: str, tell: Callable[[str], None]) -> None:
    """Serve the page on 127.0.0.1 until Ctrl-C; `tell` is called with its address. `port` 0 takes a free one.

    Raises Refusal where the port is taken.
    """
    with bound(port) as listening:
        found = door.made(listening.getsockname()[1])
        running = server(found, closed)
        listening.listen(64)  # before it is told: a browser that comes at once waits and is not turned away
        tell(found.address)
        with contextlib.suppress(KeyboardInterrupt):
            running.run(sockets=[listening])


def server(found: Door, closed: str) -> uvicorn.Server:
    """Return what answers behind a door; `closed` as for the application."""
    import uvicorn  # late: only where a page is served

    return uvicorn.Server(
        uvicorn.Config(
            app.application(found, closed),
            lifespan="off",
            ws="none",
            access_log=False,
            log_level="error",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=64,
            timeout_graceful_shutdown=2,
        )
    )


def bound(port: int) -> socket.socket:
    """Return a socket of the loopback's; 0 takes a free port. Raises Refusal where it is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listening.close()
        why = error.strerror if isinstance(error, OSError) else str(error)
        hint = "leave --port out: a free one is taken"
        raise Refusal(f"port {port} of 127.0.0.1 cannot be had: {why}", hint) from None
    return listening

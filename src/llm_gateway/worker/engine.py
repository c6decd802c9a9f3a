"""The HTTP server of a worker, as the configuration says."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.config.schema import Config
from llm_gateway.edge.app import App
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.server import Server
from llm_gateway.http.tls import TlsFiles
from llm_gateway.resilience.memory import most_held
from llm_gateway.worker.always import always_said
from llm_gateway.worker.refusals import refusal_renderer
from llm_gateway.worker.relays import UPLOADS


def server_of(app: App, config: Config, on_error: Callable[[BaseException], None]) -> Server:
    """Not started. `on_error` is told of what should not be. Raises OSError, ValueError for certificates that cannot be used."""
    server = config.server
    limits = ServerLimits(
        head_bytes=server.limits.head,
        header_count=server.limits.headers,
        url_bytes=server.limits.url,
        body_bytes=server.limits.body,
        upload_bytes=server.limits.upload,
        uploads=UPLOADS,
        head_timeout=float(server.timeouts.head),
        body_timeout=float(server.timeouts.body),
        idle_timeout=float(server.timeouts.idle),
        write_timeout=float(server.timeouts.write),
        connections=server.limits.connections,
        buffered_bytes=most_held(server.limits.buffered, config.resilience.shedding.memory),
    )
    tls = server.tls
    files = TlsFiles(tls.cert, tls.key, tls.client_ca, tls.client_auth, tls.minimum) if tls else None
    return Server(
        app,
        limits,
        on_error=on_error,
        tls=files,
        render_refusal=refusal_renderer(app),
        always=always_said(tls=tls is not None),
    )

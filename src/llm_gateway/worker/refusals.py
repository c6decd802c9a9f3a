"""What the HTTP engine refuses by itself (bad framing, too large, too slow), told in the dialect of the path."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.core.errors import GatewayError, InvalidRequest, PayloadTooLarge
from llm_gateway.edge.app import App, error_front
from llm_gateway.edge.respond import ALWAYS
from llm_gateway.http.headers import header


def refusal_renderer(app: App) -> Callable[[int, str, str, bytes], tuple[bytes, bytes]]:
    """For Server(render_refusal=...): (status, code, message, path) to header lines and body."""

    def render(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:
        # The class decides the type that Anthropic's shape shows.
        kind = GatewayError if status >= 500 else PayloadTooLarge if status == 413 else InvalidRequest
        error = kind(message, code=code)
        error.status = status
        front = error_front(app.world, path, {})
        request_id = app.new_id()
        lines = b"Content-Type: application/json\r\n" + ALWAYS + header(b"X-Request-ID", request_id.encode())
        return lines, front.render_error(error, request_id)

    return render

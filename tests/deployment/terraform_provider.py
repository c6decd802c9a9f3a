"""The AWS provider as far as its schema goes: a Terraform plugin that knows every argument and makes nothing.

The real one comes from a registry that is not always there. Terraform needs of a provider, to check a configuration and to plan and
apply it with `mock_provider`, only the schema; this serves aws_schema.json (scripts/terraform_schema.py) over the plugin protocol,
version 5 (docs/plugin-protocol in Terraform's repository). Started by Terraform:

    terraform_provider.py SCHEMA CERTIFICATE KEY
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

_NESTINGS = {"single": 1, "list": 2, "set": 3, "map": 4}


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _bytes(number: int, value: bytes | str) -> bytes:
    """A field of bytes, text or a message."""
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _block(body: dict[str, Any]) -> bytes:
    """A Block: its attributes (2) and nested blocks (3)."""
    out = b""
    for name, (kind, flags) in sorted(body["attributes"].items()):
        out += _bytes(
            2,
            _bytes(1, name)
            + _bytes(2, json.dumps(kind))
            + _number(4, "r" in flags)
            + _number(5, "o" in flags)
            + _number(6, "c" in flags),
        )
    for name, block in sorted(body["blocks"].items()):
        nesting = _number(3, _NESTINGS[block["nesting"]])
        # Terraform takes limits for lists and sets only.
        limits = b"" if block["nesting"] == "single" else _number(4, block["min"]) + _number(5, block["max"])
        out += _bytes(3, _bytes(1, name) + _bytes(2, _block(block)) + nesting + limits)
    return out


def _schema(body: dict[str, Any]) -> bytes:
    return _bytes(2, _block(body))


def _entries(number: int, bodies: dict[str, Any]) -> bytes:
    return b"".join(_bytes(number, _bytes(1, name) + _bytes(2, _schema(body))) for name, body in bodies.items())


def whole(schema: dict[str, Any]) -> bytes:
    """The answer to GetSchema: provider (1), resources (2), data sources (3)."""
    provider = {"attributes": {"region": ["string", "o"], "profile": ["string", "o"]}, "blocks": {}}
    return _bytes(1, _schema(provider)) + _entries(2, schema["resource"]) + _entries(3, schema["data"])


class Service(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    """What Terraform asks when nothing is to be made: the schema, and whether a configuration is right (always: Terraform
    has compared it with the schema before it asks)."""

    def __init__(self, schema: bytes, stop: threading.Event) -> None:
        self._answers = {
            "/tfplugin5.Provider/GetSchema": schema,
            "/tfplugin5.Provider/ValidateResourceTypeConfig": b"",
            "/tfplugin5.Provider/ValidateDataSourceConfig": b"",
            "/tfplugin5.Provider/Configure": b"",
            "/tfplugin5.Provider/Stop": b"",
            "/grpc.health.v1.Health/Check": _number(1, 1),
        }
        self._stop = stop

    def service(self, details: Any) -> Any:
        method: str = details.method
        if method == "/tfplugin5.Provider/PrepareProviderConfig":
            return grpc.unary_unary_rpc_method_handler(lambda request, _: request)  # field 1 of both is the configuration
        if method == "/plugin.GRPCController/Shutdown":
            return grpc.unary_unary_rpc_method_handler(self._end)
        if method not in self._answers:
            return None
        answer = self._answers[method]
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)

    def _end(self, _request: bytes, _context: Any) -> bytes:
        self._stop.set()
        return b""


def main() -> None:
    """Serve until Terraform says that it is over."""
    schema, certificate, key = (Path(argument) for argument in sys.argv[1:])
    stop = threading.Event()
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers([Service(whole(json.loads(schema.read_text())), stop)])
    pem = certificate.read_bytes()
    # Terraform's own certificate has a curve that gRPC's library does not take; what is served here is no secret.
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), pem)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    der = base64.b64decode(b"".join(line for line in pem.splitlines() if not line.startswith(b"-----")))
    print(f"1|5|tcp|127.0.0.1:{port}|grpc|{base64.b64encode(der).decode().rstrip('=')}", flush=True)
    stop.wait()
    server.stop(1).wait()


if __name__ == "__main__":
    main()

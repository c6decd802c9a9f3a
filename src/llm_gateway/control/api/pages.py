"""What describes the admin API: /openapi.json, /docs and /postman-collection.json. No key is needed: nothing in them is secret.

/docs is one page without scripts, from the document alone: it works without any network.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Served

from llm_gateway.control.api.openapi import document, postman
from llm_gateway.control.api.route import Route

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#1b1f24;background:#fff}"
    "h2{margin-top:2em;text-transform:capitalize}"
    "details{border:1px solid #d0d7de;border-radius:6px;margin:.4em 0;padding:.4em .8em}"
    "summary{cursor:pointer}code,pre{font:13px ui-monospace,monospace}pre{background:#f6f8fa;padding:.8em;overflow:auto}"
    "b.m{display:inline-block;width:4.5em}table{border-collapse:collapse}td,th{text-align:left;padding:.15em 1em .15em 0;"
    "vertical-align:top}@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}"
    "details{border-color:#30363d}a{color:#58a6ff}}"
)


class Pages:
    """Made once: the table does not change while a process runs."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.document = document(routes)
        self._json = msgspec.json.encode(self.document)
        self._postman = msgspec.json.encode(postman(self.document))
        self._html = html_of(self.document).encode()

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        style = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
        return [
            Served("/openapi.json", _fixed(self._json, "application/json"), methods=["GET"]),
            Served("/postman-collection.json", _fixed(self._postman, "application/json"), methods=["GET"]),
            Served("/docs", _fixed(self._html, "text/html; charset=utf-8", style), methods=["GET"]),
        ]


def html_of(described: dict[str, Any]) -> str:
    """The page."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault((operation.get("tags") or ["other"])[0], []).append(_operation(path, method, operation))
    info = described["info"]
    sections = "".join(f"<h2 id='{escape(tag)}'>{escape(tag)}</h2>{''.join(shown)}" for tag, shown in by_tag.items())
    structs = "".join(
        f"<details id='{escape(name)}'><summary><code>{escape(name)}</code></summary>{_pre(schema)}</details>"
        for name, schema in described["components"]["schemas"].items()
    )
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(info['title'])}</title>"
        f"<style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        "<p>Send a key of kind admin: <code>Authorization: Bearer sk-admin-...</code>. "
        "<a href='/openapi.json'>openapi.json</a> · <a href='/postman-collection.json'>Postman collection</a></p>"
        f"{sections}<h2>Objects</h2>{structs}</body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}</td><td>{escape(one.get('description', ''))}</td></tr>"
        for one in operation["parameters"]
    )
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = ""
    if content is not None:
        body = f"<p>Body: {_named(content['schema'])}</p>{_pre(content['example']) if 'example' in content else ''}"
    answers = "".join(
        f"<tr><td>{status}</td><td>{escape(one['description'])}</td></tr>" for status, one in operation["responses"].items()
    )
    return (
        f"<details><summary><b class='m'>{method.upper()}</b><code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
        f"<p>{escape(operation['description'])}</p><table>{parameters}</table>{body}<table>{answers}</table></details>"
    )


def _named(schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    return f"<a href='#{escape(name)}'>{escape(name)}</a>" if name else "an object"


def _pre(value: Any) -> str:
    return f"<pre>{escape(msgspec.json.format(msgspec.json.encode(value)).decode())}</pre>"


def _fixed(body: bytes, media: str, headers: dict[str, str] | None = None) -> Any:
    async def answer(_request: Request) -> Response:
        return Response(body, media_type=media, headers=headers)

    return answer

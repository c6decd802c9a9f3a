"""A running gateway, as commands ask it: the addresses, the keys, and words for whatever goes wrong.

Models are asked on the main port. The admin API is on a port of its own, unless `server.expose_admin` puts it on the main one:
commands try the address that they are given, and then port 9090 of the same host.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from time import perf_counter
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import click
import msgspec

from llm_gateway.cli.output import Output
from llm_gateway.http.client import Client, Origin, Response, Timeouts
from llm_gateway.http.errors import HttpError
from llm_gateway.http.headers import header

HERE = "http://127.0.0.1:8080"
ADMIN_PORT = 9090
SECONDS = 30.0
PAGE = 100
"""Rows that are asked for at once."""
MOST_ROWS = 10_000
_MOST_BYTES = 256 << 20
_SHOWN = 2000
_NOTHING_THERE = frozenset({"not_found", "unknown_url"})
"""Codes of paths that there are not, in the control process and in workers."""

Made = TypeVar("Made", bound=Callable[..., Any])


class Refused(Exception):
    """The gateway answered with an error."""

    def __init__(self, message: str, status: int = 0, code: str = "", details: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details


class Reply(NamedTuple):
    """What was answered."""

    status: int
    headers: Mapping[bytes, bytes]
    body: Any
    """Decoded, if it was JSON; else bytes."""


def gateway_options(command: Made) -> Made:
    """-u and -k, on the command as on `llm-gateway` itself."""
    command = click.option("-u", "--url", callback=_url, help=f"The gateway ($GATEWAY_URL; {HERE}).")(command)
    return click.option("-k", "--api-key", callback=_key, help="Your key ($GATEWAY_API_KEY).")(command)


def admin_options(command: Callable[..., None]) -> Callable[..., None]:
    """-u, -k and --admin-url; the command is given an Admin in place of them, first."""

    @wraps(command)
    def asking(*args: Any, url: str, api_key: str | None, admin_url: str | None, as_json: bool, **options: Any) -> None:
        context = click.get_current_context()
        said = context.find_object(Output) or Output(as_json=False)
        output = Output(as_json=as_json or said.as_json, verbose=said.verbose)
        admin = Admin(output, url, admin_url, api_key)
        context.call_on_close(admin.close)
        command(admin, *args, **options)

    options = (
        click.option("--json", "as_json", is_flag=True, help="Write everything that was answered, for scripts."),
        click.option("--admin-url", envvar="GATEWAY_ADMIN_URL", help="The admin API, if it is elsewhere ($GATEWAY_ADMIN_URL)."),
        gateway_options,
    )
    made: Callable[..., None] = asking
    for option in options:
        made = option(made)
    return made


def _url(context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    return value or context.find_root().params.get("url") or HERE


def _key(context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    return value or context.find_root().params.get("api_key")


class Admin:
    """The admin API of a running gateway. Whatever goes wrong ends the command with one line that says what, and what to do."""

    def __init__(self, output: Output, url: str, admin_url: str | None, api_key: str | None, seconds: float = SECONDS) -> None:
        self.output = output
        self.url = url
        self.seconds = seconds
        self._places = [admin_url] if admin_url else _places(url)
        self._key = api_key
        self._runner = asyncio.Runner()
        self._client: Client | None = None

    def main_port_only(self) -> None:
        """Ask at the address that was given, and nowhere else."""
        self._places = [self.url]

    def get(self, path: str, **query: Any) -> Any:
        """The body of an answer. Parameters that are None are left out."""
        return self.ask("GET", path, query=query).body

    def post(self, path: str, body: Any = None) -> Any:
        """The body of an answer."""
        return self.ask("POST", path, body=body).body

    def rows(self, path: str, most: int = MOST_ROWS, **query: Any) -> list[dict[str, Any]]:
        """A whole list, page by page, `most` at most."""
        found: list[dict[str, Any]] = []
        cursor = None
        while len(found) < most:
            page = self.get(path, **query, limit=min(PAGE, most - len(found)), cursor=cursor)
            found += page["data"]
            cursor = page.get("next_cursor")
            if not page.get("has_more") or cursor is None:
                break
        return found

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        also: int = 0,
    ) -> Reply:
        """One answer that is good, or has the status `also`."""
        try:
            return self.tried(method, path, query=query, body=body, headers=headers, also=also)
        except Refused as refusal:
            self.output.fail(f"{refusal}{_hint(refusal, self._key)}", details=refusal.details)

    def tried(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        also: int = 0,
    ) -> Reply:
        """The same. Raises Refused for an answer that is an error."""
        away: list[str] = []
        reply = self._first(method, _target(path, query), body, headers or {}, away)
        if reply is None:
            hint = "Is the gateway running there? `llm-gateway serve` starts one; --admin-url says where its admin API is."
            self.output.fail(f"{'; '.join(away)}. {hint}")
        if reply.status >= 400 and (reply.status != also or _error(reply)):
            raise _refused(reply)
        return reply

    def _first(self, method: str, target: str, body: Any, headers: Mapping[str, str], away: list[str]) -> Reply | None:
        """The answer of the first place that is there and has an admin API; which one that is, is remembered."""
        for place in self._places:
            try:
                reply = self._runner.run(self._sent(place, method, target, body, headers))
            except (HttpError, ValueError) as error:
                away.append(f"{place}: {error}")
                continue
            if reply.status != 404 or _code(reply) not in _NOTHING_THERE or place == self._places[-1]:
                self._places = [place]
                return reply
            away.append(f"{place}: there is no admin API")
        return None

    def close(self) -> None:
        if self._client is not None:
            self._runner.run(self._client.close())
        self._runner.close()

    async def _sent(self, place: str, method: str, target: str, body: Any, headers: Mapping[str, str]) -> Reply:
        if self._client is None:
            self._client = Client()
        origin, prefix = Origin.parse(place)
        lines = b"Accept: application/json\r\n"
        data = b""
        if body is not None:
            data = msgspec.json.encode(body)
            lines += b"Content-Type: application/json\r\n"
        if self._key:
            lines += header(b"Authorization", f"Bearer {self._key}".encode())
        for name, value in headers.items():
            lines += header(name.encode(), value.encode())
        began = perf_counter()
        timeouts = Timeouts(head=self.seconds, idle=self.seconds)
        response = await self._client.send(
            origin, method.encode(), (prefix.removesuffix("/v1") + target).encode(), lines, data, timeouts
        )
        answered = await response.read(_MOST_BYTES)
        reply = Reply(response.status, response.headers, _decoded(response, answered))
        told(self.output, method, place + target, response, began, data, answered)
        return reply


def told(output: Output, method: str, url: str, response: Response, began: float, sent: bytes = b"", got: bytes = b"") -> None:
    """What -v, -vv and -vvv show of a request. Keys are in none of it."""
    if output.verbose:
        output.note(f"{method} {url} -> {response.status} in {(perf_counter() - began) * 1000:.0f} ms")
    if output.verbose > 1:
        for name, value in response.headers.items():
            output.note(f"  {name.decode('latin-1')}: {value.decode('latin-1')}")
    if output.verbose > 2:
        for sign, data in ((">", sent), ("<", got)):
            if data:
                output.note(f"  {sign} {data[:_SHOWN].decode('utf-8', 'replace')}{' ...' if len(data) > _SHOWN else ''}")


def guarded(output: Output, url: str, work: Any) -> None:
    """Run it; whatever goes wrong is said in words."""
    try:
        asyncio.run(work)
    except Refused as refusal:
        output.fail(str(refusal), details=refusal.details)
    except (HttpError, ValueError) as error:
        output.fail(f"{url}: {error}. Is the gateway running there? `llm-gateway serve` starts one.")


async def send(
    client: Client, method: bytes, url: str, path: str, api_key: str | None, body: bytes, output: Output | None = None
) -> Response:
    """One request to a path below /v1. Raises Refused, HttpError, and ValueError for a URL that is none."""
    origin, prefix = Origin.parse(url)
    root = prefix if prefix.endswith("/v1") else prefix + "/v1"
    lines = b"Content-Type: application/json\r\n"
    if api_key:
        lines += header(b"Authorization", f"Bearer {api_key}".encode())
    began = perf_counter()
    timeouts = Timeouts(head=600.0, idle=600.0)
    response = await client.send(origin, method, (root + path).encode(), lines, body, timeouts)
    if output is not None:
        told(output, method.decode(), url + path, response, began, body)
    if response.status != 200:
        raise _refused(Reply(response.status, response.headers, _decoded(response, await response.read())))
    return response


def quoted(name: str) -> str:
    """A name as one piece of a path."""
    return quote(name, safe="")


def _places(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.port == ADMIN_PORT or not host:
            return [url]
    except ValueError:
        return [url]
    return [url, f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{ADMIN_PORT}"]


def _target(path: str, query: Mapping[str, Any] | None) -> str:
    wanted = dict(_parameters(query or {}))
    return f"{path}?{urlencode(wanted)}" if wanted else path


def _parameters(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        if value is not None:
            yield name, str(value).lower() if isinstance(value, bool) else str(value)


def _decoded(response: Response, data: bytes) -> Any:
    if b"json" not in response.headers.get(b"content-type", b""):
        return data
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data


def _error(reply: Reply) -> Mapping[str, Any]:
    error = reply.body.get("error") if isinstance(reply.body, dict) else None
    return error if isinstance(error, dict) else {}


def _code(reply: Reply) -> str:
    return str(_error(reply).get("code") or "")


def _refused(reply: Reply) -> Refused:
    error = _error(reply)
    if not error:
        return Refused(f"The gateway answered {reply.status}.", reply.status)
    code = str(error.get("code") or error.get("type") or "error")
    return Refused(f"{reply.status} {code}: {error.get('message', '')}", reply.status, code, error.get("details"))


def _hint(refusal: Refused, key: str | None) -> str:
    if refusal.status == 401 and key is None:
        return " Give an admin key with -k, or in GATEWAY_API_KEY."
    if refusal.status == 404 and refusal.code in _NOTHING_THERE:
        return " Is this the admin API? It listens on a port of its own: --admin-url."
    if refusal.status == 404 and str(refusal).endswith("There is no such key."):
        return " Keys go by their id, which `llm-gateway keys list` shows."
    return ""

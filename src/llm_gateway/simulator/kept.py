"""What callers keep at a provider: files and batches (platform.openai.com/docs/api-reference/files and /batch).

The only part of a simulator with a memory. A batch is over at the second look; its answers are its questions' own bodies.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

import msgspec

from llm_gateway.simulator.dialects.base import Dialect, Raw, Reply
from llm_gateway.simulator.forms import document_of
from llm_gateway.simulator.problems import Front, Problem, missing

MOST = 1000
"""Files, and as many batches."""

_PATH = re.compile(r"/(files|batches)(?:/([^/]+)(?:/(content|cancel))?)?$")
_CREATED = 1_735_689_600


KEPT = Dialect(name="kept", front=Front.OPENAI, path="/files", reply=lambda _script, _request: Reply(None))
"""What the log calls these operations."""


class Kept:
    """One account."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._made = 0

    def knows(self, path: str) -> bool:
        return _PATH.search(path) is not None

    def answer(self, method: str, path: str, query: str, content_type: bytes, body: bytes) -> Any:
        """A document, or Raw. Raises Problem."""
        found = _PATH.search(path)
        what, item, action = found.groups() if found else ("", None, None)
        match method, what, item, action:
            case "POST", "files", None, None:
                return self._upload(document_of(content_type, body))
            case "GET", "files" | "batches", None, None:
                return self._listed(what, parse_qs(query))
            case "GET", "files", str(), None:
                return self._file(item)[0]
            case "GET", "files", str(), "content":
                return Raw((self._file(item)[1],), b"application/octet-stream")
            case "DELETE", "files", str(), None:
                self._file(item)
                del self._files[item]
                return {"id": item, "object": "file", "deleted": True}
            case "POST", "batches", None, None:
                return self._start(body)
            case "GET", "batches", str(), None:
                return self._look(item)
            case "POST", "batches", str(), "cancel":
                return self._cancel(item)
        raise Problem(404, f"Invalid URL ({method} {path})", code="unknown_url")

    def _upload(self, form: dict[str, Any]) -> dict[str, Any]:
        given = form.get("file")
        if not isinstance(given, dict):
            raise missing("file", Front.OPENAI)
        return self._keep(given["data"], given["filename"], str(form.get("purpose") or "user_data"))

    def _keep(self, data: bytes, filename: str, purpose: str) -> dict[str, Any]:
        self._made += 1
        name = f"file-{self._made:08d}"
        told = {"id": name, "object": "file", "bytes": len(data), "created_at": _CREATED + self._made}
        self._files[name] = ({**told, "filename": filename, "purpose": purpose, "status": "processed"}, data)
        if len(self._files) > MOST:
            del self._files[next(iter(self._files))]
        return self._files[name][0]

    def _file(self, name: str) -> tuple[dict[str, Any], bytes]:
        if name not in self._files:
            raise Problem(404, f"No such File object: {name}", param="id")
        return self._files[name]

    def _listed(self, what: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """Newest first."""
        rows = [row for row, _ in self._files.values()] if what == "files" else list(self._batches.values())
        rows.reverse()
        purpose = query.get("purpose", [None])[0]
        rows = [row for row in rows if purpose is None or row.get("purpose") == purpose]
        after = query.get("after", [None])[0]
        names = [row["id"] for row in rows]
        if after in names:
            rows = rows[names.index(after) + 1 :]
        most = int(query.get("limit", ["100"])[0])
        shown = rows[:most]
        ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
        return {"object": "list", "data": shown, "has_more": len(rows) > most, **ends}

    def _start(self, body: bytes) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Problem(400, "We could not parse the JSON body of your request.") from None
        self._file(str(asked.get("input_file_id")))
        self._made += 1
        name = f"batch_{self._made:08d}"
        told = {"id": name, "object": "batch", "endpoint": asked.get("endpoint"), "input_file_id": asked["input_file_id"]}
        dates = {"completion_window": asked.get("completion_window", "24h"), "created_at": _CREATED + self._made}
        self._batches[name] = {**told, **dates, "status": "validating", "output_file_id": None, "error_file_id": None}
        if len(self._batches) > MOST:
            del self._batches[next(iter(self._batches))]
        return self._batches[name]

    def _batch(self, name: str) -> dict[str, Any]:
        if name not in self._batches:
            raise Problem(404, f"No batch found with id '{name}'.", param="batch_id")
        return self._batches[name]

    def _look(self, name: str) -> dict[str, Any]:
        batch = self._batch(name)
        if batch["status"] == "validating":
            data = self._file(batch["input_file_id"])[1]
            output = self._keep(data, f"{name}_output.jsonl", "batch_output")
            batch |= {"status": "completed", "output_file_id": output["id"]}
        return batch

    def _cancel(self, name: str) -> dict[str, Any]:
        batch = self._batch(name)
        if batch["status"] == "completed":
            raise Problem(400, "Cannot cancel a batch with status 'completed'.")
        batch["status"] = "cancelling"
        return batch

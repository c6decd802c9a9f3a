"""The OpenAPI 3.1 document of the admin API, and a Postman collection, both from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway._version import __version__
from llm_gateway.control.api.route import Route
from llm_gateway.control.api.schema import PREFIX, Schemas

_PARAMETER = re.compile(r"\{([a-z_]+)(?::path)?\}")
_ERRORS: Mapping[Any, Any] = MappingProxyType(
    {
        400: "The request is malformed.",
        401: "No key, or a wrong one.",
        403: "Not allowed.",
        404: "There is no such thing, or it is another tenant's.",
        405: "The path does not take this method.",
        409: "As things stand this cannot be done: there is one already, it is in use, or the file owns it.",
        412: "It was changed since it was read.",
        413: "The body is too large.",
        415: "The body is no JSON.",
        422: "The body was understood, and is wrong; details.validation_errors says where.",
        428: "If-Match is missing.",
        503: "The store or the audit log cannot be reached.",
    }
)
_ERROR: Mapping[Any, Any] = MappingProxyType(
    {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["type", "message", "code", "param", "request_id"],
                "properties": {
                    "type": {"type": "string"},
                    "message": {"type": "string"},
                    "code": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "request_id": {"type": "string"},
                    "details": {"type": "object"},
                },
            }
        },
    }
)
_IDEMPOTENCY: Mapping[Any, Any] = MappingProxyType(
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same request again within 24 hours is answered as before, and done once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
    }
)
_IF_MATCH = "The ETag of what is to be changed, or * for whatever there is."


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """All of it, as plain data."""
    schemas = Schemas()
    schemas.named["Error"] = dict(_ERROR)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(_PARAMETER.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "llm-gateway admin API",
            "version": __version__,
            "description": "Tenants, projects, keys, people, providers, limits, usage and the audit log of a gateway.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes if route.tag)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key of kind admin."}},
        },
    }


def postman(described: dict[str, Any]) -> dict[str, Any]:
    """The same as a collection for Postman (format 2.1.0), by tag."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            folders.setdefault((operation.get("tags") or ["other"])[0], []).append(_item(path, method, operation))
    return {
        "info": {
            "name": described["info"]["title"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{admin_key}}", "type": "string"}]},
        "variable": [{"key": "admin_url", "value": "http://localhost:9090"}, {"key": "admin_key", "value": ""}],
        "item": [{"name": tag, "item": items} for tag, items in folders.items()],
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z0-9]+", "_", f"{route.method} {route.path}".lower()).strip("_"),
        "summary": route.summary,
        "description": f"{route.about} Needs `{route.permission}`.".strip(),
        "parameters": _parameters(route, schemas),
        "responses": _responses(route, schemas),
    }
    if route.tag:
        made["tags"] = [route.tag]
    if route.body is not None:
        content: dict[str, Any] = {"schema": schemas.body(route.body)}
        if route.example is not None:
            content["example"] = route.example
        made["requestBody"] = {"required": True, "content": {"application/json": content}}
    return made


def _parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 128}}
        for name in _PARAMETER.findall(route.path)
    ]
    for field in msgspec.inspect.type_info(route.query).fields:  # type: ignore[attr-defined]  # a struct's
        schema = schemas._of(field.type)  # noqa: SLF001 - the same document
        kinds = [one for one in schema.get("anyOf", [schema]) if one != {"type": "null"}]
        schema = {"anyOf": kinds} if len(kinds) > 1 else kinds[0]
        shown = {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema}
        made.append({**shown, "description": text} if (text := schema.pop("description", "")) else shown)
    for name in () if route.filters is None else route.filters.fields:
        if all(one["name"] != name for one in made):
            about = f"Those whose {name} is this. {name}__in, __contains, __startswith, __gt, __gte, __lt and __lte work alike."
            kind = route.filters.fields[name].kind if route.filters is not None else "text"
            schema = {"type": {"number": "number", "flag": "boolean"}.get(kind, "string")}
            made.append({"name": name, "in": "query", "schema": schema, "description": about})
    if route.method in ("POST", "PATCH"):
        made.append(dict(_IDEMPOTENCY))
    if route.method in ("PUT", "PATCH", "DELETE"):
        header = {"name": "If-Match", "in": "header", "required": route.conditional, "description": _IF_MATCH}
        made.append({**header, "schema": {"type": "string"}, "example": "*"})
    return made


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done."}
    if route.answer is not None or route.media != "application/json":
        schema = {"type": "string"} if route.answer is None else schemas.answer(route.answer)
        answer["content"] = {route.media: {"schema": schema}}
    made = {str(route.status): answer}
    if route.status != 200 and route.changes:
        made["200"] = {**answer, "description": "Done before, with the same Idempotency-Key."}
    statuses = {400, 401, 403, 503, *route.conflicts}
    if "{" in route.path:
        statuses.add(404)
    if route.changes:
        statuses |= {409, 413, 415, 422} if route.body is not None else {409, 413}
    if route.method in ("POST", "PATCH"):
        statuses.add(422)  # an Idempotency-Key that was used for something else
    if route.method in ("PUT", "PATCH", "DELETE"):
        statuses.add(412)
    if route.conditional:
        statuses.add(428)
    for status in sorted(statuses):
        made.setdefault(
            str(status),
            {"description": _ERRORS[status], "content": {"application/json": {"schema": {"$ref": PREFIX + "Error"}}}},
        )
    return made


def _item(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": method.upper(),
        "header": [],
        "url": {
            "raw": "{{admin_url}}" + re.sub(r"\{(\w+)\}", r":\1", path),
            "host": ["{{admin_url}}"],
            "path": re.sub(r"\{(\w+)\}", r":\1", path).strip("/").split("/"),
        },
        "description": operation["description"],
    }
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        example = msgspec.json.format(msgspec.json.encode(content.get("example", {}))).decode()
        request["body"] = {"mode": "raw", "raw": example, "options": {"raw": {"language": "json"}}}
    return {"name": operation["summary"], "request": request}

"""The OpenAPI 3.1 document of the management API, made from the structs that read and write its bodies."""

from functools import cache
from typing import Any, Final

import msgspec

from dragoman.gateway.call import Call
from dragoman.gateway.explain import Explained, Explanation
from dragoman.gateway.management import RoutePage, RouteView, UpstreamPage, UpstreamView
from dragoman.gateway.plugin_api import PluginPage, PluginView
from dragoman.policy.resources import PluginSetup, Route, Upstream
from dragoman.version import __version__
from dragoman.wire.problem import CONTENT_TYPE, Problem

Document = dict[str, Any]
"""JSON as an OpenAPI document has it."""

_KINDS: Final = (("upstreams", Upstream, UpstreamView, UpstreamPage), ("routes", Route, RouteView, RoutePage))
_PLUGINS: Final = ("plugins", PluginSetup, PluginView, PluginPage)
_OPTIONS: Final = (
    ("$filter", {"type": "string"}, "`alias eq 'x'`, `enabled eq true`, `tags eq 'x'`; joined by `and`"),
    ("$orderby", {"type": "string"}, "names, each with `asc` or `desc`"),
    ("$select", {"type": "string"}, "names of the members to show"),
    ("$top", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}, "how many; also `limit`"),
    ("$skip", {"type": "integer", "minimum": 0, "default": 0}, "how many to leave out; also `offset`"),
)
_ETAG: Final = {"ETag": {"schema": {"type": "string"}, "description": "the version, for `If-Match`"}}
_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_IF_MATCH: Final = {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "description": "an ETag"}


@cache
def document() -> Document:
    """The document; the same for every gateway of this version."""
    kinds = [Problem, Explained, Explanation, *(kind for row in (*_KINDS, _PLUGINS) for kind in row[1:])]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    paths: Document = {"/api/oagw/v1/explain": {"post": _explain()}}
    for name, given, view, page in _KINDS:
        paths[f"/api/oagw/v1/{name}"] = {"get": _list(name, page), "post": _create(name, given, view)}
        paths[f"/api/oagw/v1/{name}/{{id}}"] = {
            "parameters": [_ID],
            "get": {"operationId": f"get_{name}", "responses": _responses("200", view, "404", headers=_ETAG)},
            "put": _replace(name, given, view),
            "delete": _remove(name),
        }
    paths |= _plugins(*_PLUGINS)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dragoman: management of the outbound gateway", "version": __version__},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "an admin key"}},
        },
    }


async def answer(call: Call) -> None:
    await call.answer_json(document())


def _plugins(name: str, given: type, view: type, page: type) -> Document:
    """They never change, and so have neither versions nor a `put`."""
    create = _responses("201", view, "413")
    remove = {"204": {"description": "removed"}, **_problems("404", "409")}
    return {
        f"/api/oagw/v1/{name}": {
            "get": _list(name, page),
            "post": {"operationId": f"create_{name}", "requestBody": _body(given), "responses": create},
        },
        f"/api/oagw/v1/{name}/{{id}}": {
            "parameters": [_ID],
            "get": {"operationId": f"get_{name}", "responses": _responses("200", view, "404")},
            "delete": {"operationId": f"delete_{name}", "responses": remove},
        },
    }


def _list(name: str, page: type) -> Document:
    parameters = [
        {"name": option, "in": "query", "schema": schema, "description": text} for option, schema, text in _OPTIONS
    ]
    responses = _responses("200", page)
    # `$select` leaves members out, which the schema of a whole item does not allow.
    members = {"items": {"type": "array", "items": {"type": "object"}}, "total": {"type": "integer"}}
    items = {"type": "object", "properties": members, "required": ["items", "total"]}
    whole = responses["200"]["content"]["application/json"]["schema"]
    responses["200"]["content"]["application/json"]["schema"] = {"anyOf": [whole, items]}
    return {"operationId": f"list_{name}", "parameters": parameters, "responses": responses}


def _create(name: str, given: type, view: type) -> Document:
    responses = _responses("201", view, "409", "413", headers=_ETAG)
    return {"operationId": f"create_{name}", "requestBody": _body(given), "responses": responses}


def _replace(name: str, given: type, view: type) -> Document:
    return {
        "operationId": f"replace_{name}",
        "parameters": [_IF_MATCH],
        "requestBody": _body(given),
        "responses": _responses("200", view, "404", "409", "412", "413", headers=_ETAG),
    }


def _remove(name: str) -> Document:
    responses = {"204": {"description": "removed"}, **_problems("404", "409", "412")}
    return {"operationId": f"delete_{name}", "parameters": [_IF_MATCH], "responses": responses}


def _explain() -> Document:
    responses = _responses("200", Explanation, "404", "413")
    return {"operationId": "explain", "requestBody": _body(Explained), "responses": responses}


def _responses(status: str, kind: type, *problems: str, headers: Document | None = None) -> Document:
    content = {"application/json": {"schema": _reference(kind)}}
    answer = {"description": "done", "content": content, **({"headers": headers} if headers else {})}
    return {status: answer, **_problems(*problems)}


def _problems(*statuses: str) -> Document:
    """Every call may be no HTTP or lack a key, and the store may be gone."""
    content = {CONTENT_TYPE: {"schema": _reference(Problem)}}
    always = ("400", "401", "403")
    return {status: {"description": "a problem", "content": content} for status in (*always, *statuses, "503")}


def _body(kind: type) -> Document:
    return {"required": True, "content": {"application/json": {"schema": _reference(kind)}}}


def _reference(kind: type) -> Document:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}

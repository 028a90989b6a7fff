"""The API in OpenAPI's words, made from the registry: nothing is written down twice."""

from typing import Any

from baken import __version__
from baken.api import registry
from baken.api.arguments import Parameter

_ERRORS = {
    "400": "A POST by session cookie came without the right X-Frappe-CSRF-Token",
    "401": "The token is wrong, or the session has ended",
    "403": "Nobody is signed in, or the role is missing",
    "404": "There is no such site",
    "405": "A method that changes something was asked for by GET and cookie",
    "413": "The body is too large",
    "417": "An argument is missing, unknown, or has a value that cannot be used",
    "429": "Too many failed sign-ins",
    "503": "The store, or the site's database where it has to be asked, does not answer",
}
_HELD: list[dict[str, list[str]]] = [{"token": []}, {"basic": []}, {"session": [], "csrf": []}, {"session": []}]
_SITE = {
    "name": "site",
    "in": "query",
    "required": False,
    "description": "The site that is meant, where the user is on several; the header X-Frappe-Site-Name does the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 140},
}

_CHANGES = (
    "`event: hello` when the stream begins to notice changes; `event: changed` with data "
    '`{"topics": ["figures", "errors", "alerts"], "at": …}` whenever the store has something newer of these about the '
    "site; `event: end` with a reason at the end (replaced: another stream of the same person took its place; access: "
    "the session or the role is gone; shutdown; failed). A comment comes every 15 seconds when there is nothing else. "
    "What changed between two streams is not told: ask then."
)


def describe() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, Any] = {}
    for entry in registry.methods():
        for name in entry.names:
            paths[f"/api/method/{name}"] = _path(entry, name)
    paths |= _of_the_server()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Baken",
            "version": __version__,
            "description": "Every method answers under its documented name and as baken.<function>, "
            "like Frappe's own methods.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "token API_KEY:API_SECRET of a user of the site",
                },
                "basic": {"type": "http", "scheme": "basic", "description": "API key and secret"},
                "session": {"type": "apiKey", "in": "cookie", "name": "baken_sid"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-Frappe-CSRF-Token"},
            },
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["exc_type", "message", "_server_messages"],
                    "properties": {
                        "exc_type": {"type": "string"},
                        "message": {"type": "string"},
                        "_server_messages": {"type": "string", "description": "A JSON list of JSON texts"},
                    },
                }
            },
        },
    }


def _path(entry: registry.Method, name: str) -> dict[str, Any]:
    title, _, rest = entry.help.partition("\n")
    common: dict[str, Any] = {
        "summary": title,
        "description": rest.strip(),
        "tags": [entry.name.rsplit(".", 1)[0]],
        "security": [{}] if entry.guest else _HELD,
        "responses": _responses({}),
    }
    plain = name.replace(".", "_")
    get = {
        **common,
        "operationId": f"get_{plain}",
        "parameters": [_SITE, *(_parameter(parameter) for parameter in entry.parameters)],
    }
    schema = {
        "type": "object",
        "properties": {parameter.name: _schema(parameter) for parameter in entry.parameters},
        "required": [parameter.name for parameter in entry.parameters if parameter.required],
        "additionalProperties": False,
    }
    content = {"application/json": {"schema": schema}}
    post = {
        **common,
        "operationId": f"post_{plain}",
        "parameters": [_SITE],
        "requestBody": {"required": bool(schema["required"]), "content": content},
    }
    return {"get": get, "post": post}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"name": parameter.name, "in": "query", "required": parameter.required}
    schema = _schema(parameter, nullable=False)
    if parameter.kind is dict:
        return {**described, "content": {"application/json": {"schema": schema}}}
    return {**described, "schema": schema}


def _schema(parameter: Parameter, *, nullable: bool = True) -> dict[str, Any]:
    kinds = {int: "integer", float: "number", bool: "boolean", str: "string", dict: "object"}
    schema: dict[str, Any] = {"type": kinds[parameter.kind]}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.range:
        schema |= {"minimum": parameter.range.least, "maximum": parameter.range.most}
    if parameter.kind is dict:
        schema["additionalProperties"] = {"type": "string"}
    if not parameter.required and parameter.default is not None:
        schema["default"] = parameter.default
    if parameter.optional and nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _responses(answer: dict[str, Any], errors: tuple[str, ...] = tuple(_ERRORS)) -> dict[str, Any]:
    message = {"type": "object", "required": ["message"], "properties": {"message": answer}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "200": {"description": "The answer", "content": {"application/json": {"schema": message}}},
        **{status: {"description": _ERRORS[status], "content": error} for status in errors},
    }


def _of_the_server() -> dict[str, Any]:
    text = {"type": "string"}
    form = {
        "type": "object",
        "properties": {"usr": text, "pwd": text, "site": text},
        "required": ["usr", "pwd"],
    }
    kinds = ("application/json", "application/x-www-form-urlencoded")
    login = {
        "summary": "Sign in with the site's own user and password.",
        "operationId": "login",
        "tags": ["session"],
        "security": [{}],
        "requestBody": {"required": True, "content": {kind: {"schema": form} for kind in kinds}},
        "responses": _responses(text, ("400", "401", "403", "404", "413", "417", "429", "503")),
    }
    logout = {
        "summary": "End the session.",
        "operationId": "logout",
        "tags": ["session"],
        "security": [{}, {"session": [], "csrf": []}],
        "responses": _responses(text, ("400", "503")),
    }

    def read(summary: str, name: str, security: list[Any], errors: tuple[str, ...]) -> dict[str, Any]:
        return {
            "get": {
                "summary": summary,
                "operationId": name,
                "tags": ["session"],
                "security": security,
                "responses": _responses({}, errors),
            }
        }

    changes = read(
        "What changed about a site, told as it does, by server-sent events.",
        "get_changes",
        _HELD,
        ("401", "403", "404", "429", "503"),
    )
    changes["get"] |= {
        "description": _CHANGES,
        "parameters": [_SITE],
        "responses": changes["get"]["responses"]
        | {
            "200": {"description": "The stream", "content": {"text/event-stream": {"schema": text}}},
            "406": {
                "description": "The client takes no server-sent events",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    return {
        "/api/method/login": {"post": login},
        "/api/method/logout": {"post": logout},
        "/api/method/ping": read("Whether the server answers.", "ping", [{}], ()),
        "/api/method/baken.get_sign_in_options": read(
            "What the sign-in page needs to know.", "get_sign_in_options", [{}], ()
        ),
        "/api/method/baken.get_session": read(
            "Who is signed in, to which sites, and the CSRF token.",
            "get_session",
            _HELD,
            ("401", "403", "404", "429", "503"),
        ),
        "/api/method/baken.get_changes": changes,
    }

"""The description of the HTTP side, served as /openapi.json.

Bodies are read and checked by our own parser, which knows the sizes and codes of the sockets; here they are described
to whoever reads the document. No page comes with it: those of FastAPI load scripts from elsewhere, which the content
security policy forbids.
"""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

_REFS: Final = "#/components/schemas/{model}"
_described: Final = dict[str, type[BaseModel]]()
"""The bodies of all routes, by name."""

PROBLEM: Final = {
    "type": "object",
    "required": ["title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "One of the stable words that the sockets use, too."},
        "detail": {"type": "string"},
    },
}


def describe(body: type[BaseModel]) -> dict[str, Any]:
    """What a route says of its body; for `openapi_extra`."""
    _described[body.__name__] = body
    schema = {"$ref": _REFS.format(model=body.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        operations = [operation for path in schema["paths"].values() for operation in path.values()]
        for operation in operations:
            problem = {"application/problem+json": {"schema": {"$ref": _REFS.format(model="Problem")}}}
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "A refusal.", "content": problem}
            operation["security"] = [{"bearer": []}]
        inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(body, "validation") for body in _described.values()]
        _, definitions = models_json_schema(inputs, ref_template=_REFS)
        components = schema.setdefault("components", {})
        components["schemas"] = definitions.get("$defs", {}) | {"Problem": PROBLEM}
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        app.openapi_schema = schema
    return app.openapi_schema

"""The interactive documentation at /docs. It runs Swagger UI from this process, and no script of another host."""

from functools import cache
from html import escape
from importlib.resources import files

from fastapi import APIRouter, Depends, Request
from fastapi_swagger import resources
from starlette.responses import JSONResponse, Response

from chassis.problems import NotFound
from chassis.turns import admit_anybody

router = APIRouter(include_in_schema=False, dependencies=[Depends(admit_anybody)])
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="documentation"></div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body>
</html>
"""
_START = b"""SwaggerUIBundle({
  url: "openapi.json", dom_id: "#documentation", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "start.js": "text/javascript"}


@router.get("/docs")
async def documentation(request: Request) -> Response:
    page = _PAGE.format(title=escape(request.app.title))
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


@router.get("/openapi.json")
async def description(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


@router.get("/docs/{asset}")
async def documentation_asset(asset: str) -> Response:
    if asset not in _ASSETS:
        raise NotFound()
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_content_of(asset), media_type=_ASSETS[asset], headers=headers)


@cache
def _content_of(asset: str) -> bytes:
    return _START if asset == "start.js" else files(resources).joinpath(asset).read_bytes()

"""The demo page: whatever lies in `static/`, with media types that do not depend on the machine."""

from pathlib import Path, PurePath
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC: Final = Path(__file__).parent / "static"

# The table of the operating system may be missing, or call scripts text/plain, which a browser refuses (nosniff).
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


class Page(StaticFiles):
    """The files of a folder; `/` is its index.html.

    Args:
        directory: The folder; it may be filled later.
        cached: Whether browsers may keep what they asked for once, as long as they ask if it changed.
    """

    def __init__(self, directory: Path, *, cached: bool) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self._cache_control = "no-cache" if cached else "no-store"

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 404."""
        response = await super().get_response(path, scope)
        name = "index.html" if path in {"", "."} else path
        media_type = _MEDIA_TYPES.get(PurePath(name).suffix)
        if media_type is not None and response.status_code == 200:
            response.headers["Content-Type"] = media_type
        response.headers["Cache-Control"] = self._cache_control
        return response

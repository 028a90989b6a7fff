"""Pages and files: the built front end from baken/public, and plain pages where there is nothing else to show."""

import html
import mimetypes
import os
import re
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from baken.api.web import PUBLIC as PUBLIC
from baken.api.web import WORKER, WORKER_SCOPE
from baken.server.answers import NotFound, refusal

_HASHED = re.compile(r"-[\w-]{8,}\.\w+$")
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".json": "application/json",
    ".map": "application/json",
}
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_FOREVER = "public, max-age=31536000, immutable"
_BRIEFLY = "public, no-cache"


class Assets(StaticFiles):
    """The files of the front end, in the smallest form that is there and that the browser takes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._folder = folder

    async def check_config(self) -> None:
        """A folder that is not there yet is told per request; it may be built while Baken runs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at `path`; pages are no assets, and neither is what begins with a dot."""
        parts = Path(path).parts
        if path.endswith((".html", ".br", ".gz")) or any(part.startswith(".") for part in parts) or "\x00" in path:
            raise NotFound("there is no such file")
        if not self._folder.is_dir():
            raise NotFound("the front end is not built; run make setup")
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The answer with the file, or that the browser's copy is still good."""
        asked = Headers(scope=scope)
        chosen, headers = Path(full_path), {"Vary": "Accept-Encoding"}
        headers["Cache-Control"] = _FOREVER if _HASHED.search(chosen.name) else _BRIEFLY
        if chosen == self._folder / WORKER:
            # Wherever it is asked for: browsers that were here earlier look below the folder of the assets for it.
            headers["Service-Worker-Allowed"] = WORKER_SCOPE
        takes = {
            part.split(";")[0].strip()
            for part in asked.get("accept-encoding", "").lower().split(",")
            if not re.search(r";\s*q=0(\.0*)?\s*$", part)
        }
        for encoding, ending in _ENCODINGS:
            packed = chosen.with_name(chosen.name + ending)
            if encoding in takes and packed.is_file():
                headers["Content-Encoding"] = encoding
                chosen, stat_result = packed, packed.stat()
                break
        name = Path(full_path).name
        kind = _TYPES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        response = FileResponse(chosen, status_code, headers, kind, stat_result=stat_result)
        if self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response


def shell(folder: Path, name: str) -> Response:
    """A page of the front end, or one that says that it is not built."""
    try:
        content = (folder / name).read_bytes()
    except OSError:
        return plain(
            503,
            "The pages are not built",
            "Baken runs, but its pages are missing: run make setup in Baken's folder, then reload this page. "
            "The methods under /api/method/ answer in the meantime.",
        )
    return Response(content, media_type="text/html")


def plain(status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """A page without style or script."""
    content = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)} · Baken</title></head>\n"
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>"
        '<p><a href="/login">Sign in</a></p></body></html>\n'
    )
    return Response(content, status, dict(headers or {}), media_type="text/html")


def missing(request: Request) -> Response:
    """The answer for a path where there is nothing: a page for a browser, JSON for a program."""
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/"):
        return plain(404, "Not found", "There is nothing at this address.")
    return refusal(404, "DoesNotExistError", "there is nothing at this address")

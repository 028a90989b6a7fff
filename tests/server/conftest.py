"""Fixtures of the server's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.world import World, make_world


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """A built front end in small."""
    folder = tmp_path / "public"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Baken</title><div id=app></div>")
    (folder / "api-docs.html").write_text("<!doctype html><title>Baken API</title>")
    (folder / "theme.js").write_text("document.documentElement.dataset.theme = 'light'")
    (folder / "assets" / "index-BFp3xQ2a.js").write_text("export const x = 1;" * 100)
    (folder / "assets" / "index-BFp3xQ2a.js.gz").write_bytes(b"\x1f\x8bnot really")
    (folder / ".secret").write_text("secret")
    (tmp_path / "outside.txt").write_text("outside")
    return folder


@pytest.fixture
def world(tmp_path: Path, public: Path) -> Iterator[World]:
    """A site, a store and the application; roles are asked of the site at every request."""
    with make_world(tmp_path, public=public, sign_in_attempts=5) as made:
        yield made

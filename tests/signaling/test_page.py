"""The page: the right types, nothing cached in development, and a strict policy."""

from pathlib import Path

import pytest

from signaling import server
from signaling.settings import Settings
from tests.signaling.serving import DEV, serving

FILES = {"index.html": "<p>hello", "app.js": "export {}", "style.css": "p {}", "icon.svg": "<svg/>", "sub/a.js": "1"}
OWN_KEY = Settings(keys={"own": "a-secret-that-is-long-enough-to-be-taken-0123"})


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path.parent / "secret.txt").write_text("secret")
    monkeypatch.setattr(server, "STATIC", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "media_type", "text"),
    [
        ("/", "text/html; charset=utf-8", "<p>hello"),
        ("/index.html", "text/html; charset=utf-8", "<p>hello"),
        ("/app.js", "text/javascript; charset=utf-8", "export {}"),
        ("/sub/a.js", "text/javascript; charset=utf-8", "1"),
        ("/style.css", "text/css; charset=utf-8", "p {}"),
        ("/icon.svg", "image/svg+xml", "<svg/>"),
    ],
)
async def test_files_have_the_types_that_browsers_insist_on(static: Path, path: str, media_type: str, text: str):
    async with serving() as site:
        answer = await site.http.get(path)
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-type"] == media_type
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_policy_is_strict(static: Path):
    async with serving() as site:
        headers = (await site.http.get("/")).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert headers["permissions-policy"] == "microphone=(self), camera=(), geolocation=()"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


@pytest.mark.parametrize(("settings", "cache"), [(DEV, "no-store"), (OWN_KEY, "no-cache")])
async def test_browsers_keep_nothing_in_development(static: Path, settings: Settings, cache: str):
    async with serving(settings) as site:
        assert (await site.http.get("/app.js")).headers["cache-control"] == cache


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/sub/..%2f..%2fsecret.txt", "/none.js"])
async def test_nothing_outside_the_folder_is_shown(static: Path, path: str):
    async with serving() as site:
        assert (await site.http.get(path)).status_code == 404

"""A real browser on a live server; without chromium these tests are skipped, and say so."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs chromium."""
    without = pytest.mark.skip(reason=f"needs chromium: there is no {CHROMIUM}")
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("browser")
            if not CHROMIUM.exists():
                item.add_marker(without)


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    """A browser that knows nobody, for one test: Playwright's loop must end before the next.

    The loop runs in this thread, which Django takes for asynchronous code.
    """
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE", "")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            yield chromium.new_context(viewport={"width": 1280, "height": 900})
            chromium.close()
    finally:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose console must stay empty, and that asks nobody but the live server."""
    page, heard = context.new_page(), list[str]()
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith(("http://localhost", "data:")) else heard.append(asked.url)
        ),
    )
    yield page
    assert heard == []

"""The page in a real browser: without JavaScript, by keyboard alone, in two tabs, light and dark, wide and narrow."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.web import door
from tests.kit import Kit
from tests.web.conftest import approvals
from tests.web.gated import rewritten

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    api = pytest.importorskip("playwright.sync_api", reason="a browser is driven by playwright")
    with api.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def address(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page as `review` serves it, on a port of the loopback."""
    uvicorn = pytest.importorskip("uvicorn", reason="the page needs orchestrator[web]")
    from orchestrator.web import serving

    monkeypatch.chdir(kit.root)
    with serving.bound(0) as listening:
        found = door.made(listening.getsockname()[1])
        server = serving.server(found, "")
        assert isinstance(server, uvicorn.Server)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield found.address
        server.should_exit = True
        thread.join()


def tab(chromium: Any, address: str, **how: Any) -> Any:
    page = chromium.new_context(**how).new_page()
    page.goto(address)
    return page


def said(page: Any) -> list[str]:
    """Return what came of a form; waits for the page that says it."""
    page.locator(".said").wait_for()
    return [one.strip() for one in page.locator(".said .good, .said .bad").all_text_contents()]


def test_without_javascript_gates_are_chosen_answered_and_sent_back(chromium: Any, address: str, kit: Kit) -> None:
    page = tab(chromium, address, java_script_enabled=False)
    page.get_by_label("Choose payment, to approve").check()
    page.get_by_label("Your answer, if it asks for one (payment)").fill("the blue one")
    page.get_by_label("Choose search, to approve").check()
    page.get_by_role("button", name="Approve the chosen").click()
    assert said(page) == ["✓ approved: payment", "✓ approved: search"]
    page.reload()
    assert page.locator(".said").count() == 0
    page.get_by_text("Send landing back").first.click()
    page.get_by_label("The reason: the agent is told it word for word").fill("the list is empty")
    page.get_by_role("button", name="Send landing back").click()
    assert said(page) == ["✓ sent back: landing; its next brief carries your reason"]
    assert page.get_by_role("heading", level=1).inner_text() == "Nothing waits for you"
    assert approvals(kit) == [("payment", "page", "the blue one"), ("search", "page", "")]


def test_by_keyboard_alone_and_enter_in_a_field_decides_nothing(chromium: Any, address: str, kit: Kit) -> None:
    page = tab(chromium, address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To what waits"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "gates"
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "checkbox":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert approvals(kit) == []
    page.keyboard.press("Tab")
    page.keyboard.type("by hand")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert said(page) == ["✓ approved: payment"]
    assert approvals(kit) == [("payment", "page", "by hand")]


def test_two_tabs_the_back_button_and_a_change_meanwhile_approve_nothing_unseen(
    chromium: Any, address: str, kit: Kit
) -> None:
    context = chromium.new_context()
    one, other = context.new_page(), context.new_page()
    one.goto(address)
    other.goto(address)
    one.get_by_role("button", name="Approve payment").click()
    assert said(one) == ["✓ approved: payment"]
    rewritten(kit, "landing")
    other.get_by_role("button", name="Approve all 3 shown").click()
    first, *refused = said(other)
    assert first == "✓ approved: search"
    assert refused[0] == "✓ payment was approved already"
    assert refused[1].startswith("✗ landing was not approved: its branch is not where it was when the gate was shown")
    one.go_back()
    assert one.get_by_role("button", name="Approve payment").count() == 0
    one.goto(address)
    one.get_by_role("button", name="Approve landing").click()
    assert said(one) == ["✓ approved: landing"]
    assert sorted(name for name, *_ in approvals(kit)) == ["landing", "payment", "search"]


def test_the_line_between_two_pictures_moves_by_keyboard(chromium: Any, address: str) -> None:
    page = tab(chromium, address)
    page.get_by_text("One over the other, and the difference").first.click()
    line = page.get_by_label("The line between before and after of screen.png").first
    line.focus()
    page.keyboard.press("ArrowRight")
    shown = page.locator(".slide .over").first.evaluate("one => getComputedStyle(one).clipPath")
    assert shown == "inset(0px 0px 0px 51%)"
    assert page.locator("img").first.evaluate("one => one.naturalWidth") == 160


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody_and_nothing_is_too_wide(
    chromium: Any, address: str, kit: Kit, tmp_path: Path, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with this package")
    errors: list[str] = []
    for width in (390, 1280):
        page = chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
        ).new_page()
        page.on("console", lambda message: errors.append(message.text))
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = axe.Axe().run(page, options={"runOnly": AXE_RULES}).response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert errors == []


def test_the_policy_stops_a_script_that_is_not_the_pages_own(chromium: Any, address: str) -> None:
    page = tab(chromium, address)
    page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.alien = 1';"
        " document.body.append(one); const two = document.createElement('div');"
        " two.innerHTML = '<img src=x onerror=\"window.alien = 2\">'; document.body.append(two); }"
    )
    assert page.evaluate("window.alien") is None


def test_another_site_neither_reads_the_page_nor_posts_to_it(chromium: Any, address: str, kit: Kit) -> None:
    context = chromium.new_context()
    context.new_page().goto(address)
    evil = context.new_page()
    evil.route(
        "http://127.0.0.1:9/**", lambda route: route.fulfill(body="<form method=post></form>", content_type="text/html")
    )
    evil.goto("http://127.0.0.1:9/")
    evil.evaluate(f"document.forms[0].action = '{address}approve'")
    evil.evaluate("document.forms[0].submit()")
    evil.wait_for_url(f"{address}approve")
    assert evil.locator("body").inner_text().strip() == "the Origin is not this page's"
    assert approvals(kit) == []

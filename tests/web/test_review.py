"""`review` as a person and as an agent start it: what may be decided, and how it ends."""

from __future__ import annotations

import signal
import sys
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.conftest import PROGRAM
from tests.kit import Kit
from tests.web.gated import created


def begun(kit: Kit, **env: str) -> tuple[Any, str]:
    """Start `review` on a terminal; return the process and the page's address."""
    pytest.importorskip("uvicorn", reason="the page needs orchestrator[web]")
    environment = {**kit.env, **env}
    child = pexpect.spawn(str(PROGRAM), ["review"], cwd=kit.root, env=environment, encoding="utf-8", timeout=30)
    child.expect(r"(http://127\.0\.0\.1:\d+/[\w-]+/)\r\n")
    address = str(child.match[1])
    child.expect_exact("Ctrl-C ends the page")
    return child, address


def ended(child: Any) -> str:
    """End it as Ctrl-C does; return what it said last."""
    child.kill(signal.SIGINT)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    return str(child.before).strip()


def read(address: str) -> str:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with opener.open(address, timeout=30) as answer:
        return str(answer.read().decode())


def test_on_a_terminal_it_decides_and_ends_at_ctrl_c(kit: Kit) -> None:
    child, address = begun(kit)
    assert '<form id="decide" method="post" action="approve"' in read(address)
    assert ended(child) == ""


@pytest.mark.parametrize("marker", [{"CLAUDECODE": "1"}, {"ORCHESTRATOR_RUN_ID": "a-run"}])
def test_under_an_agent_it_serves_nothing_and_writes_a_file_that_only_shows(kit: Kit, marker: dict[str, str]) -> None:
    env = {**kit.env, **marker}
    child = pexpect.spawn(str(PROGRAM), ["review"], cwd=kit.root, env=env, encoding="utf-8", timeout=30)
    child.expect(pexpect.EOF)
    assert f"{kit.home / 'review.html'}\r\n" in str(child.before)
    text = (kit.home / "review.html").read_text()
    assert "<form" not in text
    assert "This page only shows: an agent runs this" in text


def test_without_the_extra_a_file_that_only_shows_is_written(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "starlette", None)
    status, out, err = kit.inside("review")
    assert (status, out) == (0, f"{kit.home / 'review.html'}\n")
    assert "the extra `web`, which is not installed" in err
    assert "3 decisions wait for you" in (kit.home / "review.html").read_text()
    kit.do("verify")


def test_outside_of_a_repository_nothing_is_served(kit: Kit, tmp_path: Path) -> None:
    status, out, err = kit.inside("review", where=tmp_path)
    assert (status, out, err.count("\n")) == (1, "", 1)


def test_a_port_that_is_taken_is_said(kit: Kit) -> None:
    pytest.importorskip("uvicorn", reason="the page needs orchestrator[web]")
    from orchestrator.web import serving

    with serving.bound(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        status, out, err = kit.inside("review", "--port", str(port))
    assert (status, out) == (1, "")
    assert err.startswith(f"orchestrator: port {port} of 127.0.0.1 cannot be had: ")


def test_a_change_of_the_line_is_decided_on_the_page(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.web.conftest import Browser

    document = kit.root / "line/add-feature-1-show.md"
    document.write_text(document.read_text().replace("APPROVE the screens? (yes/no)", "Look at them."))
    monkeypatch.chdir(kit.root)
    browser = Browser(kit)
    assert "A change of the line" in browser.open()
    mark = browser.mark("line")
    document.write_text(document.read_text() + "\nMore.\n")
    assert browser.said(browser.post("approve", {"only": mark}))[0].startswith("✗ the line changed again")
    browser.open()
    assert browser.approve("line") == ["✓ approved: line"]
    assert [one["payload"].get("door") for one in kit.events("line_accepted")][-2:] == [None, "page"]


def test_where_a_signature_is_asked_for_from_the_beginning_the_page_only_shows(
    tmp_path: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.web.conftest import Browser

    kit = created(tmp_path / "shop", env, ("payment",), 'assurance = "signed"\n')
    monkeypatch.chdir(kit.root)
    text = Browser(kit).open()
    assert "<form" not in text
    assert "it takes a signature, which a page cannot give: decide it in the terminal" in text

"""What a form of the page records, and what it does not: with real repositories, without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.workspace import Workspace
from tests.kit import Kit
from tests.web.conftest import Browser, approvals
from tests.web.gated import rewritten


def test_one_gate_is_approved_with_its_answer_through_the_door_page(browser: Browser) -> None:
    mark = browser.mark("landing")
    said = browser.said(browser.post("approve", {"only": mark, f"answer.{mark}": "option\nB "}))
    assert said == ["✓ approved: landing"]
    assert approvals(browser.kit) == [("landing", "page", "option B")]
    browser.kit.do("verify")


def test_the_statement_is_the_one_that_approve_makes(browser: Browser) -> None:
    browser.approve("payment", "search")
    (held,) = [one["payload"] for one in browser.kit.events("sitting_held")]
    stated = json.loads(held["statement"])
    assert held["door"] == "page"
    assert [one["bound"]["branch"] for one in stated["items"]] == ["feat/payment", "feat/search"]
    assert {"commit", "tree", "document", "context", "evidence", "head"} <= set(stated["items"][0]["bound"])


def test_all_that_was_shown_is_approved_at_once(browser: Browser) -> None:
    assert browser.approve_all() == ["✓ approved: payment", "✓ approved: landing", "✓ approved: search"]
    assert len(browser.kit.events("sitting_held")) == 1


def test_a_gate_that_changed_is_refused_with_the_field_and_the_others_are_approved(browser: Browser) -> None:
    rewritten(browser.kit, "landing")
    said = browser.approve("payment", "landing")
    assert said[0] == "✓ approved: payment"
    assert said[1].startswith("✗ landing was not approved: its branch is not where it was")
    assert [one[0] for one in approvals(browser.kit)] == ["payment"]


def test_a_picture_that_was_painted_over_refuses_its_gate(browser: Browser) -> None:
    picture = browser.kit.worktree("search") / "screen.png"
    picture.write_bytes(picture.read_bytes() + b"more")
    assert browser.approve("search") == [
        "✗ search was not approved: its evidence changed since it was shown (evidence)"
    ]


def test_a_form_that_is_sent_twice_approves_once(browser: Browser) -> None:
    assert browser.approve("payment") == ["✓ approved: payment"]
    assert browser.approve("payment", "landing") == [
        "✓ approved: landing",
        "✓ payment was approved already",
    ]
    mark = browser.mark("payment")
    assert browser.said(browser.post("reject", {"gate": mark, "why": "no"})) == [
        "✗ payment was approved already; nothing more was recorded"
    ]
    assert [one[0] for one in approvals(browser.kit)] == ["payment", "landing"]


def test_an_older_tab_does_not_approve_a_gate_that_was_reached_again(browser: Browser) -> None:
    older = browser.mark("payment")
    browser.said(browser.post("reject", {"gate": older, "why": "too blue"}))
    browser.kit.do("next", "payment")
    said = browser.said(browser.post("approve", {"only": older}))
    assert said == ["✗ payment was not approved: it was sent back already"]
    assert approvals(browser.kit) == []


def test_what_was_never_shown_is_not_decided(browser: Browser) -> None:
    elsewhere = Browser(browser.kit)
    elsewhere.open()
    for fields in ({"only": browser.mark("payment")}, {"only": "0" * 64}):
        later = Browser(browser.kit)
        later.client.cookies.set(later.door.cookie_name, later.door.cookie, path=later.door.path)
        said = later.said(later.post("approve", fields))
        assert said[0].startswith("✗ this page was not shown by the program that runs now")
    assert approvals(browser.kit) == []


def test_all_does_not_take_in_what_came_after_the_page(browser: Browser) -> None:
    browser.kit.do("start", "login")
    browser.kit.do("next", "login")
    assert "✓ approved: login" not in browser.approve_all()
    assert "login" not in [one[0] for one in approvals(browser.kit)]


def test_an_empty_form_approves_nothing(browser: Browser) -> None:
    assert browser.approve() == ["✗ nothing was chosen: nothing was approved"]
    chosen_but_no_button = {"approve": browser.mark("payment"), "nothing": "yes"}
    assert browser.said(browser.post("approve", chosen_but_no_button)) == ["✗ nothing was chosen: nothing was approved"]
    assert approvals(browser.kit) == []


def test_a_rejection_carries_its_reason_and_needs_one(browser: Browser) -> None:
    mark = browser.mark("payment")
    assert browser.said(browser.post("reject", {"gate": mark, "why": " "})) == [
        "✗ payment was not sent back: a rejection needs its reason"
    ]
    said = browser.said(browser.post("reject", {"gate": mark, "why": "the list is\r\nempty"}))
    assert said == ["✓ sent back: payment; its next brief carries your reason"]
    assert [one["payload"]["why"] for one in browser.kit.events("approval_rejected")] == ["the list is\nempty"]


def test_a_rejection_of_what_changed_is_refused_too(browser: Browser) -> None:
    rewritten(browser.kit, "payment")
    said = browser.said(browser.post("reject", {"gate": browser.mark("payment"), "why": "no"}))
    assert said == ["✗ payment was not sent back: its branch is not where it was when the gate was shown (commit)"]


def test_deploy_gates_stand_apart_are_counted_and_left_out_where_the_batch_says_so(browser: Browser) -> None:
    browser.approve("payment")
    browser.kit.do("next", "payment")
    browser.kit.do("next", "payment")
    assert "1 of them goes outside" in " ".join(browser.open().split())
    assert "Going outside, or irreversible" in browser.text
    toml = browser.kit.root / "orchestrator.toml"
    toml.write_text(toml.read_text() + 'batch = ["human"]\n')
    assert browser.approve_all() == ["✗ [gates] batch changed since this was shown (batch): nothing was approved"]
    browser.open()
    assert "Not among them, each decided by itself or chosen: payment." in browser.text
    assert browser.approve_all() == ["✓ approved: landing", "✓ approved: search"]
    browser.open()
    assert browser.approve("payment") == ["✓ approved: payment"]


def test_a_gate_that_takes_a_signature_has_no_form_and_is_refused(browser: Browser) -> None:
    mark = browser.mark("payment")
    toml = browser.kit.root / "orchestrator.toml"
    toml.write_text(toml.read_text() + 'assurance = "signed"\n')
    said = browser.said(browser.post("approve", {"only": mark}))
    assert said[0].startswith("✗ payment was not approved: it takes a signature")
    said = browser.said(browser.post("reject", {"gate": mark, "why": "no"}))
    assert said[0].startswith("✗ payment was not sent back: it takes a signature")
    assert "<form" not in browser.open()
    assert "it takes a signature, which a page cannot give: decide it in the terminal" in browser.text
    assert approvals(browser.kit) == []


def test_inside_a_run_nothing_is_decided(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_RUN_ID", "a-run")
    assert browser.approve("payment")[0].startswith("✗ review is not called from inside a run")
    assert approvals(browser.kit) == []


def test_a_page_that_only_shows_has_no_form_and_takes_none(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kit.root)
    shown = Browser(kit, "this is no terminal")
    assert "<form" not in shown.open()
    assert "This page only shows: this is no terminal." in shown.text
    answer = shown.post("approve", {"only": "0" * 64})
    assert (answer.status_code, answer.text) == (403, "nothing is decided here: this is no terminal\n")


def test_looking_holds_no_lock_and_leaves_the_log_as_it_was(browser: Browser) -> None:
    before = browser.kit.log.read_bytes()
    browser.open()
    assert browser.kit.log.read_bytes() == before
    assert browser.kit.do("note", "payment", "meanwhile") is not None
    assert Workspace.find(browser.kit.root).feature("payment").gate is not None


def test_a_form_that_is_none_of_the_pages_is_refused(browser: Browser) -> None:
    refused: list[tuple[dict[str, str], dict[str, str], int]] = [
        ({"form": "another"}, {}, 403),
        ({}, {"Origin": "http://evil.example"}, 403),
        ({}, {"Host": "evil.example:4711"}, 403),
        ({"only": "x" * 600_000}, {}, 413),
        ({f"answer.{at}": "x" for at in range(6000)}, {}, 400),
        ({}, {"Content-Type": "text/plain"}, 415),
    ]
    for fields, headers, status in refused:
        own = {"only": browser.mark("payment"), **fields}
        assert browser.post("approve", own, **headers).status_code == status
    assert approvals(browser.kit) == []


def test_an_agents_words_are_text_and_never_markup(browser: Browser) -> None:
    assert "<script>alert" not in browser.text
    assert "&lt;/blockquote&gt;&lt;script&gt;alert(1)&lt;/script&gt; both screens." in browser.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in browser.text
    assert "hidden &lt;U+202E&gt; order &lt;U+001B&gt;[31mred" in browser.text
    assert "style=" not in browser.text


def test_pictures_are_those_that_were_shown_or_none(browser: Browser) -> None:
    address = f"picture/{browser.mark('payment')}/0"
    worktree = browser.kit.worktree("payment")
    after, before = browser.get(f"{address}/after"), browser.get(f"{address}/before")
    assert after.headers["content-type"] == "image/png"
    assert "sandbox" in after.headers["content-security-policy"]
    assert after.content == (worktree / "screen.png").read_bytes()
    assert before.content == (browser.kit.root / "screen.png").read_bytes()
    (worktree / "screen.png").write_bytes(before.content)
    assert browser.get(f"{address}/after").status_code == 404
    assert browser.get("picture/0/0/after").status_code == 404
    assert browser.get(f"picture/{browser.mark('payment')}/99/after").status_code == 404


def test_the_file_needs_nothing_else_and_has_no_form(kit: Kit, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    status, out, err = kit.inside("review", "--static", str(file))
    text = file.read_text()
    assert (status, out, err) == (0, f"{file}\n", "3 gates in it; open it in a browser\n")
    assert "<form" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert text.count("data:image/png;base64,") >= 6
    assert "default-src &#39;none&#39;" in text

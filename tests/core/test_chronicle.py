"""A feature's whole story as Markdown."""

from __future__ import annotations

from markdown_it import MarkdownIt

from orchestrator.core import events as fact
from orchestrator.core.chronicle import chronicle
from orchestrator.core.events import Gate
from tests.core.history import CONTEXT, HEAD, LINE, NEXT, PERSON, History

EVIL = "![x](http://x.org) | <script>alert(1)</script> @ana `rm` #1"


def written() -> str:
    """Return the story of a feature that failed once, was approved and rejected, rolled back, and forward again."""
    history = History()
    history.start()
    history.begin(run="a")
    history.say(fact.AgentEnded(run="a", client="claude", ended="done", turns=3, cost=0.5))
    history.say(fact.CheckpointCreated(n=1, commit=NEXT, snapshot=CONTEXT, run="a"))
    history.say(fact.AttemptFailed(ordinal=1, attempt=1, run="a", reason=EVIL))
    for _ in range(3):
        history.work(LINE)
    history.approve(LINE, answer=EVIL)
    history.work(LINE)
    history.work(LINE)
    gate = history.of().gate
    assert gate is not None
    place = fact.Place("3", 1, "1")
    history.say(fact.ApprovalRejected(ordinal=1, gate=gate.gate, why="too dark", place=place), actor=PERSON)
    ordered = fact.RollbackOrdered(
        operation="o", n=1, commit=NEXT, snapshot=CONTEXT, old=HEAD, moment=history.of().moment, reason="by hand"
    )
    history.say(ordered, actor=PERSON)
    history.say(fact.RollbackExecuted(operation="o", n=1, commit=NEXT, rescue="r"))
    return chronicle(history.events, str)


def test_it_tells_the_outcome_each_workflow_the_rollbacks_and_the_timeline() -> None:
    found = written()
    assert found.startswith("# payment\n\n**Failed** after 24 s, on branch `feat/payment`,")
    assert "\n- attempts: 6, 1 of them failed, 8 s of work\n" in found
    assert "\n- agents: 1 call, 3 turns, $0.50\n" in found
    assert [row for row in found.splitlines() if row.startswith("#")] == [
        "# payment", "## Workflow 1", "## Workflow 2", "## Workflow 3", "## Rollbacks", "## Timeline",
    ]  # fmt: skip
    assert "- **GATE 2: Production** (deploy)\n" in found
    assert "  - asked: APPROVE the deploy to production? (yes/no)\n" in found
    assert "  - rejected by ana, back to 3/1, after it waited 1 s\n  - reason: too dark\n" in found
    assert "rolled back by ana from checkpoint 1 to checkpoint 1" in found


def test_what_others_wrote_stays_text() -> None:
    found = written()
    tokens = [child for one in MarkdownIt("gfm-like", {"linkify": False}).parse(found) for child in one.children or ()]
    kinds = {one.type for one in tokens}
    assert kinds.isdisjoint({"image", "link_open"})
    assert all(one.content == "<!-- -->" for one in tokens if one.type == "html_inline")
    assert "@<!-- -->ana" in found


def test_what_is_under_way_is_told_as_far_as_it_went() -> None:
    history = History()
    history.start()
    history.begin()
    assert "- 1, attempt 1: under way for 0 s\n" in chronicle(history.events, str)
    gate = Gate(key="g", type="human", trigger="Which one?", heading="GATE", note="both drawn")
    history.say(fact.GateReached(ordinal=1, gate=gate, run="r"))
    history.say(fact.NoteAdded(note="x"))
    found = chronicle(history.events, str)
    assert "**Paused** after 4 s" in found
    assert "  - asked: Which one?\n  - the agent said: both drawn\n  - waits since 1 s\n" in found

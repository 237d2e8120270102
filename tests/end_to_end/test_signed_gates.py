"""Level 2: an approval cannot be forged without the key. The agent has the source, the log, git and a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pexpect
import pytest
from msgspec.structs import replace

from orchestrator import approval, documents, session, signers, sitting
from orchestrator.adapters import signing
from orchestrator.approval import Held
from orchestrator.core import events as fact
from orchestrator.core import statement
from orchestrator.core.events import Place, SittingHeld
from orchestrator.core.statement import SignerItem
from orchestrator.core.values import FeatureId, Sha
from orchestrator.errors import BrokenLog, Refusal
from tests import signed
from tests.conftest import PROGRAM
from tests.kit import CONFIGURATION, copied
from tests.signed import LINE, PASSPHRASE, PERSON, SIGNED, Signed, answering, founded, make_key, weaker

BEYOND = Place("1", 2, "2", begun=True)
LATER = "GATE 1: Both screens"  # no heading of the line yet


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """Two features at a gate that needs a signature; and where they were made."""
    base = tmp_path_factory.mktemp("signed")
    founded(base / "place/shop", env, "payment", "landing")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


@pytest.fixture
def shop(seeds: tuple[Path, Path], env: dict[str, str]) -> Signed:
    source, place = seeds
    copied(source, place)
    return Signed(place / "shop", env)


# --- the person's own ------------------------------------------------------------------------------


def test_one_signature_covers_the_sitting_and_verify_finds_nothing(shop: Signed) -> None:
    assert shop.approve() == []
    granted = shop.events("approval_granted")
    assert [(one["feature"], one["payload"]["signer"]) for one in granted] == [
        ("feat-payment", PERSON), ("feat-landing", PERSON),
    ]  # fmt: skip
    held = shop.events("sitting_held")
    assert [one["payload"]["signature"][:29] for one in held[1:]] == ["-----BEGIN SSH SIGNATURE-----"]
    assert shop.objections() == {}
    shop.do("run", "-j", "1")
    assert shop.approve() == []
    shop.do("run", "-j", "1")
    assert [one.status for one in shop.features().values()] == ["completed", "completed"]
    assert shop.objections() == {}


def test_on_a_terminal_the_passphrase_is_asked_for_once_and_a_wrong_one_approves_nothing(shop: Signed) -> None:
    for word, expected in (("wrong", 1), (PASSPHRASE, 0)):
        child = pexpect.spawn(str(PROGRAM), ["approve"], cwd=shop.root, env=shop.env, encoding="utf-8", timeout=30)
        child.expect_exact("anything else approves nothing: ")
        child.sendline("APPROVE ALL")
        child.expect("passphrase")
        child.sendline(word)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == expected, child.before
        assert len(shop.events("approval_granted")) == (0 if expected else 2)


def test_rejections_rollbacks_undo_and_a_second_signer_leave_verify_content(shop: Signed) -> None:
    second = make_key(shop.root.parent / "second")
    with shop.answered():
        shop.add_signer(second, "ana@example.com")
    shop.approve("payment", key=second)
    approval.take_back(shop.workspace(), [], f"person:{PERSON}")
    shop.do("reject", "landing", "-m", "too dark")
    shop.do("run", "-j", "1")
    shop.approve()
    shop.do("run", "-j", "1")
    shop.do("rollback", "payment")
    shop.do("rollback", "payment", "--undo")
    shop.do("reject", "landing", "-m", "again", "--to", "1")
    shop.do("run", "-j", "1")
    with shop.answered():
        signers.revoke(shop.workspace(), "ana@example.com", Held(door="terminal", who=f"person:{PERSON}", shown=0.0))
    shop.approve()
    shop.do("run", "-j", "1")
    assert shop.objections() == {}


# --- forged ----------------------------------------------------------------------------------------


def unsigned(shop: Signed) -> None:
    shop.forge(shop.granted("payment", "", signer=""), of="payment")


def stated_and_unsigned(shop: Signed) -> None:
    text = shop.stated("payment")
    shop.forge(SittingHeld(statement=text, door="terminal"), shop.granted("payment", text, signer=""), of="payment")


def signer_claimed(shop: Signed) -> None:
    text = shop.stated("payment")
    shop.forge(SittingHeld(statement=text, door="terminal", signer=PERSON), shop.granted("payment", text), of="payment")


def unknown_key(shop: Signed) -> None:
    text = shop.stated("payment")
    own = make_key(shop.root.parent / "own", "")
    _forge_signed(shop, text, shop.sign(text, own, ""))


def another_namespace(shop: Signed) -> None:
    text = shop.stated("payment")
    _forge_signed(shop, text, shop.sign(text, namespace="git"))


def changed_after_it_was_signed(shop: Signed) -> None:
    signature = shop.sign(shop.stated("payment", answer="option A"))
    _forge_signed(shop, shop.stated("payment", answer="option B"), signature, answer="option B")


def another_answer(shop: Signed) -> None:
    text = shop.stated("payment", answer="option A")
    _forge_signed(shop, text, shop.sign(text), answer="option B")


def another_verdict(shop: Signed) -> None:
    text = shop.stated("payment")
    _forge_signed(shop, text, shop.sign(text), verdict="skipped")


def another_commit(shop: Signed) -> None:
    text = shop.stated("payment")
    _forge_signed(shop, text, shop.sign(text), commit=shop.git("rev-parse", "main"))


def another_features(shop: Signed) -> None:
    text = shop.stated("landing")
    _forge_signed(shop, text, shop.sign(text))


def another_repository(shop: Signed) -> None:
    text = shop.stated("payment", repository="0" * 64)
    _forge_signed(shop, text, shop.sign(text))


def kept_for_later(shop: Signed) -> None:
    text = shop.stated("payment", past=timedelta(days=400))
    _forge_signed(shop, text, shop.sign(text))


def used_again(shop: Signed) -> None:
    shop.approve("payment")
    granted = shop.log_events()[-2].payload
    held = next(one.payload for one in reversed(shop.log_events()) if isinstance(one.payload, SittingHeld))
    assert isinstance(granted, fact.ApprovalGranted)
    shop.do("rollback", "payment")
    shop.do("resume", "payment")
    shop.do("next", "payment")
    shop.forge(held, granted, of="payment")


def of_a_weaker_type(shop: Signed) -> None:
    gate = shop.features()["payment"].gate
    assert gate is not None
    shop.forge(shop.granted("payment", "", signer="", gate=weaker(gate.gate, "validation")), of="payment")


def at_a_gate_reached_anew_as_another_type(shop: Signed) -> None:
    gate = shop.features()["payment"].gate
    assert gate is not None
    shop.forge(fact.GateReached(ordinal=1, gate=weaker(gate.gate, "validation")), of="payment")
    shop.forge(shop.granted("payment", "", signer=""), of="payment")


def completed_past_the_gate(shop: Signed) -> None:
    shop.forge(fact.PhaseCompleted(ordinal=1, next=BEYOND), of="payment", actor="kit")


def decided_as_an_aside(shop: Signed) -> None:
    aside = Place("1", 1, "1", decided=("GATE 1: Screens",), begun=True)
    shop.forge(fact.PhaseCompleted(ordinal=1, run="r", next=aside), of="payment", actor="kit")


def edited_past_the_gate(shop: Signed) -> None:
    shop.forge(
        fact.StateEdited(changes={"workflows_completed": [[], ["1", "2"]]}, place=Place("3", 1, "1")), of="payment"
    )


def rolled_forward(shop: Signed) -> None:
    feature = shop.features()["payment"]
    tip = feature.tip
    assert tip is not None
    shop.forge(
        fact.RollbackOrdered(
            operation="o", n=1, commit=tip, snapshot=tip, old=tip, moment=fact.Moment(place=Place("3", 1, "1"))
        ),
        fact.RollbackExecuted(operation="o", n=1, commit=tip, rescue="r"),
        fact.FeatureResumed(),
        of="payment",
    )


def completed_at_once(shop: Signed) -> None:
    shop.forge(fact.FeatureCompleted(), of="payment", actor="kit")


def a_signer_of_its_own(shop: Signed) -> None:
    shop.forge(fact.SignerAdded(name="agent@example.com", key=_own_key(shop)))


def a_signer_that_vouches_for_itself(shop: Signed) -> None:
    key, text = _own_key(shop), _statement(shop, "agent@example.com")
    signature = shop.sign(text, shop.root.parent / "own", "")
    held = SittingHeld(statement=text, door="terminal", signature=signature, signer="agent@example.com")
    shop.forge(held, fact.SignerAdded(name="agent@example.com", key=key, statement=statement.digest(text)))


def the_signer_revoked(shop: Signed) -> None:
    one = shop.workspace().world.signers[0]
    shop.forge(fact.SignerRevoked(name=one.name, key=one.key))


def by_a_number_that_no_gate_waits_with(shop: Signed) -> None:
    shop.do("reject", "payment", "-m", "no")
    other = fact.Gate(key="x", type="validation", trigger="?", heading="x", label="GATE 1")
    granted = fact.ApprovalGranted(ordinal=1, gate=other, door="terminal", next=BEYOND)
    shop.forge(granted, fact.PhaseCompleted(ordinal=1, run="r", next=BEYOND), of="payment")


def by_a_signer_that_is_only_named(shop: Signed) -> None:
    shop.do("reject", "payment", "-m", "no")
    other = fact.Gate(key="x", type="validation", trigger="?", heading="x", label="GATE 1")
    granted = fact.ApprovalGranted(ordinal=1, gate=other, door="terminal", next=BEYOND, signer=PERSON)
    shop.forge(fact.GateReached(ordinal=1, gate=other), granted, of="payment")


def under_a_gate_of_its_own_that_the_document_takes_on_later(shop: Signed) -> None:
    shop.do("reject", "payment", "-m", "no")
    other = fact.Gate(key=LATER, type="validation", trigger="?", heading="x", label="GATE 1")
    granted = fact.ApprovalGranted(ordinal=1, gate=other, door="terminal", next=Place("1", 1, "1", begun=True))
    shop.forge(fact.GateReached(ordinal=1, gate=other), granted, of="payment")
    _reword(shop)
    shop.forge(fact.PhaseCompleted(ordinal=1, run="r", next=BEYOND), of="payment")


def behind_a_gate_of_its_own_in_the_same_phase(shop: Signed) -> None:
    place = Place("1", 1, "1", begun=True)
    gate = shop.features()["payment"].gate
    assert gate is not None
    other = fact.Gate(key=LATER, type="validation", trigger="?", heading="x", label="GATE 1")
    shop.forge(
        fact.ApprovalRejected(ordinal=1, gate=gate.gate, why="no", place=place),
        fact.GateReached(ordinal=1, gate=other),
        fact.ApprovalGranted(ordinal=1, gate=other, door="terminal", next=replace(place, decided=(LATER,))),
        of="payment",
    )
    _reword(shop)


def begun_with_a_gate_decided_that_the_document_takes_on_later(shop: Signed) -> None:
    tip = shop.features()["payment"].tip
    assert tip is not None
    place = Place("1", 1, "1", decided=(LATER,), begun=True)
    created = fact.FeatureCreated(branch="feat/new", commit=tip, place=place)
    shop.workspace().record(lambda world: [fact.Fact(created, FeatureId("feat-new"), "1", "1", "kit")])
    _reword(shop)


def claimed_while_the_feature_had_failed(shop: Signed) -> None:
    place = Place("1", 1, "1", begun=True)
    gate = shop.features()["payment"].gate
    assert gate is not None
    other = fact.Gate(key=LATER, type="validation", trigger="?", heading="x")
    shop.forge(
        fact.ApprovalRejected(ordinal=1, gate=gate.gate, why="no", place=place),
        fact.GateReached(ordinal=1, gate=other),
        fact.ApprovalGranted(ordinal=1, gate=other, door="terminal", next=replace(place, decided=(LATER,))),
        fact.FeatureFailed(reason="x"),
        of="payment",
    )
    _reword(shop)
    shop.forge(fact.FeatureResumed(), of="payment")


def begun_while_something_else_of_the_line_waits(shop: Signed) -> None:
    shop.write("orchestrator.toml", (shop.root / "orchestrator.toml").read_text() + '\n[validate]\ncommand = "true"\n')
    begun_with_a_gate_decided_that_the_document_takes_on_later(shop)


def past_a_gate_that_came_while_something_else_of_the_line_waits(shop: Signed) -> None:
    shop.write("orchestrator.toml", (shop.root / "orchestrator.toml").read_text() + '\n[validate]\ncommand = "true"\n')
    shop.write(
        "line/add-feature-3-tell.md", "# Tell it\n\n## Phase 1: Write\n\n### GATE 3: Letter\n\nAPPROVE it? (yes/no)\n"
    )
    shop.do("run", "-j", "1")
    completed_at_once(shop)


def reached_under_the_number_of_an_earlier_phase(shop: Signed) -> None:
    reached = shop.features()["payment"].gate
    assert reached is not None
    place = Place("1", 1, "1", begun=True)
    rejected = fact.ApprovalRejected(ordinal=1, gate=reached.gate, why="no", place=place)
    shop.forge(rejected, fact.GateReached(ordinal=0, gate=reached.gate), of="payment")
    shop.approve("payment")
    shop.do("run", "-j", "1")
    shop.do("reject", "payment", "-m", "from the screens on", "--to", "1/1")
    shop.forge(fact.PhaseCompleted(ordinal=1, run="r", next=BEYOND), of="payment")


def decided_at_a_gate_that_asks_nobody(shop: Signed) -> None:
    gate = shop.features()["payment"].gate
    assert gate is not None
    place = Place("1", 1, "1", begun=True)
    other = fact.Gate(key="reported by me", type="validation", trigger="?", heading="h", reported=True)
    tip = shop.features()["payment"].tip
    shop.forge(
        fact.ApprovalRejected(ordinal=1, gate=gate.gate, why="no", place=place),
        fact.GateReached(ordinal=1, gate=other),
        fact.ApprovalGranted(ordinal=1, gate=other, door="terminal", commit=tip, next=place),
        fact.GateReached(ordinal=1, gate=gate.gate),
        of="payment",
    )


def under_the_heading_of_one_that_was_decided(shop: Signed) -> None:
    section = "### Review\n\nLook.\n\nAPPROVE it? (yes/no)\n\n"
    before = f"# T\n\n## Phase 1: A\n\na\n\n{section}## Phase 2: B\n\nb\n\n{section}## Phase 3: C\n\nc\n"
    after = (
        f"# T\n\n## Phase 1: A\n\na\n\n## Phase 2: D\n\nb\n\n{section}## Phase 3: E\n\nc\n\n## Phase 4: F\n\n{section}"
    )
    shop.write("line/add-feature-3-tell.md", before)
    shop.commit("two reviews")
    for _ in range(3):
        shop.approve("payment")
        shop.do("run", "-j", "1")
    second = shop.features()["payment"].gate
    assert second is not None
    shop.write("line/add-feature-3-tell.md", after)
    shop.workspace().take_line()
    place = Place("3", 2, "2", begun=True)
    rejected = fact.ApprovalRejected(ordinal=2, gate=second.gate, why="no", place=place)
    shop.forge(rejected, fact.PhaseCompleted(ordinal=2, next=replace(place, ordinal=3, phase="3")), of="payment")


def by_a_line_that_is_named_as_a_branch_may_be(shop: Signed) -> None:
    shop.forge(fact.LineAccepted(tree=Sha("a" * 64), changes=()))


def decided_by_a_rejection(shop: Signed) -> None:
    place = Place("1", 1, "1", decided=(LATER,), begun=True)
    gate = shop.features()["payment"].gate
    assert gate is not None
    shop.forge(fact.ApprovalRejected(ordinal=1, gate=gate.gate, why="no", place=place), of="payment")


def completed_by_an_edit(shop: Signed) -> None:
    shop.forge(fact.StateEdited(changes={"status": ["paused", "completed"]}), of="payment")


def imported_beyond_its_gates(shop: Signed) -> None:
    tip = shop.features()["payment"].tip
    assert tip is not None
    times = {"started_at": "2026-01-31T09:00:00+01:00", "updated_at": "2026-01-31T09:00:00+01:00"}
    state = {"feature": "feat-new", "branch": "feat/new", "status": "active", **times}
    imported = fact.FeatureImported(branch="feat/new", commit=tip, place=Place("3", 1, "1"), state=state)
    shop.workspace().record(lambda world: [fact.Fact(imported, FeatureId("feat-new"), "3", "1", "kit")])


def by_a_line_that_is_no_tree(shop: Signed) -> None:
    shop.forge(fact.LineAccepted(tree=Sha("\0"), changes=()))
    shop.forge(fact.LineAccepted(tree=Sha("HEAD"), changes=()))
    completed_past_the_gate(shop)


def behind_a_line_that_git_lost(shop: Signed) -> None:
    completed_past_the_gate(shop)
    shop.git("update-ref", "-d", "refs/orchestrator/line")
    shop.write("line/add-feature-3-tell.md", "# Tell it\n\n## Phase 1: Write\n\nWrite.\n")
    shop.do("run", "-j", "1")
    shop.git("gc", "--quiet", "--prune=now")


def behind_a_line_that_git_holds_falsely(shop: Signed) -> None:
    strict = (shop.root / "orchestrator.toml").read_bytes()
    name = shop.git("rev-parse", "refs/orchestrator/line:orchestrator.toml")
    shop.write("weak.toml", strict.decode().replace('"signed"', '"terminal"'))
    weak = shop.git("hash-object", "-w", "weak.toml")
    false, true = (shop.root / f".git/objects/{one[:2]}/{one[2:]}" for one in (name, weak))
    false.chmod(0o644)
    false.write_bytes(true.read_bytes())
    completed_past_the_gate(shop)


def a_revoked_signer_added_again(shop: Signed) -> None:
    second, held = make_key(shop.root.parent / "own"), Held(door="terminal", who=f"person:{PERSON}", shown=0.0)
    with shop.answered():
        shop.add_signer(second, "ana@example.com")
        signers.revoke(shop.workspace(), "ana@example.com", held)
    added = [one.payload for one in shop.log_events() if isinstance(one.payload, fact.SignerAdded)]
    shop.forge(added[-1])


def a_yes_to_a_weaker_line_used_again(shop: Signed) -> None:
    text = (shop.root / "orchestrator.toml").read_text()
    shop.write("orchestrator.toml", text.replace('"signed"', '"terminal"'))
    shop.approve("line")
    shop.write("orchestrator.toml", text)
    shop.do("note", "landing", "-m", "strict again")
    shop.workspace().take_line()
    accepted = [one.payload for one in shop.log_events() if isinstance(one.payload, fact.LineAccepted)]
    shop.forge(next(one for one in accepted if one.statement))


def begun_beyond_its_gates(shop: Signed) -> None:
    tip = shop.features()["payment"].tip
    assert tip is not None
    created = fact.FeatureCreated(branch="feat/new", commit=tip, place=Place("3", 1, "1"))
    shop.workspace().record(lambda world: [fact.Fact(created, FeatureId("feat-new"), "3", "1", "kit")])


def set_back_and_past_the_gate_again(shop: Signed) -> None:
    shop.approve("payment")
    shop.do("set", "payment", "phase", "1")
    shop.forge(fact.PhaseCompleted(ordinal=1, run="r", next=BEYOND), of="payment")


def a_rollback_undone_that_a_person_sent_back(shop: Signed) -> None:
    shop.approve("payment")
    shop.do("run", "-j", "1")
    shop.do("rollback", "payment", "--to", "1")
    shop.do("resume", "payment")
    shop.do("next", "payment")
    shop.do("reject", "payment", "-m", "not like this")
    _undo_the_rollback(shop)


def a_rollback_undone_whose_gate_a_person_took_back(shop: Signed) -> None:
    shop.approve("payment")
    shop.do("run", "-j", "1")
    shop.do("rollback", "payment", "--to", "1")
    shop.do("resume", "payment")
    shop.do("next", "payment")
    shop.approve("payment")
    approval.take_back(shop.workspace(), [FeatureId("feat-payment")], f"person:{PERSON}")
    _undo_the_rollback(shop)


def _undo_the_rollback(shop: Signed) -> None:
    feature = shop.features()["payment"]
    undo, tip = feature.undo, feature.tip
    assert undo is not None
    assert tip is not None
    shop.forge(
        fact.RollbackOrdered(
            operation="o", n=1, commit=undo.old, snapshot=tip, old=tip, moment=undo.moment, undoes=undo.operation
        ),
        fact.RollbackUndone(operation="o", undoes=undo.operation, commit=undo.old, rescue="r"),
        of="payment",
    )


def of_a_time_before_all_times(shop: Signed) -> None:
    text = shop.stated("payment")
    early = statement.read(text).issued
    _forge_signed(shop, text.replace(early, "0001-01-01T00:00:00+00:00"), shop.sign(text))


def a_lower_assurance_accepted(shop: Signed) -> None:
    shop.write("orchestrator.toml", (shop.root / "orchestrator.toml").read_text().replace('"signed"', '"terminal"'))
    shop.workspace().accept_line(("as asked",), "terminal", f"person:{PERSON}")


def a_document_without_its_gate_accepted(shop: Signed) -> None:
    shop.write("line/add-feature-1-show.md", "# Show it\n\n## Phase 1: Draw\n\nDraw.\n\n## Phase 2: File\n\nFile.\n")
    shop.workspace().accept_line((), "")


FORGERIES: dict[Callable[[Signed], None], tuple[str, str]] = {
    unsigned: ("V905", "it carries no signature"),
    stated_and_unsigned: ("V905", "it carries no signature"),
    signer_claimed: ("V905", "it carries no signature"),
    unknown_key: ("V902", "by no key that may sign"),
    another_namespace: ("V902", "namespace does not match"),
    changed_after_it_was_signed: ("V902", "incorrect signature"),
    another_answer: ("V905", "its statement says otherwise: answer"),
    another_verdict: ("V905", "its statement says otherwise: verdict"),
    another_commit: ("V905", "its statement says otherwise: commit"),
    another_features: ("V905", "its statement does not speak of that feature"),
    another_repository: ("V901", "it was made for another repository"),
    kept_for_later: ("V901", "and recorded at"),
    used_again: ("V905", "its statement was used before"),
    of_a_weaker_type: ("V905", "it carries no signature"),
    at_a_gate_reached_anew_as_another_type: ("V905", "it carries no signature"),
    completed_past_the_gate: ("V906", "went past 1 GATE 1: Screens without a signed decision"),
    decided_as_an_aside: ("V906", "went past 1 GATE 1: Screens without a signed decision"),
    edited_past_the_gate: ("V906", "without a signed decision"),
    rolled_forward: ("V906", "without a signed decision"),
    completed_at_once: ("V906", "without a signed decision"),
    a_signer_of_its_own: ("V903", "no statement says so"),
    a_signer_that_vouches_for_itself: ("V903", "by no key that may sign"),
    by_a_number_that_no_gate_waits_with: ("V905", "no such gate waited"),
    by_a_signer_that_is_only_named: ("V905", "it names a signer and no statement"),
    under_a_gate_of_its_own_that_the_document_takes_on_later: ("V906", "without a signed decision"),
    behind_a_gate_of_its_own_in_the_same_phase: ("V906", "without a signed decision"),
    begun_with_a_gate_decided_that_the_document_takes_on_later: ("V906", "without a signed decision"),
    claimed_while_the_feature_had_failed: ("V906", "without a signed decision"),
    begun_while_something_else_of_the_line_waits: ("V906", "without a signed decision"),
    past_a_gate_that_came_while_something_else_of_the_line_waits: ("V906", "GATE 3: Letter without a signed decision"),
    reached_under_the_number_of_an_earlier_phase: ("V906", "without a signed decision"),
    decided_at_a_gate_that_asks_nobody: ("V905", "nobody is asked at a validation gate"),
    under_the_heading_of_one_that_was_decided: ("V906", "3 Review without a signed decision"),
    by_a_line_that_is_named_as_a_branch_may_be: ("V904", "names no tree"),
    decided_by_a_rejection: ("V906", "without a signed decision"),
    completed_by_an_edit: ("V906", "without a signed decision"),
    imported_beyond_its_gates: ("V906", "without a signed decision"),
    by_a_line_that_is_no_tree: ("V904", "names no tree"),
    behind_a_line_that_git_lost: ("V904", "is gone from git"),
    behind_a_line_that_git_holds_falsely: ("V904", "is gone from git"),
    a_revoked_signer_added_again: ("V903", "no statement says so"),
    a_yes_to_a_weaker_line_used_again: ("V904", "need a signature no longer"),
    begun_beyond_its_gates: ("V906", "without a signed decision"),
    set_back_and_past_the_gate_again: ("V906", "without a signed decision"),
    a_rollback_undone_that_a_person_sent_back: ("V906", "without a signed decision"),
    a_rollback_undone_whose_gate_a_person_took_back: ("V906", "without a signed decision"),
    of_a_time_before_all_times: ("V901", "its times cannot be read"),
    the_signer_revoked: ("V903", "no statement says so"),
    a_lower_assurance_accepted: ("V904", "need a signature no longer"),
    a_document_without_its_gate_accepted: ("V904", "the human gate"),
}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda one: one.__name__.replace("_", " "))
def test_verify_refuses_what_is_forged_into_the_log(shop: Signed, forge: Callable[[Signed], None]) -> None:
    forge(shop)
    id_, words = FORGERIES[forge]
    found = shop.objections()
    assert words in found.get(id_, ""), found
    assert shop.inside("verify")[0] == 1


def test_an_event_that_fits_nothing_before_it_is_named_and_stops_nobody_with_a_traceback(shop: Signed) -> None:
    odd = fact.FeatureImported(branch="b", commit=Sha("a" * 40), place=Place("1", 1, "1"), state={})
    with pytest.raises(BrokenLog):
        shop.workspace().record(lambda world: [fact.Fact(odd, FeatureId("feat-odd"), "1", "1", "kit")])
    for words in (["status"], ["verify"], ["approve", "--show", "1"]):
        status, out, err = shop.inside(*words)
        assert (status, "this is a bug" in out + err, "does not fit what came before it" in out + err) == (
            1,
            False,
            True,
        )


def test_a_gate_that_borrows_the_name_of_another_is_not_offered_to_be_signed(shop: Signed) -> None:
    shop.do("reject", "payment", "-m", "no")
    borrowed = fact.Gate(
        key="GATE 1: Screens", type="human", trigger="May I look it up?", heading="A look", reported=True
    )
    shop.forge(fact.GateReached(ordinal=1, gate=borrowed), of="payment", actor="kit")
    assert "payment waits at a gate that the kit did not reach so" in shop.inside("approve", "--show", "landing")[2]
    assert shop.inside("approve", "--show", "payment")[0] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"key": LATER, "heading": "Blue", "trigger": "Shall the button be blue?"},
        {"condition": "if there is a migration"},
        {"trigger": "Shall the button be blue?"},
    ],
)
def test_a_gate_of_no_line_is_not_offered_to_be_signed(shop: Signed, changes: dict[str, str]) -> None:
    gate = shop.features()["payment"].gate
    assert gate is not None
    shop.do("reject", "payment", "-m", "no")
    shop.forge(fact.GateReached(ordinal=1, gate=replace(gate.gate, **changes)), of="payment", actor="kit")
    assert "payment waits at a gate that the kit did not reach so" in shop.inside("approve", "--show", "landing")[2]
    assert shop.inside("approve", "--show", "payment")[0] == 1


def test_an_imported_gate_that_borrows_the_name_of_one_is_not_offered_to_be_signed(shop: Signed) -> None:
    tip = shop.features()["payment"].tip
    assert tip is not None
    shop.git("branch", "feat/new", "feat/payment")
    borrowed = fact.Gate(key="GATE 1: Screens", type="human", trigger="Blue?", heading="Blue or green", reported=True)
    times = {"started_at": "2026-01-31T09:00:00+01:00", "updated_at": "2026-01-31T09:00:00+01:00"}
    state = {"feature": "feat-new", "branch": "feat/new", "status": "paused", **times}
    imported = fact.FeatureImported(branch="feat/new", commit=tip, place=Place("1", 1, "1"), state=state, gate=borrowed)
    shop.workspace().record(lambda world: [fact.Fact(imported, FeatureId("feat-new"), "1", "1", "kit")])
    assert "new waits at a gate that the kit did not reach so" in shop.inside("approve", "--show", "landing")[2]


def test_a_gate_whose_heading_was_reworded_after_it_was_reached_is_offered_as_it_was(shop: Signed) -> None:
    _reword(shop)
    shown = shop.inside("approve", "--show", "payment")[1]
    assert "Show both screens." in shown
    assert "its document has no such gate any more" in shown
    assert shop.approve("payment") == []
    assert shop.inside("verify")[0] == 0


def test_ids_of_many_digits_are_behind_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    shop = founded(tmp_path / "shop", env, "payment", line={f"20260131{id_}": text for id_, text in LINE.items()})
    gate = shop.features()["payment"].gate
    assert gate is not None
    place = Place(shop.features()["payment"].place.workflow, 1, "1", begun=True)
    rejected = fact.ApprovalRejected(ordinal=1, gate=gate.gate, why="no", place=place)
    shop.forge(rejected, fact.FeatureCompleted(), of="payment")
    assert "without a signed decision" in shop.objections()["V906"]


def test_a_state_file_that_stands_beyond_signed_gates_is_not_imported(shop: Signed) -> None:
    shop.git("branch", "feat/new", "main")
    state = shop.state("payment")
    state |= {"feature": "feat-new", "branch": "feat/new", "current_workflow": "3", "current_phase": "1", "gate": None}
    state |= {"status": "active", "workflows_completed": ["1", "2"]}
    for name in ("event", "version"):
        state.pop(name, None)
    shop.state_file("new").write_text(json.dumps(state))
    assert "it stands beyond 1 GATE 1: Screens, which takes a signature" in shop.inside("status")[2]
    assert "new" not in shop.features()


def test_an_agent_with_a_terminal_and_a_key_of_its_own_gets_no_approval_recorded(shop: Signed) -> None:
    own = make_key(shop.root.parent / "own", "its own")
    child = pexpect.spawn(
        str(PROGRAM), ["approve", "--key", str(own)], cwd=shop.root, env=shop.env, encoding="utf-8", timeout=30
    )
    child.expect_exact("anything else approves nothing: ")
    child.sendline("APPROVE ALL")
    child.expect("passphrase")
    child.sendline("its own")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert "by no key that may sign" in str(child.before)
    assert shop.events("approval_granted") == []


def test_what_changed_while_the_person_typed_the_passphrase_records_nothing(shop: Signed) -> None:
    note = shop.worktree("payment") / ".context/feat-payment_decisions.md"
    with shop.answered():
        script = Path(os.environ["SSH_ASKPASS"])
        script.write_text(script.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\necho more >>'{note}'\n"))
        with pytest.raises(Refusal, match=r"while it was signed, payment was not approved: .* \(context\)"):
            _approve_as_it_comes(shop)
    assert shop.events("approval_granted") == []
    assert len(shop.events("sitting_held")) == 1  # the signer's


def test_a_key_that_does_not_ask_is_refused(shop: Signed) -> None:
    bare = make_key(shop.root.parent / "bare", "")
    with shop.answered(), pytest.raises(Refusal, match="has no passphrase"):
        shop.add_signer(bare, "ana@example.com")
    with shop.answered(), pytest.raises(Refusal, match="has no passphrase"):
        shop.add_signer(bare.with_suffix(".pub"), "ana@example.com")
    with pytest.raises(Refusal, match="has no passphrase"):
        shop.approve(key=bare)


def test_the_only_signer_is_not_revoked(shop: Signed) -> None:
    held = Held(door="terminal", who=f"person:{PERSON}", shown=0.0)
    with shop.answered(), pytest.raises(Refusal, match="that is the only signer"):
        signers.revoke(shop.workspace(), PERSON, held)
    assert shop.events("signer_revoked") == []


def test_a_key_that_lies_open_in_ssh_agent_is_warned_of(shop: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = f"/tmp/orchestrator-{os.getpid()}.sock"  # a socket's path is short
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not Path(socket).exists():
            assert agent.poll() is None
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        workspace = shop.workspace()
        assert not signing.is_loaded(workspace.world.signers[0].key)
        with shop.answered():
            subprocess.run(["ssh-add", "-q", str(shop.key)], check=True, stdin=subprocess.DEVNULL)
            stated = approval.signed(workspace, shop.stated("payment"))
    finally:
        agent.terminate()
        agent.wait()
    assert stated.signer == PERSON
    assert "loaded in ssh-agent" in workspace.notices[-1]


def test_a_lower_assurance_waits_for_a_signed_yes_also_while_no_feature_is_open(shop: Signed) -> None:
    text = (shop.root / "orchestrator.toml").read_text()
    for name in ("payment", "landing"):
        shop.do("reject", name, "-m", "no")
        shop.do("set", name, "status", "failed")
    shop.write("orchestrator.toml", text.replace('"signed"', '"terminal"'))
    for name in ("payment", "landing"):
        shop.do("resume", name)
    shop.do("run", "-j", "1")
    assert shop.workspace().signed == {"human", "deploy"}
    with pytest.raises(Refusal, match="nothing was signed"), shop.answered("a guess"):
        _approve_as_it_comes(shop)
    assert shop.approve("payment", "line") == []
    assert shop.workspace().signed == frozenset()
    assert shop.objections() == {}


def test_the_log_begun_anew_with_a_signer_of_its_own_is_believed_and_the_signers_show_it(shop: Signed) -> None:
    """What passes level 2, as docs/gates.md says: only a list of signers kept elsewhere tells."""
    before = shop.do("signers", "list")
    for name in (".git/orchestrator", ".context"):
        (shop.root / name).rename(shop.root.parent / name.replace("/", "-"))
    key = make_key(shop.root.parent / "own", "its own")
    with shop.answered("its own"):
        shop.add_signer(key)
    assert shop.objections() == {}
    after = shop.do("signers", "list")
    assert after.split()[0] == before.split()[0] == PERSON
    assert after != before


def _reword(shop: Signed) -> None:
    path = shop.root / "line/add-feature-1-show.md"
    path.write_text(path.read_text().replace("GATE 1: Screens", LATER))
    shop.workspace().take_line()


def _approve_as_it_comes(shop: Signed) -> None:
    from orchestrator import session, sitting

    workspace = shop.workspace()
    rows = sitting.waiting(workspace, ())
    held = Held(door="terminal", who=session.caller(workspace), shown=1.0)
    approval.record(workspace, sitting.understand("APPROVE ALL", rows, ""), held)


def _forge_signed(shop: Signed, text: str, signature: str, **changes: object) -> None:
    held = SittingHeld(statement=text, door="terminal", signature=signature, signer=PERSON)
    shop.forge(held, shop.granted("payment", text, **changes), of="payment")


def _own_key(shop: Signed) -> str:
    from orchestrator.adapters import signing

    return signing.public_key(make_key(shop.root.parent / "own", ""))


def _statement(shop: Signed, name: str) -> str:
    from orchestrator.adapters import signing
    from orchestrator.workspace import now

    key = signing.public_key(shop.root.parent / "own")
    item = SignerItem(action="add", name=name, key=key)
    return statement.state(shop.workspace().identity, f"person:{name}", "n", now(), signer=item)


def test_a_line_that_was_read_again_since_it_was_shown_is_not_signed_under_its_old_words(shop: Signed) -> None:
    shop.write("orchestrator.toml", f'{CONFIGURATION}{SIGNED}\n[validate]\ncommand = "true"\n')
    workspace = shop.workspace()
    workspace.take_line()
    rows = sitting.waiting(workspace, ())
    assert rows[-1].change == ("orchestrator.toml: [validate] changed: none (3 attempts) -> true (3 attempts)",)
    decided = sitting.understand("line", rows, "")
    shop.write("orchestrator.toml", f'{CONFIGURATION}\n[validate]\ncommand = "true"\n')
    workspace.refresh_line()  # what any of the looks in between may do
    held = Held(door="terminal", who=session.caller(workspace), shown=1.0)
    with shop.answered(), pytest.raises(Refusal, match="the line changed again since it was shown"):
        approval.record(workspace, decided, held)


def test_where_any_gate_takes_a_signature_every_gate_counts_from_what_was_signed(
    tmp_path: Path, env: dict[str, str]
) -> None:
    more = '\n[gates]\nassurance = { deploy = "signed" }\n[gates.types]\n"2: GATE 2" = "human"\n'
    kit = signed.unsigned(tmp_path / "shop", env, "payment", more=more)
    kit.write_in("payment", "early.txt", "early\n")
    kit.do("status")
    assert kit.approve("payment") == []  # by anybody who can write to the log
    kit.do("run", "-j", "1")
    assert "early.txt" in kit.inside("approve", "--show", "payment")[1]


def _rewrite(path: Path, change: Callable[[Any], None]) -> None:
    """Write what the kit keeps beside the log anew, checksum and all, as any process of the same user can."""
    found = json.loads(path.read_bytes().partition(b"\n")[2])
    change(found)
    content = json.dumps(found).encode()
    path.write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)


def test_how_documents_were_read_is_not_believed_where_a_gate_is_shown(shop: Signed) -> None:
    def reword(kept: Any) -> None:
        for document in kept["documents"].values():
            for gate in document["gates"]:
                gate["heading"], gate["trigger"] = "Pick a colour", "Is blue fine for the sketch? (yes/no)"

    shop.do("start", "search")
    _rewrite(shop.root / ".git/orchestrator/line.json", reword)
    shop.do("run", "-j", "1")
    assert shop.features()["search"].gate.gate.heading == "Pick a colour"
    _, shown, said = shop.inside("approve", "--show", "search")
    assert "Pick a colour" not in shown
    assert "search waits at a gate that the kit did not reach so; it is not offered" in said


def test_a_kept_fold_is_not_believed_where_signers_are_listed(shop: Signed) -> None:
    own = make_key(shop.root.parent / "own")
    before = shop.do("signers", "list", "--ssh")
    shop.do("status")

    def put(kept: Any) -> None:
        kept["world"]["signers"] = [{"name": PERSON, "key": signing.public_key(own)}]

    _rewrite(shop.root / ".git/orchestrator/fold.json", put)
    assert shop.workspace().world.signers[0].key == signing.public_key(own)  # others believe it: it decides nothing
    assert shop.do("signers", "list", "--ssh") == before


def test_a_key_is_added_only_if_it_can_sign_itself_and_is_shown_before(shop: Signed) -> None:
    second, own = make_key(shop.root.parent / "second"), make_key(shop.root.parent / "own", "its own")
    second.with_suffix(".pub").write_bytes(own.with_suffix(".pub").read_bytes())
    with shop.answered(), pytest.raises(Refusal, match="nothing was"):
        shop.add_signer(second, "ana@example.com")
    assert len(shop.workspace().world.signers) == 1
    env = {**shop.env, **answering(shop.root.parent)}
    child = pexpect.spawn(str(PROGRAM), ["signers", "add", str(own) + ".pub"], cwd=shop.root, env=env, encoding="utf-8")
    child.expect(pexpect.EOF)
    words = ["ssh-keygen", "-lf", str(own)]
    name = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[1]
    assert f"to be added: {PERSON}, {name}\r\n  {signing.public_key(own)}" in str(child.before)


TOLD = (
    "# Tell it\n\n## Phase 1: Write\n\nWrite.\n\n### GATE 3: Letter\n\nAPPROVE the letter to the customers? (yes/no)\n"
)
WAITING = {  # what an agent changes in orchestrator.toml; "" renames a document
    "skip": ("[workflows]\n", '[workflows]\nskip = ["1"]\n'),
    "none": (SIGNED, f'{SIGNED}[gates.types]\n"1: GATE 1" = "none"\n'),
    "alias": ("", ""),
    "types": (SIGNED, f'{SIGNED}[gates.types]\n"3: Letter" = "human"\n[validate]\ncommand = "true"\n'),
}


@pytest.mark.parametrize("how", WAITING)
def test_what_waits_for_a_yes_keeps_no_new_stop_from_being_looked_after(shop: Signed, how: str) -> None:
    old, new = WAITING[how]
    shop.write("orchestrator.toml", (shop.root / "orchestrator.toml").read_text().replace(old, new))
    if how == "alias":
        (shop.root / "line/add-feature-1-show.md").rename(shop.root / "line/add-feature-01-show.md")
    text = "# Tell it\n\n## Phase 1: Write\n\nWrite.\n\n### Letter\n\nIt lies there.\n" if how == "types" else TOLD
    shop.write("line/add-feature-3-tell.md", text)
    shop.do("status")
    workspace = shop.workspace()
    assert workspace.effective.pending
    workspace.take_line()
    kept = documents.reading(documents.accepted_source(workspace.git, shop.workspace().world.line or Sha("")))
    is_kept = any("Letter" in gate.key and gate.stops for gate in kept.line.documents[-1].gates)
    refused = shop.inside("run", "-j", "1")[2]
    assert is_kept != ("keeps a stop from being accepted" in refused), refused


def test_a_ref_whose_name_breaks_lines_elsewhere_stops_neither_verify_nor_a_push(shop: Signed) -> None:
    shop.git("update-ref", "refs/orchestrator/approvals/x\u2028y", "HEAD")
    assert shop.objections() == {}
    assert shop.workspace().git.refs("refs/orchestrator/approvals/") != {}

"""What a gate keeps for the person, what a decision is bound to, and how long it can be taken back."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pexpect
import pytest

from orchestrator import approval, session, sitting
from orchestrator.adapters.warden import is_usable
from orchestrator.approval import Held, Outcome
from orchestrator.core.events import SittingHeld
from orchestrator.sitting import Row
from orchestrator.workspace import Workspace
from tests.conftest import PROGRAM
from tests.kit import commit_seed, copied
from tests.signed import PERSON, Signed, unsigned

SAID = '{"orchestrator": {"outcome": "ok", "evidence": ["shots/a.png", "../../secret", "pipe", "a\\n  9  fake"], "note": "drawn\\u001b[2J"}}'
AGENT = f"""\
cat >/dev/null
mkdir -p shots
printf 'picture of %s' "$ORCHESTRATOR_FEATURE" >shots/a.png
printf 'new' >shots/b.png
[ -e pipe ] || mkfifo pipe
echo pipe >>"$(git rev-parse --git-common-dir)/info/exclude"
echo "$ORCHESTRATOR_WORKFLOW $ORCHESTRATOR_PHASE" >>"work-$ORCHESTRATOR_FEATURE.txt"
echo decided >>"$ORCHESTRATOR_CONTEXT/feat-${{ORCHESTRATOR_FEATURE}}_decisions.md"
printf '%s\\n' '{SAID}'
"""
MORE = '[validate]\ncommand = "echo checked"\n[gates]\nevidence = ["shots/*.png"]\n'
NAMES = ("payment", "landing")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """Two features at their first gate, with files to look at; and where they were made."""
    base = tmp_path_factory.mktemp("evidence")
    unsigned(base / "place/shop", env, *NAMES, agent=AGENT, more=MORE)
    (base / "place/secret").write_text("not the feature's\n")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


@pytest.fixture
def shop(seeds: tuple[Path, Path], env: dict[str, str]) -> Signed:
    source, place = seeds
    copied(source, place)
    return Signed(place / "shop", env)


def yes(workspace: Workspace, rows: list[Row], line: str = "APPROVE ALL") -> Outcome:
    """Answer the question about rows that were shown before."""
    held = Held(door="terminal", who=session.caller(workspace), shown=1.0)
    return approval.record(workspace, sitting.understand(line, rows, ""), held)


# --- kept ------------------------------------------------------------------------------------------


def test_what_speaks_for_a_decision_is_hashed_when_the_gate_is_reached(shop: Signed) -> None:
    reached = shop.events("gate_reached")[0]["payload"]
    kept = reached["evidence"]
    commit = shop.git("rev-parse", "feat/payment")
    assert (reached["commit"], kept["tree"]) == (commit, shop.git("rev-parse", f"{commit}^{{tree}}"))
    assert kept["base"] == shop.git("rev-parse", "main")
    assert kept["document"] == sha256((shop.root / "line/add-feature-1-show.md").read_bytes()).hexdigest()
    assert kept["section"].startswith("### GATE 1: Screens\n")
    assert [(one["path"], one.get("sha256", ""), one.get("why", "")) for one in kept["files"]] == [
        ("shots/a.png", sha256(b"picture of payment").hexdigest(), ""),
        ("../../secret", "", "it lies outside the feature's worktree"),
        ("pipe", "", "it is no plain file"),
        ("a\n  9  fake", "", "it is not there"),
        ("shots/b.png", sha256(b"new").hexdigest(), ""),
    ]
    checked = reached["checked"]
    assert (checked["command"], checked["exit"], checked["tail"]) == ("echo checked", 0, "checked")
    assert (checked["where"], checked["tree"]) == (str(shop.worktree("payment")), kept["tree"])


def test_one_gate_is_shown_whole_to_whoever_looks_and_nothing_is_decided(shop: Signed) -> None:
    before = (shop.root / ".git/orchestrator/events.jsonl").read_bytes()
    out = shop.run("approve", "--show", "payment", AI_AGENT="x")
    rows, again = out.splitlines(), shop.run("approve", "--show", "1").splitlines()
    assert rows[:1] + rows[2:] == again[:1] + again[2:]  # the second one says how long ago
    assert rows[0] == "payment  1  GATE 1: Screens"
    place = shop.worktree("payment")
    digest = sha256(b"picture of payment").hexdigest()[:16]
    for row in (
        "  - [ ] both drawn",
        "  commits: 1 (3 files +3 -0)",
        "  `echo checked` exit 0, 0.0 s",
        "  | checked",
        f"  {place}/shots/a.png  (18 bytes, sha256 {digest})",
        "  ../../secret  (it lies outside the feature's worktree)",
        "  a 9 fake  (it is not there)",
        "  > drawn",
    ):
        assert row in rows
    assert "not the feature's" not in out
    assert "\x1b" not in out
    assert (shop.root / ".git/orchestrator/events.jsonl").read_bytes() == before


def test_what_is_shown_short_names_what_is_not_as_it_was(shop: Signed) -> None:
    (shop.worktree("payment") / "shots/a.png").write_text("another picture")
    (shop.worktree("payment") / "shots/b.png").unlink()
    shown = shop.sit("", "payment")
    assert "but: file shots/a.png: it changed since the gate was reached; file shots/b.png: it is not there; " in shown
    assert "checklist of 1" in shown


def test_context_files_that_changed_since_the_gate_was_reached_are_named(shop: Signed) -> None:
    said = "its context files changed since the gate was reached"
    assert said not in shop.sit("", "payment")
    note = shop.worktree("payment") / ".context/feat-payment_decisions.md"
    note.write_text(note.read_text() + "and this too\n")
    assert f"but: {said}" in shop.sit("", "payment")
    assert said not in shop.sit("", "landing")


def test_a_file_that_is_too_large_is_named_with_its_size_and_not_read(shop: Signed) -> None:
    with (shop.worktree("payment") / "shots/a.png").open("wb") as file:
        file.truncate((256 << 20) + 1)
    assert "file shots/a.png: too large to be hashed, 268435457 bytes written 20" in shop.sit("", "payment")


def test_five_gates_fit_on_one_screen_and_one_line_decides_them(shop: Signed) -> None:
    for name in ("login", "search", "basket"):
        shop.do("start", name)
    shop.do("run", "-j", "1")
    child = pexpect.spawn(
        str(PROGRAM),
        ["approve"],
        cwd=shop.root,
        env={**shop.env, "COLUMNS": "80"},
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 80),
    )
    child.expect_exact("anything else approves nothing: ")
    assert len(_rows(str(child.before), 80)) <= 24
    child.sendline("APPROVE ALL")
    child.expect(pexpect.EOF)
    assert len(shop.events("approval_granted")) == 5


# --- bound -----------------------------------------------------------------------------------------


def commits(shop: Signed, name: str) -> None:
    shop.write_in(name, "late.txt", "late\n")


def edits_a_note(shop: Signed, name: str) -> None:
    with (shop.worktree(name) / f".context/feat-{name}_decisions.md").open("a") as file:
        file.write("and one more\n")


def paints_over(shop: Signed, name: str) -> None:
    (shop.worktree(name) / "shots/a.png").write_text("another picture")


def notes(shop: Signed, name: str) -> None:
    shop.do("note", name, "-m", "the tests were red")


def rejects(shop: Signed, name: str) -> None:
    shop.do("reject", name, "-m", "no")


def reaches_again(shop: Signed, name: str) -> None:
    shop.do("reject", name, "-m", "no")
    shop.do("next", name)


def rolls_back(shop: Signed, name: str) -> None:
    shop.do("rollback", name)


def moves_the_branch(shop: Signed, name: str) -> None:
    shop.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "another", cwd=shop.worktree(name))


def rewords(shop: Signed, name: str) -> None:
    path = shop.root / "line/add-feature-1-show.md"
    path.write_text(path.read_text().replace("Show both screens.", "Show both screens, large."))


CHANGES: dict[Callable[[Signed, str], None], str] = {
    commits: "commit",
    edits_a_note: "context",
    paints_over: "evidence",
    notes: "head",
    rejects: "reached",
    reaches_again: "reached",
    rolls_back: "reached",
    moves_the_branch: "commit",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__.replace("_", " "))
def test_what_changed_since_it_was_shown_is_refused_alone_and_the_field_is_named(
    shop: Signed, change: Callable[[Signed, str], None]
) -> None:
    workspace = shop.workspace()
    rows = sitting.waiting(workspace, ())
    change(shop, "payment")
    outcome = yes(workspace, rows)
    assert outcome.approved == ("landing",)
    assert [one.rpartition(" (")[2] for one in outcome.refused] == [f"{CHANGES[change]})"], outcome.refused
    assert [one["feature"] for one in shop.events("approval_granted")] == ["feat-landing"]


def test_a_document_that_changed_since_it_was_shown_refuses_all_its_gates(shop: Signed) -> None:
    workspace = shop.workspace()
    rows = sitting.waiting(workspace, ())
    rewords(shop, "")
    outcome = yes(workspace, rows)
    assert [one.rpartition(" (")[2] for one in outcome.refused] == ["document)", "document)"]
    assert shop.events("approval_granted") == []


def test_in_any_order_of_things_exactly_what_is_as_it_was_shown_is_approved(
    seeds: tuple[Path, Path], env: dict[str, str]
) -> None:
    """Random interleavings; the seed moves with the commit. `make concurrency` has races of real processes besides."""
    source, place = seeds
    chance = random.Random(commit_seed())
    for _ in range(int(os.environ.get("INTERLEAVINGS", "100"))):
        copied(source, place)
        shop = Signed(place / "shop", env)
        workspace = shop.workspace()
        rows = sitting.waiting(workspace, ())
        touched = set()
        for _ in range(chance.randint(0, 2)):
            name = chance.choice(NAMES)
            one = chance.choice([commits, edits_a_note, paints_over, moves_the_branch])
            one(shop, name)
            touched.add(name)
        line = chance.choice(["APPROVE ALL", "1", "landing", "2 = the left one"])
        asked = {"APPROVE ALL": set(NAMES), "1": {"payment"}}.get(line, {"landing"})
        outcome = yes(workspace, rows, line)
        assert set(outcome.approved) == asked - touched
        granted = {one["feature"].removeprefix("feat-") for one in shop.events("approval_granted")}
        assert granted == asked - touched


# --- taken back ------------------------------------------------------------------------------------


def test_the_last_sitting_is_taken_back_on_a_terminal_until_a_feature_has_gone_on(shop: Signed) -> None:
    yes(shop.workspace(), sitting.waiting(shop.workspace(), ()))
    out, status = _terminal(shop, "approve", "--undo")
    assert (status, "taken back: payment, landing" in out) == (0, True)
    assert [one.gate is not None for one in shop.features().values()] == [True, True]
    yes(shop.workspace(), sitting.waiting(shop.workspace(), ()))
    shop.do("next", "payment")
    out, status = _terminal(shop, "approve", "--undo", "payment")
    assert (status, "it has gone on since" in out) == (1, True)
    assert shop.inside("approve", "--undo", "landing")[0] == 1  # no terminal


def test_an_amended_commit_voids_its_approval_and_the_gate_waits_again(shop: Signed) -> None:
    yes(shop.workspace(), sitting.waiting(shop.workspace(), ()))
    moves_the_branch(shop, "payment")
    assert "payment: its approval is void" in shop.inside("status")[2]
    assert {one.slug: one.gate is not None for one in shop.features().values()} == {"payment": True, "landing": False}
    undone = shop.events("approval_undone")
    assert [(one["feature"], one["payload"]["voided"], one["actor"]) for one in undone] == [
        ("feat-payment", True, "kit")
    ]


def test_deploy_gates_stay_out_of_approve_all_where_the_batch_says_so(shop: Signed) -> None:
    text = (shop.root / "orchestrator.toml").read_text()
    shop.write("orchestrator.toml", text + 'batch = ["human"]\n')
    shop.commit("deploy gates by name only")
    yes(shop.workspace(), sitting.waiting(shop.workspace(), ()), "payment")
    shop.do("run", "-j", "1")
    shown = shop.sit("APPROVE ALL")
    assert "APPROVE ALL approves the 1 shown, 2 by number or name only" in " ".join(shown.split())
    assert [one["feature"] for one in shop.events("approval_granted")] == ["feat-payment", "feat-landing"]
    assert "approved: payment" in shop.sit("payment")


# --- who decides -----------------------------------------------------------------------------------

TAKES_OFF_ITS_MARKERS = """\
import os, pty, sys
kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR_", "AI_AGENT"))}
if kept != os.environ:
    os.execve(sys.executable, [sys.executable, *sys.argv], kept)
if "below" not in sys.argv and os.fork():
    os.wait()
    sys.exit()
if "below" not in sys.argv:
    os.setsid()
    if os.fork():
        os._exit(0)
if "kills" in sys.argv:
    os.kill(int(sys.argv[4]), 9)
said = open(sys.argv[1], "wb", buffering=0)
def read(fd):
    got = os.read(fd, 4096)
    said.write(got)
    if b"approves nothing: " in got:
        os.write(fd, b"APPROVE ALL\\n")
    return got
pty.spawn([sys.argv[2], "approve", "landing"], read, lambda fd: b"")
open(sys.argv[1] + ".end", "w").close()
"""


KEPT = is_usable()  # by a warden, on Linux
PASSES = "kills" if KEPT else "away"


@pytest.mark.parametrize("how", ["below", "away", *(["kills"] if KEPT else [])])
def test_an_agent_without_its_markers_is_known_by_what_runs_above_it_and_passes_level_0_where_it_left_that(
    shop: Signed, how: str
) -> None:
    """The last is the known bypass of level 0 that docs/gates.md names: a terminal of its own, no parent in the run."""
    script, said = shop.root.parent / "forger.py", shop.root.parent / "said"
    script.write_text(TAKES_OFF_ITS_MARKERS)
    end = f"{said}.end"
    (shop.worktree("payment") / "agent.sh").write_text(
        f"cat >/dev/null\npython3 {script} {said} {PROGRAM} {how} $PPID </dev/null >/dev/null 2>&1\n"
        f"for _ in $(seq 200); do [ -e {end} ] && break; sleep 0.05; done\necho x >>work.txt\n",
    )
    shop.do("reject", "payment", "-m", "again")
    shop.do("next", "payment")
    subprocess.run(["sh", "-c", f"for _ in $(seq 200); do [ -e {end} ] && break; sleep 0.05; done"], check=True)
    granted = shop.events("approval_granted")
    assert len(granted) == (how == PASSES), said.read_text()
    assert {one["actor"] for one in granted} <= {f"person:{PERSON}"}
    if how != PASSES:
        assert "this was started by a run's agent" in said.read_text()


def test_without_signatures_an_approval_written_into_the_log_with_a_valid_chain_is_not_noticed(shop: Signed) -> None:
    """The known bypass of level 1 that docs/gates.md names; `test_signed_gates.py` has the same with a key."""
    text = shop.stated("payment")
    shop.forge(SittingHeld(statement=text, door="terminal"), shop.granted("payment", text, signer=""), of="payment")
    assert shop.features()["payment"].gate is None
    assert shop.objections() == {}


def _rows(text: str, width: int) -> list[str]:
    """Return a text as the rows that a terminal of this width shows."""
    lines = text.replace("\r", "").split("\n")
    return [line[at : at + width] for line in lines for at in range(0, max(len(line), 1), width)]


def _terminal(shop: Signed, *words: str) -> tuple[str, int]:
    out, status = pexpect.run(
        f"{PROGRAM} {' '.join(words)}", cwd=shop.root, env=shop.env, withexitstatus=True, encoding="utf-8"
    )
    return str(out), int(status)

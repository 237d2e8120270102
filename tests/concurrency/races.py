"""Named interleavings: two real processes at once in one repository, and what must hold whoever comes first.

Each returns what does not hold; an empty list is what is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.core.events import ApprovalGranted
from orchestrator.core.state import World, fold
from orchestrator.core.values import FeatureId
from orchestrator.workspace import Workspace, event
from tests.concurrency.arena import Arena, Git, blob, refusal

Race = Callable[[Arena], list[str]]
End = dict[str, Any]
PAYMENT = FeatureId("feat-payment")
START = ["start", "payment"]
NAMES = ("payment", "landing")
STEP = ["next", "payment"]
TO_THE_GATE = (START, STEP, STEP)


def approve_against_rollback(arena: Arena) -> list[str]:
    """What is approved is exactly what was shown, and nothing is approved that a rollback has begun to take away."""
    shown = arena.first.play(["show"])["shown"]
    yes, back = arena.race((arena.first, ["yes"]), (arena.second, ["rollback", "payment", "--to", "1"]))
    granted = _granted(arena)
    found = _not_as_shown(arena, shown)
    if (yes["status"] == 0) != (granted == 1):
        found.append(f"said {yes}, recorded {granted} approvals")
    found += _one_line(yes, back)
    if back["status"] == 0 and arena.kit.feature("payment").gate is not None:
        found.append("rolled back, and still at the gate")
    return found


def two_approves(arena: Arena) -> list[str]:
    """One gate is approved once; the other is told that it is not waiting any more."""
    shown = arena.first.play(["show"])["shown"]
    arena.second.play(["show"])
    ends = arena.race((arena.first, ["yes"]), (arena.second, ["yes"]))
    found = _not_as_shown(arena, shown) + _one_line(*ends)
    if _granted(arena) != 1 or sorted(one["status"] for one in ends) != [0, 1]:
        found.append(f"{_granted(arena)} approvals, {ends}")
    return found


def reject_against_approve(arena: Arena) -> list[str]:
    """Of two decisions one counts."""
    shown = arena.first.play(["show"])["shown"]
    ends = arena.race((arena.first, ["yes"]), (arena.second, ["reject", "payment", "-m", "no"]))
    decided = _granted(arena) + len(arena.kit.events("approval_rejected"))
    found = _not_as_shown(arena, shown) + _one_line(*ends)
    if decided != 1 or sorted(one["status"] for one in ends) != [0, 1]:
        found.append(f"{decided} decisions, {ends}")
    return found


def commit_during_rollback(arena: Arena) -> list[str]:
    """A commit made while a rollback runs is there, or was refused by git; its bytes are not lost."""
    tree = arena.kit.worktree("payment")
    (tree / "mine.txt").write_text("mine\n")
    git = Git(arena.kit, tree)
    _, back = arena.race(
        (git, ["commit", "-qam", "mine", "--allow-empty"]), (arena.second, ["rollback", "payment", "--to", "1"])
    )
    found = _one_line(back)
    look = Git(arena.kit, arena.kit.root)
    look.begin(["cat-file", "-e", blob(b"mine\n")])
    if look.end()["status"] != 0 and not (tree / "mine.txt").exists():
        found.append("what was written is nowhere")
    return found


def gc_during_drain(arena: Arena) -> list[str]:
    """A commit is recorded, whole, while git collects garbage; not `--prune=now`, which takes what is being written."""
    head = _committed(arena, "off")
    gc, looked = arena.race((Git(arena.kit, arena.kit.root), ["gc", "--quiet"]), (arena.second, ["status"]))
    found = _recorded_once(arena, [head])
    if gc["status"] or looked["status"]:
        found.append(f"{gc}, {looked}")
    return found


def commit_while_the_drain_reads(arena: Arena) -> list[str]:
    """Each commit is one checkpoint, whichever command records it."""
    head = _committed(arena, "off")
    git = Git(arena.kit, arena.kit.worktree("payment"))
    made, looked = arena.race((git, ["commit", "-qm", "by the agent", "--allow-empty"]), (arena.second, ["status"]))
    found = [] if made["status"] == 0 == looked["status"] else [f"{made}, {looked}"]
    arena.first.play(["status"])
    tip = arena.kit.git("rev-parse", "feat/payment")
    return found + _recorded_once(arena, [head, tip])


def worktree_add_twice(arena: Arena) -> list[str]:
    """Two features get their worktrees at the same time."""
    ends = arena.race((arena.first, STEP), (arena.second, ["next", "landing"]))
    found = [f"{one}" for one in ends if one["status"] != 0 or "passed" not in one["out"]]
    there = {name: arena.kit.git("branch", "--show-current", cwd=arena.kit.worktree(name)) for name in NAMES}
    return found + [f"the worktree of {name} is on {branch}" for name, branch in there.items() if branch[5:] != name]


def one_worktree_twice(arena: Arena) -> list[str]:
    """Two commands want the same first step: one does it, the other is told who does, or does the next one."""
    ends = arena.race((arena.first, STEP), (arena.second, STEP))
    found = [] if any(one["status"] == 0 for one in ends) else [f"nobody did it: {ends}"]
    steps = [(one["workflow"], one["phase"]) for one in arena.kit.events("phase_completed")]
    if len(steps) != len(set(steps)):
        found.append(f"a step was done twice: {steps}")
    return found + [f"{one}" for one in ends if one["status"] not in (0, 10) and not refusal(one)]


def tag_deleted_during_checkpoint(arena: Arena) -> list[str]:
    """A checkpoint is kept by its ref, whatever happens to the tag."""
    n = arena.kit.feature("payment").next_n
    git = Git(arena.kit, arena.kit.root)
    _, made = arena.race((git, ["tag", "-d", f"checkpoint/payment/{n}"]), (arena.second, ["checkpoint", "payment"]))
    found = [] if made["status"] == 0 else [f"{made}"]
    if arena.kit.git("rev-parse", f"refs/orchestrator/checkpoint/payment/{n}") != arena.kit.git(
        "rev-parse", "feat/payment"
    ):
        found.append(f"the ref of checkpoint {n} leads elsewhere")
    arena.first.play(["verify", "--repair"])
    return found


def status_during_append(arena: Arena) -> list[str]:
    """Who looks sees the log before or after, and disturbs nobody."""
    looked, noted = arena.race((arena.first, ["status"]), (arena.second, ["note", "payment", "a note"]))
    found = [f"{one}" for one in (looked, noted) if one["status"] or one["err"]]
    return found + ([] if len(arena.kit.events("note_added")) == 1 else ["the note is not there once"])


def pause_against_next(arena: Arena) -> list[str]:
    """A pause holds; a step that had begun ends, and no other begins after the pause."""
    paused, did = arena.race((arena.first, ["pause", "payment"]), (arena.second, STEP))
    found = [] if paused["status"] == 0 else [f"{paused}"]
    if did["status"] not in (0, 10) and not refusal(did):
        found.append(f"{did}")
    kinds = [one["event_type"] for one in arena.kit.events("feature_paused", "phase_started")]
    if "phase_started" in kinds[kinds.index("feature_paused") :]:
        found.append("a step began after the pause")
    return found


def retire_against_resume(arena: Arena) -> list[str]:
    """A feature that is let go of is not brought back: one comes first, the other is refused or comes after."""
    gone, back = arena.race((arena.first, ["retire", "payment"]), (arena.second, ["resume", "payment"]))
    kinds = [one["event_type"] for one in arena.kit.events("feature_retired", "feature_resumed")]
    found = _one_line(gone, back)
    if kinds not in (["feature_retired"], ["feature_resumed"]):
        found.append(f"{kinds}, {gone}, {back}")
    return found


def repair_against_append(arena: Arena) -> list[str]:
    """What is torn at the end is set aside once, and what is written meanwhile is there."""
    with arena.kit.log.open("ab") as log:
        log.write(b'{"torn')
    ends = arena.race((arena.first, ["verify", "--repair"]), (arena.second, ["note", "payment", "a note"]))
    found = [f"{one}" for one in ends if one["status"]]
    counts = [len(arena.kit.events(kind)) for kind in ("log_repaired", "note_added")]
    pieces = len(list(arena.kit.home.glob("events.torn-*")))
    if counts[0] != 1 or pieces != 1 or counts[1] < 1:
        found.append(f"repaired {counts[0]} times, {counts[1]} notes, {pieces} pieces")
    return found


# A name, what each round begins with, and the race.
RACES: dict[str, tuple[tuple[list[str], ...], Race]] = {
    "commit during rollback": ((START, STEP), commit_during_rollback),
    "gc during drain": ((START, STEP), gc_during_drain),
    "agent's commit while the drain reads": ((START, STEP), commit_while_the_drain_reads),
    "worktrees of two features added at once": ((START, ["start", "landing"]), worktree_add_twice),
    "worktree of one feature added twice": ((START,), one_worktree_twice),
    "tag deleted during checkpoint": ((START, STEP), tag_deleted_during_checkpoint),
    "status during append": ((START, STEP), status_during_append),
    "two approves of one gate": (TO_THE_GATE, two_approves),
    "reject against approve": (TO_THE_GATE, reject_against_approve),
    "pause against next": ((START,), pause_against_next),
    "retire against resume": ((START, STEP, ["rollback", "payment"]), retire_against_resume),
    "verify --repair against append": ((START, STEP), repair_against_append),
}
AGAINST_ROLLBACK = (TO_THE_GATE, approve_against_rollback)


def _granted(arena: Arena) -> int:
    return len(arena.kit.events("approval_granted"))


def _one_line(*ends: End) -> list[str]:
    return [f"neither done nor refused: {one}" for one in ends if one["status"] != 0 and not refusal(one)]


def _not_as_shown(arena: Arena, shown: list[list[Any]]) -> list[str]:
    """Return the approvals of what was not shown, by a replay of the log up to each."""
    world, found = World(), []
    for one in map(event, Workspace.find(arena.kit.root).journal.records()):
        before = world.feature(one.feature)
        world = fold(world, [one])
        if not isinstance(one.payload, ApprovalGranted) or before is None:
            continue
        present = [before.id, before.gate.event if before.gate else 0, before.tip]
        if present not in shown or before.ordered is not None:
            found.append(f"event {one.id} approves {present}, shown was {shown}, ordered {before.ordered}")
    return found


def _committed(arena: Arena, hooks: str) -> str:
    """Commit in the feature's worktree, its hooks as said, and return the commit."""
    kit = arena.kit
    kit.env["ORCHESTRATOR_HOOKS"] = hooks
    try:
        return kit.commit("by hand", cwd=kit.worktree("payment"))
    finally:
        kit.env["ORCHESTRATOR_HOOKS"] = "wait"


def _recorded_once(arena: Arena, commits: list[str]) -> list[str]:
    recorded = [one["payload"]["commit"] for one in arena.kit.events("checkpoint_created")]
    return [f"{sha} has {recorded.count(sha)} checkpoints" for sha in commits if recorded.count(sha) != 1]

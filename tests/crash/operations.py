"""The operations that the sweep kills: from which state each begins, and how it is called. Runs nothing by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.assets import hook
from tests.conftest import CONFIGURATION, LINE
from tests.crash.site import Site

# Works as `site/agent/SLUG` says, else writes and commits a line; names each commit that git acknowledged.
AGENT = r"""
cat >/dev/null
slug=$ORCHESTRATOR_FEATURE
echo "$ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE" >>"$ORCHESTRATOR_CONTEXT/feat-${slug}_decisions.md"
script=$ORCHESTRATOR_MAIN/../agent/$slug
[ -e "$script" ] && . "$script"
echo "$ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE" >>"work-$slug.txt"
git add "work-$slug.txt" && git commit -qm "work on $ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE" || exit 1
git rev-parse HEAD >>"$COMMITTED"
echo "said after it" >"last-$slug.txt"
"""
FAILS = 'date +%N >>"tried-$slug.txt"; exit 1\n'


@dataclass(frozen=True)
class Operation:
    """How an operation is called: `words` of `orchestrator`, or `git` itself, `typed` at a terminal's question.

    `is_work`: an agent works in it, and does so again when it was interrupted. Elsewhere all files end the same each
    time. `is_set_up`: it begins where features are under way.
    """

    name: str
    prepare: Callable[[Site], None]
    words: Sequence[str]
    git: bool = False
    where: str = "shop"
    typed: str = ""
    is_work: bool = False
    is_set_up: bool = True


def found(site: Site) -> None:
    """Make the repository: a line with two gates, an agent that commits, ignore rules."""
    site.shop.mkdir(parents=True)
    site.git("init", "--quiet", "--template=", "--initial-branch=main")
    (site.shop / ".git/info").mkdir(exist_ok=True)
    (site.shop / ".git/hooks").mkdir(exist_ok=True)
    site.git("config", "user.name", "A Person")
    site.git("config", "user.email", "person@example.com")
    site.git("config", "gc.auto", "0")
    for name, text in LINE.items():
        site.write(f"shop/line/add-feature-{name}.md", text)
    site.write("shop/agent.sh", AGENT)
    site.write("shop/README", "a shop\n")
    site.write("shop/Makefile", "all:\n\techo a shop\n")
    site.write("shop/.gitignore", "*.ignored\n")


def base(site: Site) -> None:
    """Start two features that each did a step in a worktree of their own, with loose work everywhere."""
    found(site)
    site.write("shop/orchestrator.toml", CONFIGURATION)
    site.write("shop/.git/info/exclude", ".context/\n")
    site.git("add", "--all")
    site.git("commit", "--quiet", "-m", "begin")
    for words in (("start", "payment"), ("start", "landing"), ("next", "landing"), ("next", "payment")):
        site.do(*words)
    soil(site, "shop.worktrees/landing", "landing")
    soil(site, "shop.worktrees/payment", "payment")
    site.write("shop/mine.txt", "untracked\n")
    site.write("shop/staged.txt", "staged\n")
    site.git("add", "staged.txt")
    site.write("shop/README", "a shop, edited\n")
    site.write("shop/own.ignored", "ignored\n")


def soil(site: Site, worktree: str, word: str) -> None:
    """Leave in a worktree what nothing but its files holds."""
    site.write(f"{worktree}/staged.txt", f"staged by {word}\n")
    site.git("add", "staged.txt", where=worktree)
    site.write(f"{worktree}/staged.txt", f"staged by {word}\nand edited\n")
    site.write(f"{worktree}/README", f"edited by {word}\n")
    site.write(f"{worktree}/loose.txt", f"untracked {word}\n")
    site.write(f"{worktree}/own.ignored", f"ignored {word}\n")
    site.write(f"{worktree}/.context/feat-{word}_notes.md", f"notes of {word}\n")
    site.write(f"{worktree}/.context/drafts/idea.md", f"an idea for {word}\n")
    name = os.path.join(os.fsencode(site.top / worktree), b"caf\xe9.txt")  # noqa: PTH118 - its name is no text
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(f"not UTF-8, by {word}\n".encode())


def nothing(site: Site) -> None:
    """Leave the base as it is."""


def at_gate(site: Site) -> None:
    site.do("next", "payment")
    site.do("next", "payment")
    soil(site, "shop.worktrees/payment", "payment")


def approved(site: Site) -> None:
    at_gate(site)
    site.run(("approve", "payment"), typed="APPROVE ALL\n")


def amended(site: Site) -> None:
    approved(site)
    site.git("commit", "--quiet", "--amend", "-m", "another", where="shop.worktrees/payment")


def weakened(site: Site) -> None:
    site.do("next", "payment")
    text = (site.shop / "orchestrator.toml").read_text()
    site.write("shop/orchestrator.toml", text.replace("[validate]\n", "[validate]\nattempts = 4\n"))


def before_gate(site: Site) -> None:
    site.do("next", "payment")


def fresh(site: Site) -> None:
    site.do("start", "search")


def failing(site: Site) -> None:
    site.write("agent/payment", FAILS)


def failed_twice(site: Site) -> None:
    failing(site)
    site.do("next", "payment")
    site.do("next", "payment")


def rolled_back(site: Site) -> None:
    site.do("rollback", "payment")
    soil(site, "shop.worktrees/payment", "payment")
    site.write("shop.worktrees/payment/later.txt", "after the rollback\n")


def committed(site: Site) -> None:
    for n in range(3):
        site.write(f"shop.worktrees/payment/by-hand-{n}.txt", f"{n}\n")
        site.git("add", f"by-hand-{n}.txt", where="shop.worktrees/payment")
        site.git("commit", "--quiet", "-m", f"by hand {n}", where="shop.worktrees/payment")


def hooked(site: Site) -> None:
    path = site.shop / ".git/hooks/post-commit"
    path.write_bytes(hook("post-commit", site.python))
    path.chmod(0o755)


def edited(site: Site) -> None:
    path = site.shop / ".context/feat-payment_orchestrator-state.json"
    state = json.loads(path.read_bytes())
    path.write_text(json.dumps({**state, "status": "blocked", "reviewer": "the shop"}, indent=2))


def kept_by_a_script(site: Site) -> None:
    site.git("branch", "feature/search")
    state = {
        "feature": "feat-search", "branch": "feature/search", "status": "active", "current_workflow": "2",
        "current_phase": "1", "gate": None, "workflows_completed": ["1"], "attempts": {"2": 1},
        "started_at": "2025-11-20T08:00:00-03:00", "updated_at": "2025-11-20T10:30:00-03:00",
        "notes": [{"timestamp": "2025-11-20T08:00:00-03:00", "note": "from before"}], "reviewer": "the shop",
    }  # fmt: skip
    site.write("shop/.context/feat-search_orchestrator-state.json", json.dumps(state))
    site.write("shop/.context/feat-search_notes.md", "from before\n")


def paused(site: Site) -> None:
    site.do("pause", "payment", "-m", "lunch")


def without_copies(site: Site) -> None:
    for name in ("feat-payment_orchestrator-state.json", "orchestrator-events.jsonl", "orchestrator-events.db"):
        (site.shop / ".context" / name).unlink()
    site.write("shop.worktrees/payment/.context/feat-payment_orchestrator-state.json", '{"torn')


def broken(site: Site) -> None:
    with site.log.open("ab") as log:
        log.write(b'{"id":99,"torn')
    site.git("tag", "-d", "checkpoint/payment/1")
    site.git("update-ref", "-d", "refs/orchestrator/checkpoint/landing/1")
    site.write("shop/.context/feat-payment_orchestrator-state.json", '{"torn')
    (site.shop / ".context/feat-payment_backup.tar.gz").unlink()
    (site.shop / ".context/orchestrator-events.db").write_bytes(b"torn")


def finished(site: Site) -> None:
    worktree = site.top / "shop.worktrees/payment"
    site.git("checkout", "--quiet", "HEAD", "--", "README", where="shop.worktrees/payment")
    site.git("rm", "--quiet", "--force", "staged.txt", where="shop.worktrees/payment")
    for name in (b"loose.txt", b"own.ignored", b"caf\xe9.txt"):
        path = os.path.join(os.fsencode(worktree), name)  # noqa: PTH118
        if os.path.lexists(path):
            os.unlink(path)  # noqa: PTH108
    site.do("set", "payment", "status", "failed")


def plain(site: Site) -> None:
    """Make a repository without the kit: with a hook, a Makefile and loose work of its user's."""
    found(site)
    site.git("add", "--all")
    site.git("commit", "--quiet", "-m", "begin")
    site.write("shop/.git/hooks/post-commit", "#!/bin/sh\necho committed >>../seen\n")
    (site.shop / ".git/hooks/post-commit").chmod(0o755)
    site.write("shop/mine.txt", "untracked\n")
    site.write("shop/staged.txt", "staged\n")
    site.git("add", "staged.txt")
    site.write("shop/README", "a shop, edited\n")


def set_up(site: Site) -> None:
    plain(site)
    site.do("init")
    site.do("start", "payment")


PAYMENT = "shop.worktrees/payment"
OPERATIONS = {
    one.name: one
    for one in (
        Operation("start", nothing, ("start", "search")),
        Operation("next, first", fresh, ("next", "search"), is_work=True),
        Operation("next, passed", nothing, ("next", "payment"), is_work=True),
        Operation("next, failed", failing, ("next", "payment"), is_work=True),
        Operation("next, gate", before_gate, ("next", "payment"), is_work=True),
        Operation("next, rolled back", failed_twice, ("next", "payment"), is_work=True),
        Operation("approve", at_gate, ("approve", "payment"), typed="APPROVE ALL\n"),
        Operation("approve --undo", approved, ("approve", "--undo"), typed="none asks\n"),
        Operation("approve the line", weakened, ("approve",), typed="line\n"),
        Operation("void approval", amended, ("status",)),
        Operation("workflows --write", nothing, ("workflows", "--write")),
        Operation("reject", at_gate, ("reject", "payment", "-m", "not yet")),
        Operation("rollback", nothing, ("rollback", "payment")),
        Operation("rollback --undo", rolled_back, ("rollback", "payment", "--undo")),
        Operation("checkpoint", nothing, ("checkpoint", "payment")),
        Operation("drain", committed, ("status",)),
        Operation("post-commit", hooked, ("commit", "--quiet", "-m", "by hand"), git=True, where=PAYMENT),
        Operation("edited state", edited, ("status",)),
        Operation("import", kept_by_a_script, ("status",)),
        Operation("pause", nothing, ("pause", "payment", "-m", "lunch")),
        Operation("resume", paused, ("resume", "payment")),
        Operation("note", nothing, ("note", "payment", "look", "twice")),
        Operation("set", nothing, ("set", "payment", "reviewer", "the shop")),
        Operation("replay --write", without_copies, ("replay", "--write")),
        Operation("verify --repair", broken, ("verify", "--repair")),
        Operation("retire", finished, ("retire", "payment")),
        Operation("init", plain, ("init",), is_set_up=False),
        Operation("init --remove", set_up, ("init", "--remove"), is_set_up=False),
    )
}


def build(site: Site, operation: Operation, seed: Path) -> None:
    """Make the state in which an operation begins; `seed` is the base as it was saved."""
    site.put(seed)
    if not operation.is_set_up:
        site.clear()
    operation.prepare(site)

"""`--sandbox`: what an agent cannot do in it, what it still can, and that its work is taken in all the same."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import confining
from orchestrator.adapters import warden
from orchestrator.errors import BadConfiguration, Refusal
from orchestrator.workspace import Workspace
from tests.conftest import KILL_KIT, PROGRAM
from tests.end_to_end.test_agents_and_faults import _until
from tests.kit import CONFIGURATION, Kit, copied, created

pytestmark = [
    pytest.mark.usefixtures("env"),
    pytest.mark.skipif(
        warden.landlock() < warden.HOLDS_SIGNALS, reason="needs Linux 6.12: Landlock that holds writes and signals"
    ),
]

AGENT = """\
cat >/dev/null
script=$ORCHESTRATOR_MAIN/../agent/$ORCHESTRATOR_FEATURE-$ORCHESTRATOR_WORKFLOW-$ORCHESTRATOR_PHASE
[ -e "$script" ] && . "$script"
echo "$ORCHESTRATOR_WORKFLOW $ORCHESTRATOR_PHASE" >>"work-$ORCHESTRATOR_FEATURE.txt"
git add work-*.txt && git commit -qm "work on $ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE"
"""
VALIDATION = '[validate]\ncommand = "test ! -e check.sh || sh check.sh"\n'
# Tries each thing in a file's lines of Python, and says how it ended.
TRIES = """\
import ctypes, os, signal, socket, subprocess, sys
main = os.environ["ORCHESTRATOR_MAIN"]
warden = os.getppid()
while b"warden.py" not in open(f"/proc/{warden}/cmdline", "rb").read():
    warden = int(open(f"/proc/{warden}/stat").read().rpartition(")")[2].split()[1])
kit = int(open(f"/proc/{warden}/stat").read().rpartition(")")[2].split()[1])
def git(*words):
    subprocess.run(["git", "-C", main, *words], check=True, capture_output=True)
def connect(kind, place):
    socket.socket(kind, socket.SOCK_STREAM).connect(place)
def trace(pid):
    if ctypes.CDLL(None).ptrace(16, pid, None, None) < 0:
        raise PermissionError
for line in open(sys.argv[1]).read().splitlines():
    try:
        exec(line)
        print("did", line)
    except Exception as error:
        print("could not", line, "#", type(error).__name__)
"""
LOG = 'f"{main}/.git/orchestrator/events.jsonl"'
HELD = f"""\
open({LOG}, "a").write("x")
os.truncate({LOG}, 0)
os.remove({LOG})
os.rename({LOG}, "log")
os.link({LOG}, "log")
open(f"{{main}}/.context/orchestrator-events.jsonl", "a").write("x")
open(f"{{main}}/.context/orchestrator-events.db", "a").write("x")
open(f"{{main}}/.context/feat-payment_orchestrator-state.json", "a").write("x")
open(f"{{main}}/.context/new", "w")
open(f"{{main}}/.git/hooks/post-commit", "a").write("x")
open(f"{{main}}/.git/hooks/pre-commit", "w")
open(f"{{main}}/.git/info/attributes", "w")
open(f"{{main}}/README", "w")
git("config", "a.b", "c")
git("tag", "mine")
git("update-ref", "refs/orchestrator/mine", "HEAD")
git("update-ref", "-d", "refs/orchestrator/context/payment")
git("update-ref", "refs/heads/main", "HEAD~0^")
git("branch", "mine")
git("pack-refs", "--all")
git("gc")
git("worktree", "remove", "--force", "../shop.worktrees/landing")
open("../landing/work-landing.txt", "a").write("x")
open("../new", "w")
open(f"{{main}}/../new", "w")
open(os.path.expanduser("~/.gitconfig"), "w")
os.kill(kit, signal.SIGCONT)
os.kill(warden, signal.SIGCONT)
trace(kit)
trace(warden)
open(f"/proc/{{kit}}/mem", "rb")
connect(socket.AF_UNIX, "\\0orchestrator-test-" + os.path.basename(os.path.dirname(os.path.dirname(main))))
""".splitlines()
if os.getuid() != 0:  # root may read it all the same
    HELD.append('open(f"/proc/{kit}/environ", "rb").read()')
# The doors that stay open: `docs/agents.md` names them.
OPEN = f"""\
open({LOG}).read()
os.listdir(os.path.expanduser("~"))
connect(socket.AF_INET, ("127.0.0.1", int(open(f"{{main}}/../port").read())))
connect(socket.AF_UNIX, f"{{main}}/../socket")
git("branch", "feat/mine")
git("update-ref", "refs/heads/feat/landing", "main")
os.utime({LOG})
""".splitlines()


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """Two features after their first workflow; and where they were made."""
    base = tmp_path_factory.mktemp("sandbox")
    kit = created(base / "place/shop", env)
    kit.write("agent.sh", AGENT)
    kit.write("orchestrator.toml", CONFIGURATION + VALIDATION)
    kit.commit("an agent that does as it is told")
    (kit.root.parent / "tries.py").write_text(TRIES)
    for name in ("payment", "landing"):
        kit.do("start", name)
    kit.do("run", "--sandbox", "-j", "2", "--json")
    for name in ("payment", "landing"):
        assert kit.feature(name).workflows_completed == ("1", "2")
        kit.do("start", f"{name}-2")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def step(kit: Kit, script: str = "", *words: str) -> tuple[int, str, str]:
    """Have the agent of payment-2 do `script` in its first step, in the sandbox."""
    kit.script("payment-2-1-1", script)
    return kit.inside("next", "payment-2", "--sandbox", *words)


def tried(kit: Kit, lines: list[str]) -> list[str]:
    """Have the agent try each line and return how each ended."""
    (kit.root.parent / "lines").write_text("\n".join(lines))
    tries = kit.root.parent / "tries.py"
    status, _, err = step(kit, f"{sys.executable} -I {tries} {kit.root.parent}/lines")
    assert status == 0, err
    output = (kit.home / "output/payment-2.agent.log").read_text()
    return [row for row in output.splitlines() if row.startswith(("did", "could not"))]


def reason(kit: Kit) -> str:
    waits = kit.feature("payment-2").waits
    return waits.reason if waits else ""


def test_an_agent_writes_to_its_own_worktree_alone_and_its_commit_is_recorded(kit: Kit) -> None:
    kit.git("worktree", "add", "-q", "../shop.worktrees/x", "-b", "x")
    before = {name: path for name, path in kit.digest().items() if "payment-2" not in name}
    listener = socket.socket(socket.AF_UNIX)
    with listener:
        listener.bind(f"\0orchestrator-test-{kit.root.parent.parent.name}")
        listener.listen()
        rows = tried(kit, HELD)
    assert [row for row in rows if row.startswith("did")] == []
    assert len(rows) == len(HELD)
    changed = [name for name, was in before.items() if kit.digest().get(name) != was]
    ours = ("/.git/orchestrator", "/.context/orchestrator-events", "/.git/refs/orchestrator", "/.git/refs/tags")
    assert [name for name in changed if not any(one in name for one in ours)] == []
    assert kit.git("log", "-1", "--format=%s", "feat/payment-2") == "work on 1/1"
    assert [one["event_type"] for one in kit.events() if one["feature"] == "feat-payment-2"][-3:] == [
        "checkpoint_created",
        "phase_completed",
        "workflow_completed",
    ]


def test_known_holes_what_an_agent_in_the_sandbox_can_still_do(kit: Kit) -> None:
    tcp, unix = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    with tcp, unix:
        (kit.root.parent / "port").write_text(str(tcp.getsockname()[1]))
        where = Path.cwd()
        os.chdir(kit.root.parent)  # a socket's path is short
        unix.bind("socket")
        os.chdir(where)
        unix.listen()
        lines = [line.replace('f"{main}/../socket"', '"../../socket"') for line in OPEN]
        assert tried(kit, lines) == [f"did {line}" for line in lines]


def test_a_commit_in_the_sandbox_says_nothing_of_the_kit_and_leaves_nothing_behind(kit: Kit) -> None:
    script = (
        "echo a >a; git add a; git commit -qm one; mkdir -p $TMPDIR/a/b; echo x >$TMPDIR/a/b/c; chmod 500 $TMPDIR/a/b"
    )
    assert step(kit, f"{script}; echo $TMPDIR; env | grep -c -e DISPLAY -e SSH_AUTH_SOCK", "--json")[0] == 0
    temporary, count = (kit.home / "output/payment-2.agent.log").read_text().splitlines()
    assert (count, Path(temporary).name[:13], Path(temporary).exists()) == ("0", "orchestrator-", False)


def test_ordinary_git_work_in_a_linked_worktree_needs_no_more(kit: Kit) -> None:
    kit.write("new", "on main\n")
    kit.commit("main moves")
    script = (
        "set -e; echo a >a; git add a; git commit -qm one; git commit -q --amend -m two; git merge -q --no-ff main -m m\n"
        "git rebase -q main; git reset -q --hard; git checkout -q --detach; git checkout -q feat/payment-2; set +e"
    )
    assert step(kit, script)[0] == 0
    assert kit.git("log", "--format=%s", "main..feat/payment-2").splitlines() == ["work on 1/1", "two"]


# --- what it leaves for git to obey, outside -------------------------------------------------------

EVIL = (
    'own=$(git rev-parse --absolute-git-dir); e=$PWD/.e; git init -q "$e"; echo "* filter=x" >.gitattributes\n'
    'git -C "$e" config filter.x.clean "touch $ORCHESTRATOR_MAIN/../called; cat"; date +%N >work-payment-2.txt\n'
    'git -C "$e" commit -q --allow-empty -m e; cp "$own/HEAD" "$e/.git/HEAD"; mkdir -p .context\n'
)
ATTACKS = {
    "another git directory": ('echo "gitdir: $e/.git" >.git; exit 0', ".git"),
    "a repository in place of the link": ('rm .git; mv "$e/.git" .git; exit 0', ".git"),
    "a symbolic link": ('rm .git; ln -s "$e/.git" .git; exit 0', ".git"),
    "another common directory": ('echo "$e/.git" >"$own/commondir"; exit 0', "commondir"),
    "another worktree": ('echo "$PWD/.e/.git" >"$own/gitdir"; exit 0', "gitdir"),
    "a configuration of its own": (
        'printf "[filter \\"x\\"]\\n\\tclean = touch $ORCHESTRATOR_MAIN/../called\\n" >"$own/config.worktree"; exit 0',
        "config.worktree",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_would_have_git_run_the_agents_program_outside_is_put_back_and_parked(kit: Kit, attack: str) -> None:
    kit.git("config", "extensions.worktreeConfig", "true")
    script, name = ATTACKS[attack]
    status, _, err = step(kit, f"{EVIL}{script}")
    assert (status, "this is a bug" in err, (kit.root.parent / "called").exists()) == (0, False, False)
    assert reason(kit) == f"the agent changed {name}, by which git or the kit goes; it is put back"
    tree = kit.worktree("payment-2")
    assert kit.git("rev-parse", "--abbrev-ref", "HEAD", cwd=tree) == "feat/payment-2"
    assert kit.git("config", "--get-regexp", "filter.*|user.name", cwd=tree) == "user.name A Person"


def test_what_it_left_for_git_to_obey_is_put_back_before_git_runs_there_when_the_kit_was_killed(kit: Kit) -> None:
    kit.script("payment-2-1-1", f'{EVIL}echo "gitdir: $e/.git" >.git; touch .e/ready; sleep 600')
    tree = kit.worktree("payment-2")
    begun = subprocess.Popen([PROGRAM, "next", "payment-2", "--sandbox"], cwd=kit.root, env=kit.env)
    _until(lambda: (tree / ".e/ready").exists())
    kit.do("status")
    kit.do("verify")
    begun.kill()
    begun.wait()
    kit.do("verify")
    err = kit.inside("rollback", "payment-2", "--dry-run")[2]
    assert (f"what its agent put in the place of {tree}/.git is kept as" in err, "fatal" in err) == (True, False), err
    assert not (kit.root.parent / "called").exists()
    assert kit.git("rev-parse", "--absolute-git-dir", cwd=tree).startswith(f"{kit.root}/.git/worktrees/")
    assert not list((kit.home / "sealed").iterdir())


THINGS = {
    "a link in the place of a reflog": 'l=$common/logs/refs/heads/feat/payment-2; rm $l; ln -s "$log" $l; exit 0',
    "a link in the place of its own reflog": 'rm "$own/logs/HEAD"; ln -s "$log" "$own/logs/HEAD"; exit 0',
    "a link in the place of the index": 'rm "$own/index"; ln -s "$common/config" "$own/index"; exit 0',
    "a link in the place of a message": 'rm -f "$own/MERGE_MSG"; ln -s "$log" "$own/MERGE_MSG"; exit 0',
    "a fifo in the place of HEAD": 'rm "$own/HEAD"; mkfifo "$own/HEAD"; exit 0',
    "a fifo among the branches": 'mkfifo "$common/refs/heads/feat/x"; exit 0',
    "a link in the place of its branch": "b=$common/refs/heads/feat/payment-2; rm $b; ln -s ../../../config $b; exit 0",
}


@pytest.mark.parametrize("thing", THINGS)
def test_no_link_and_no_fifo_stays_where_git_would_write_past_it_or_wait(kit: Kit, thing: str) -> None:
    set_up = (
        "own=$(git rev-parse --absolute-git-dir); common=$ORCHESTRATOR_MAIN/.git; log=$common/orchestrator/events.jsonl\n"
        "echo a >a; git add a; git commit -qm one\n"
    )
    configuration = (kit.root / ".git/config").read_bytes()
    assert step(kit, set_up + THINGS[thing])[0] == 0
    assert reason(kit).endswith(", by which git or the kit goes; it is put back")
    tree = kit.worktree("payment-2")
    uncommitted = "A  a" if "its branch" in thing else ""  # the branch is where it was before the step
    assert kit.git("status", "--porcelain", "--untracked-files=no", cwd=tree) == uncommitted
    (kit.root.parent / "agent/payment-2-1-1").unlink()
    kit.do("rollback", "payment-2")
    assert (kit.root / ".git/config").read_bytes() == configuration
    assert kit.shown("verify")["findings"] == []


@pytest.mark.parametrize("known", [False, True])
def test_a_repository_inside_of_the_worktree_parks_before_git_looks_into_it(kit: Kit, known: bool) -> None:
    script = (
        "git init -q sub; cd sub; echo '* filter=x' >.gitattributes; echo a >a; git add .; git commit -qm s; "
        'git config filter.x.clean "touch $ORCHESTRATOR_MAIN/../called; cat"; echo b >a; cd ..'
    )
    assert step(kit, f"{script}{'; git add sub; git commit -qm s' if known else ''}")[0] == 0
    assert reason(kit).startswith("there is a repository of its own in sub")
    assert not (kit.root.parent / "called").exists()
    kit.do("resume", "payment-2")
    assert "cannot run in a sandbox: there is a repository of its own in sub" in step(kit)[2]
    assert not (kit.root.parent / "called").exists()


def test_hooks_and_validations_that_the_agent_wrote_run_in_the_sandbox_too(kit: Kit) -> None:
    kit.git("config", "core.hooksPath", ".hooks")
    kit.script(
        "payment-2-1-1",
        'touch() { echo "touch $ORCHESTRATOR_MAIN/../$1 || echo no >>said; exit 0"; }\n'
        "mkdir .hooks; (echo '#!/bin/sh'; touch one) >.hooks/pre-commit; chmod +x .hooks/pre-commit; touch two >check.sh\n"
        "exit 0",
    )
    status, out, err = kit.inside("next", "payment-2", "--sandbox")
    assert (status, "passed" in out) == (0, True), (out, err, reason(kit))
    assert kit.git("log", "-1", "--format=%s", "feat/payment-2") == "feat(payment-2): 1 1 Write"
    assert [(kit.root.parent / name).exists() for name in ("one", "two")] == [False, False]
    assert (kit.worktree("payment-2") / "said").read_text() == "no\nno\n"


def test_the_temporary_folder_of_an_attempt_that_the_kit_did_not_survive_is_removed(kit: Kit) -> None:
    kit.script("payment-2-1-1", KILL_KIT)
    assert subprocess.run([PROGRAM, "next", "payment-2"], cwd=kit.root, env=kit.env, check=False).returncode == -9
    kit.script("payment-2-1-1", "")
    left = confining.temporary_folder(kit.events("phase_started")[-1]["payload"]["run"])
    (left / "a/b").mkdir(parents=True)
    (left / "a/b/c").write_text("x")
    (left / "a/b").chmod(0o500)
    kit.do("next", "payment-2")
    assert not left.exists()


def test_a_setup_that_the_agent_wrote_runs_in_the_sandbox_and_it_cannot_have_it_run_again(kit: Kit) -> None:
    setup = '[worktrees]\nsetup = "test ! -e setup.sh || sh setup.sh"\n'
    kit.write("orchestrator.toml", CONFIGURATION + VALIDATION + setup)
    forget = 'rm "$(git rev-parse --absolute-git-dir)/orchestrator-furnished.json"'
    script = "echo 'touch $ORCHESTRATOR_MAIN/../called || echo no >>said' >setup.sh; git add setup.sh"
    assert step(kit, f"{script}; {forget}")[0] == 0
    assert reason(kit).startswith("the agent changed orchestrator-furnished.json")
    kit.write("orchestrator.toml", CONFIGURATION + VALIDATION + setup.replace("|| sh", "|| exec sh"))
    kit.do("resume", "payment-2")
    assert step(kit)[0] == 0
    assert ((kit.worktree("payment-2") / "said").read_text(), (kit.root.parent / "called").exists()) == ("no\n", False)


# --- who cannot have one ----------------------------------------------------------------------------


def test_without_the_kernels_help_it_refuses_before_anything_begins(kit: Kit) -> None:
    for version, has in ((0, "none"), (2, "version 2")):
        with pytest.raises(Refusal, match=f"takes Linux' Landlock, version 3, and this kernel has {has}$"):
            confining.enter(Workspace.find(kit.root), True, lambda version=version: version)  # type: ignore[misc]
    workspace = Workspace.find(kit.root)
    confining.enter(workspace, True, lambda: 4)
    assert workspace.notices == [
        "the sandbox holds writes only: signals and abstract sockets need Linux 6.12 (Landlock 4 here)"
    ]
    confining.enter(workspace, False, lambda: 0)


@pytest.mark.parametrize("path", ["~", "/", "~/.ssh", "../shop.worktrees", ".git/hooks", "README"])
def test_a_writable_path_that_would_undo_it_is_refused(kit: Kit, path: str) -> None:
    named = path if path.startswith(("~", "/")) else str(kit.root / path)
    kit.write("orchestrator.toml", CONFIGURATION + VALIDATION + f'[run]\nsandbox = true\nwritable = ["{named}"]\n')
    with pytest.raises(BadConfiguration, match="would let an agent write to"):
        confining.enter(Workspace.find(kit.root), None)


def test_a_writable_path_can_be_written_to(kit: Kit) -> None:
    folder = kit.root.parent / "cache"
    folder.mkdir()
    kit.write(
        "orchestrator.toml",
        CONFIGURATION + VALIDATION + f'[run]\nsandbox = true\nwritable = ["{folder}", "/no/such"]\n',
    )
    kit.script("payment-2-1-1", f"echo x >{folder}/a || exit 3; ! echo x >{kit.root.parent}/b || exit 4")
    assert json.loads(kit.do("next", "payment-2", "--json"))["outcome"] == "passed"


def test_a_feature_in_the_main_worktree_is_passed_over_and_runs_without(kit: Kit) -> None:
    kit.do("start", "here", "--checkout")
    why = "it runs in the main worktree, beside all that a sandbox keeps from it; --no-sandbox runs it"
    assert kit.inside("next", "here", "--sandbox")[2] == f"orchestrator: here cannot run in a sandbox: {why}\n"
    assert f"here: passed over: {why}" in kit.inside("run", "--sandbox")[1]
    assert json.loads(kit.do("next", "here", "--json"))["outcome"] == "passed"


def test_a_step_that_merges_is_passed_over(kit: Kit) -> None:
    merge = (
        "# Merge it\n\n## Phase 1: Merge\n\nMerge it.\n\n## GATE 1: Merge\n\nAPPROVE the merge into main? (yes/no)\n"
    )
    kit.write("line/add-feature-3-merge.md", merge)
    workspace = Workspace.find(kit.root)
    confining.enter(workspace, True)
    assert confining.unfit(workspace, workspace.feature("payment"), merges=True, place=None).startswith(
        "it merges, and"
    )
    kit.write("orchestrator.toml", CONFIGURATION + VALIDATION + "[run]\nsandbox = true\n")
    kit.commit("a workflow that merges, and a sandbox")
    shown = kit.inside("run")[1]
    assert "passed over: it merges" in kit.do("status", "--why")
    assert "passed over" not in kit.do("run", "--no-sandbox")
    assert "it merges, and in a sandbox nothing can be merged into the main worktree; --no-sandbox runs it" in shown

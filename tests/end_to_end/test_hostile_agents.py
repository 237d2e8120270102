"""Agents that mean harm, or do it: what they break is noticed and named, and the next command goes on from there.

How they are ended, and how their output is bounded, is in `tests/adapters/test_agent.py`.
"""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.test_agent import living
from tests.conftest import KILL_KIT, PROGRAM
from tests.kit import Kit, copied, created

pytestmark = pytest.mark.usefixtures("env")

AGENT = """\
cat >/dev/null
script=$ORCHESTRATOR_MAIN/../agent/$ORCHESTRATOR_FEATURE-$ORCHESTRATOR_WORKFLOW-$ORCHESTRATOR_PHASE
[ -e "$script" ] && . "$script"
echo "$ORCHESTRATOR_WORKFLOW $ORCHESTRATOR_PHASE" >>"work-$ORCHESTRATOR_FEATURE.txt"
echo "decided" >>"$ORCHESTRATOR_CONTEXT/feat-${ORCHESTRATOR_FEATURE}_decisions.md"
git add work-*.txt && git commit -qm "work on $ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE"
"""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """Two features after their first workflow; and where they were made."""
    base = tmp_path_factory.mktemp("hostile")
    kit = created(base / "place/shop", env)
    kit.write("agent.sh", AGENT)
    kit.commit("an agent that does as it is told")
    for name in ("payment", "landing"):
        kit.do("start", name)
        kit.do("next", name)
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def step(kit: Kit, script: str) -> tuple[int, str, str]:
    """Have the agent of payment do `script` in its second step; return the command's status, stdout and stderr."""
    kit.script("payment-2-1", script)
    ended = kit.inside("next", "payment")
    (kit.root.parent / "agent/payment-2-1").unlink(missing_ok=True)
    assert "this is a bug" not in ended[2], ended[2]
    return ended


def severities(kit: Kit, *words: str) -> dict[str, str]:
    """Return the ids that `verify` finds, with their severities."""
    return {one["id"]: one["severity"] for one in json.loads(kit.inside("verify", *words, "--json")[1])["findings"]}


def of_landing(kit: Kit) -> dict[str, Any]:
    """Return all that belongs to the other feature, but what lies in the main `.context/`."""
    tree = kit.worktree("landing")
    return {
        "refs": kit.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/feat/landing"),
        "files": {str(path): path.read_bytes() for path in tree.rglob("*") if path.is_file()},
        "events": [one for one in kit.events() if one["feature"] == "feat-landing"],
    }


def ids(kit: Kit) -> list[str]:
    return [one["hash"] for one in kit.events()]


# --- what is passed, failed or parked, what `verify` says then, and that no other feature is touched -------

MAIN, HOME = '"$ORCHESTRATOR_MAIN"', '"$ORCHESTRATOR_MAIN"/.git/orchestrator'
PASSED, FAILED, PARKED = "passed", "failed", "parked"
HARMS: dict[str, tuple[str, str, str]] = {
    "does nothing": ("exit 0", PASSED, ""),
    "deletes its context": ("rm -rf .context; mkdir .context", PASSED, ""),
    "replaces its context by a file": ("rm -rf .context; echo notes >.context; exit 0", PASSED, ""),
    "replaces its context by a link": (f"rm -rf .context; ln -s {MAIN}/.context .context; exit 0", PASSED, ""),
    "leaves a pipe for git to read its rules from": ("mkdir lib; mkfifo .gitignore lib/.gitattributes; exit 0", PASSED, ""),
    "replaces its context by a fifo": ("rm -rf .context; mkfifo .context; exit 0", PASSED, ""),
    "deletes all context": (f"rm -rf .context {MAIN}/.context; mkdir .context", PASSED, ""),
    "cleans": ("git clean -fdxq; mkdir .context", PASSED, ""),
    "cleans the main worktree": (f"git -C {MAIN} clean -fdxq", PASSED, ""),
    "asks": ('read answer || echo "nobody typed: $answer"; cat </dev/tty || exit 0', PASSED, ""),
    "hangs": ("date +%N >half; exec sleep 600", FAILED, "the agent ran into its time limit (1 s)"),
    "leaves a daemon": ("date +%N >half; setsid sh -c 'sleep 600 & sleep 600' & sleep 0.1; exit 3", FAILED, "status 3"),
    "prints escapes": (r"date +%N >half; printf '\033]0;t\007\033[2J\377\000\r\342\200\256'; exit 3", FAILED, "status 3"),
    "kills itself": ("kill -KILL $$", PARKED, "failed at once and changed nothing: the agent ended with exit status -9"),
    "detaches": ("git checkout -q --detach", PARKED, "has no branch checked out, not feat/payment"),
    "leaves an orphan branch": ("git checkout -q --orphan mine; git rm -rfq .; exit 0", PARKED, "has branch mine checked out"),
    "switches the branch": ("git checkout -q -b mine", PARKED, "has branch mine checked out"),
    "resets to the root": ("git reset -q --hard $(git rev-list --max-parents=0 HEAD)", PASSED, ""),
    "forgets its history": ('git update-ref refs/heads/feat/payment $(git commit-tree "HEAD^{tree}" -m orphan)', PASSED, ""),
    "filters its history": (
        "FILTER_BRANCH_SQUELCH_WARNING=1 git filter-branch -f --msg-filter 'sed s:work:w:' HEAD 2>&1", PASSED, ""
    ),
    "deletes tags": ("git tag -l | xargs git tag -d", PASSED, "V304"),
    "deletes checkpoints": (
        "git for-each-ref --format='delete %(refname)' refs/orchestrator/checkpoint/payment | git update-ref --stdin",
        PASSED, "V301",
    ),
    "deletes snapshots": ("git update-ref -d refs/orchestrator/context/payment; exit 0", PASSED, ""),
    "writes a hook": (f"""printf '#!/bin/sh\nexit 1\n' >{MAIN}/.git/hooks/post-commit""", PASSED, "V702"),
    "points hooks elsewhere": ("git config core.hooksPath /nowhere", PASSED, "V705"),
    "has git call it": (f"git config core.fsmonitor 'touch {MAIN}/../called'; exit 0", PASSED, ""),
    "forges the identity": ("git config user.email mallory@example.com; git config commit.gpgSign true; exit 0", PASSED, "V821"),
    "deletes its worktree": ('cd /; rm -rf "$OLDPWD"; exit 0', PARKED, "is not there; "),
    "has git remove its worktree": (
        f'cd /; git -C {MAIN} worktree remove --force "$OLDPWD"; exit 0', PARKED, "the next step makes it again"
    ),
    "calls the kit": ("orchestrator approve payment; orchestrator rollback payment; orchestrator next; exit 0", PASSED, ""),
    "forges the fold": (f'echo "not it" >{HOME}/fold.json', PASSED, ""),
    "deletes the log's second name": (f"rm -f {MAIN}/.context/orchestrator-events.jsonl", PASSED, ""),
    "deletes what makes it fast": (f"rm -rf {HOME}/index {HOME}/output {HOME}/fold.json", PASSED, ""),
    "deletes locks": (f"rm -f {HOME}/locks/* {HOME}/*.lock", PASSED, ""),
    "tears the log": (f"""printf '{{"id":' >>{HOME}/events.jsonl""", PASSED, ""),
    "writes a state of its own": (
        (f"cd {MAIN}/.context; sed 's/feat-payment/feat-free/;s,feat/payment,main,' feat-payment_orchestrator-state.json "
        ">feat-free_orchestrator-state.json; orchestrator status; exit 0"),
        PASSED,
        "",
    ),
    "completes itself": (
        """sed -i 's/"status": "active"/"status": "completed"/' .context/feat-payment_orchestrator-state.json; exit 0""",
        PASSED, "",
    ),
    "replaces its state by a folder": (
        f"cd {MAIN}/.context && rm feat-payment_orchestrator-state.json && mkdir feat-payment_orchestrator-state.json; exit 0",
        PASSED, "",
    ),
    "replaces its state by a link": (
        f"cd {MAIN}/.context && ln -sf /etc/hostname feat-payment_orchestrator-state.json; exit 0", PASSED, ""
    ),
    "replaces its state by a fifo": (
        f"cd {MAIN}/.context && rm feat-payment_orchestrator-state.json && mkfifo feat-payment_orchestrator-state.json; exit 0",
        PASSED, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_a_hostile_step_is_told_in_a_line_and_touches_neither_the_log_nor_another_feature(kit: Kit, harm: str) -> None:
    script, outcome, why = HARMS[harm]
    if harm == "hangs":
        kit.write("orchestrator.toml", (kit.root / "orchestrator.toml").read_text() + 'timeout = "1s"\n')
    landing, before = of_landing(kit), ids(kit)

    said = step(kit, f"{script}\n")

    assert said[0] == 0, said
    assert said[1].startswith(f"payment  2/1  attempt 1  {outcome}"), said
    assert (said[1].count("\n"), "\x1b" in said[1] + said[2]) == (1, False)
    assert living(kit.events("phase_started")[-1]["payload"]["run"]) == []
    assert ids(kit)[: len(before)] == before
    assert of_landing(kit) == landing
    if why.startswith("V"):
        assert why in severities(kit)
    else:
        assert why in said[1]
    kit.inside("verify", "--repair")
    assert "error" not in severities(kit).values()


def test_the_kits_own_line_is_not_written_past_a_link(kit: Kit) -> None:
    elsewhere = kit.write("../elsewhere", "theirs\n")
    link = ".context/feat-payment_attempts.log"
    assert step(kit, f"rm {link}; ln -s {elsewhere} {link}\n")[0] == 0
    told = kit.inside("next", "payment")
    assert "2/2  attempt 1  passed" in told[1]
    assert f"{link}: a line could not be added: " in told[2]
    assert elsewhere.read_text() == "theirs\n"


def test_a_context_that_became_another_thing_is_set_aside_and_brought_back(kit: Kit) -> None:
    (kit.worktree("payment") / ".context/feat-payment_decisions.md").write_text("to be kept\n")
    kit.do("checkpoint", "payment")
    assert "is kept as " in step(kit, "rm -rf .context; echo notes >.context; exit 0\n")[2]
    assert [one.read_text() for one in (kit.home / "aside").glob("payment-.context-*")] == ["notes\n"]
    kit.do("next", "payment")
    assert "to be kept" in (kit.worktree("payment") / ".context/feat-payment_decisions.md").read_text()
    (kit.worktree("payment") / ".context").rename(kit.worktree("payment") / "notes")
    (kit.worktree("payment") / ".context").symlink_to(kit.context)
    assert severities(kit)["V403"] == "warning"
    kit.do("rollback", "payment", "--to", "1")
    assert not (kit.worktree("payment") / ".context").is_symlink()


def test_a_git_environment_that_leads_elsewhere_writes_nothing_there(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Kit(tmp_path / "elsewhere", kit.env)
    elsewhere.root.mkdir()
    elsewhere.git("init", "--quiet")
    elsewhere.write("theirs", "somebody else's\n")
    elsewhere.git("add", "theirs")
    before = elsewhere.digest()
    monkeypatch.setenv("GIT_DIR", str(elsewhere.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(elsewhere.root / ".git/index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(elsewhere.root / ".git/objects"))
    kit.do("checkpoint", "payment")
    kit.do("next", "payment")
    kit.do("rollback", "payment", "--to", "1")
    assert elsewhere.digest() == before


def test_the_kits_own_git_runs_no_hook_and_no_monitor_of_the_repository(kit: Kit) -> None:
    called = kit.root.parent / "called"
    for name in ("reference-transaction", "post-checkout", "post-index-change", "post-rewrite"):
        hook = kit.write(f".git/hooks/{name}", f"#!/bin/sh\necho {name} >>{called}\n")
        hook.chmod(0o755)
    monitor = kit.write(".git/monitor", f"#!/bin/sh\necho monitor >>{called}\n")
    monitor.chmod(0o755)
    kit.git("-c", "core.hooksPath=/dev/null", "config", "core.fsmonitor", str(monitor))
    called.unlink(missing_ok=True)
    kit.do("start", "third")
    kit.do("checkpoint", "payment")
    kit.do("rollback", "payment", "--to", "1")
    kit.do("status")
    assert not called.exists(), called.read_text()


# --- the log, and others' work ---------------------------------------------------------------------------


def test_a_log_that_an_agent_edits_in_the_middle_stops_every_writer_and_names_verify(kit: Kit) -> None:
    before = kit.log.read_bytes()
    script = """sed -i '0,/"kit"/s//"kid"/' "$ORCHESTRATOR_MAIN"/.git/orchestrator/events.jsonl; exit 0\n"""
    status, out, err = step(kit, script)
    assert (status, out) == (1, "")
    assert err.startswith(f"orchestrator: the log {kit.log} does not hold at line ")
    assert "orchestrator verify" in err
    assert severities(kit)["V102"] == "error"
    kit.log.write_bytes(kit.log.read_bytes().replace(b'"kid"', b'"kit"', 1))
    status, out, err = kit.inside("next", "payment")
    assert (status, " passed" in out) == (0, True)
    assert kit.log.read_bytes().startswith(before)
    assert [one["event_type"] for one in kit.events("attempt_interrupted")] == ["attempt_interrupted"]


def test_a_log_that_an_agent_cuts_is_found_out_by_the_next_writer(kit: Kit) -> None:
    before = kit.log.read_bytes()
    step(kit, 'truncate -s -4000 "$ORCHESTRATOR_MAIN"/.git/orchestrator/events.jsonl; exit 0\n')
    found = severities(kit)
    assert "error" in found.values(), found
    assert not kit.log.read_bytes().startswith(before)


def test_a_log_that_an_agent_deletes_under_both_names_is_not_begun_anew(kit: Kit) -> None:
    script = (
        'cd "$ORCHESTRATOR_MAIN"; rm -f .git/orchestrator/events.jsonl .context/orchestrator-events.jsonl; exit 0\n'
    )
    status, out, _ = step(kit, script)
    assert (status, out) == (1, "")
    assert severities(kit).get("V101") == "error"


def test_a_commit_on_the_branch_of_another_feature_is_named_and_is_a_checkpoint_of_that_one(kit: Kit) -> None:
    tree = kit.worktree("landing")
    _, out, err = step(kit, f"git -C {tree} commit -q --allow-empty -m stray\n")
    assert (out, err.count("while payment ran, feat/landing went from")) == ("payment  2/1  attempt 1  passed\n", 1)
    last = kit.events("checkpoint_created")
    stray = kit.git("rev-parse", "feat/landing")
    assert [one["feature"] for one in last if one["payload"]["commit"] == stray] == ["feat-landing"]


def test_an_agent_that_rewrites_its_history_leaves_every_checkpoint_to_go_back_to(kit: Kit) -> None:
    kept = kit.git("rev-parse", "feat/payment")
    step(kit, "git reset -q --hard $(git rev-list --max-parents=0 HEAD); git gc -q --prune=now; exit 0\n")
    assert kit.git("rev-parse", "feat/payment") != kept
    n = next(one["payload"]["n"] for one in kit.events("checkpoint_created") if one["payload"]["commit"] == kept)
    kit.do("rollback", "payment", "--to", str(n))
    assert kit.git("rev-parse", "feat/payment") == kept
    assert (kit.worktree("payment") / "work-payment.txt").read_text() == "1 1\n"


def test_inside_a_run_no_state_that_the_agent_wrote_is_imported(kit: Kit) -> None:
    kit.git("branch", "free")
    state = kit.state("payment") | {"feature": "feat-free", "branch": "free"}
    kit.write("../agent/free.json", json.dumps(state))
    place = '"$ORCHESTRATOR_MAIN"/.context/feat-free_orchestrator-state.json'
    step(kit, f'cp "$ORCHESTRATOR_MAIN"/../agent/free.json {place}; orchestrator status; rm {place}; exit 0\n')
    assert kit.events("feature_imported") == []


def test_an_agent_that_kills_the_kit_is_ended_and_its_attempt_not_counted(kit: Kit) -> None:
    kit.script("payment-2-1", f"setsid sleep 600 & {KILL_KIT}; sleep 600\n")
    done = subprocess.run(
        [PROGRAM, "next", "payment"], cwd=kit.root, env=kit.env, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == -signal.SIGKILL
    run = kit.events("phase_started")[-1]["payload"]["run"]
    (kit.root.parent / "agent/payment-2-1").unlink()
    status, out, err = kit.inside("next", "payment")
    assert (status, out) == (0, "payment  2/1  attempt 1  passed\n")
    assert "attempt 1 was interrupted (the kit did not survive it)" in err
    assert living(run) == []


@pytest.mark.parametrize("small_disk", ["6m"], indirect=True)
def test_an_agent_that_fills_the_disk_loses_nothing_and_room_is_enough_to_go_on(
    small_disk: Path, env: dict[str, str]
) -> None:
    kit = created(small_disk / "shop", env, hooks=False)
    kit.write("agent.sh", AGENT)
    kit.commit("an agent that does as it is told")
    kit.do("start", "payment")
    kit.do("next", "payment")
    before = kit.log.read_bytes()
    step(kit, 'cat /dev/zero >"$ORCHESTRATOR_MAIN/../filler" || exit 0\n')
    assert (small_disk / "filler").stat().st_size > 1_000_000
    (small_disk / "filler").unlink()
    status, out, err = kit.inside("next", "payment")
    if "resume" in kit.inside("status")[1]:
        kit.do("resume", "payment")
        status, out, err = kit.inside("next", "payment")
    assert (status, " passed" in out) == (0, True), (out, err)
    assert kit.log.read_bytes().startswith(before)
    kit.inside("verify", "--repair")
    assert "error" not in severities(kit).values()

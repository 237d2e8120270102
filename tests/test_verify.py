"""`verify`: every fault that was seeded is named and nothing is changed; `--repair` mends what can be mended."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from orchestrator import cli
from orchestrator.assets import HOOKS, hook
from orchestrator.core.state import Feature
from orchestrator.verifying.examine import examine
from orchestrator.workspace import Workspace
from tests.conftest import Repo, environment

MENDED, STAYS = "mended", "stays"
AGENT = """\
cat >/dev/null
echo "$ORCHESTRATOR_WORKFLOW $ORCHESTRATOR_PHASE" >>"work-$ORCHESTRATOR_FEATURE.txt"
echo "decided" >>"$ORCHESTRATOR_CONTEXT/feat-${ORCHESTRATOR_FEATURE}_decisions.md"
[ ! -e "$ORCHESTRATOR_MAIN/.git/fail" ] || { rm "$ORCHESTRATOR_MAIN/.git/fail"; exit 1; }
"""
CONFIGURATION = """\
[workflows]
glob = "line/add-feature-*.md"
[agent]
command = ["sh", "agent.sh"]
"""
LINE = {
    "1-make": "# Make it\n\n## Phase 1: Write\n\nWrite the file.\n",
    "2-show": "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n## Phase 2: File\n\nFile it.\n",
}


class Kit(Repo):
    """A repository whose commands run in this process, in the environment that the module's fixture sealed."""

    @property
    def home(self) -> Path:
        return self.root / ".git/orchestrator"

    @property
    def log(self) -> Path:
        return self.home / "events.jsonl"

    @property
    def context(self) -> Path:
        return self.root / ".context"

    def inside(self, *words: str) -> tuple[int, str, str]:
        """Run a command as the console script does and return its exit status, stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli._run(list(words))
        return status, out.getvalue(), err.getvalue()

    def do(self, *words: str) -> None:
        """Run a command that ends well, or says that nothing is left to do."""
        status, out, err = self.inside(*words)
        assert status in (0, 10, 11), (words, status, out, err)

    def feature(self, slug: str) -> Feature:
        return Workspace.find(self.root).feature(slug)

    def digest(self) -> dict[str, str]:
        """Return what lies in the repository and beside it, by name: type, permissions and content."""
        return {str(path): _digest(path) for path in sorted(self.root.parent.rglob("*"))}


def _digest(path: Path) -> str:
    mode = path.lstat().st_mode
    if path.is_symlink():
        return f"{mode:o} -> {path.readlink()}"
    return f"{mode:o} {sha256(path.read_bytes()).hexdigest() if path.is_file() else ''}"


def copied(source: Path, to: Path) -> None:
    """Put a copy of `source` in the place of `to`, hard links and times kept."""
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(["cp", "-a", str(source), str(to)], check=True)


def created(root: Path, env: dict[str, str]) -> Kit:
    """Make a repository with a line, an agent and the kit's hooks, as `init` leaves one."""
    kit = Kit(root, env)
    root.mkdir(parents=True)
    kit.git("init", "--quiet", "--initial-branch=main")
    kit.git("config", "user.name", "A Person")
    kit.git("config", "user.email", "person@example.com")
    for name, text in LINE.items():
        kit.write(f"line/add-feature-{name}.md", text)
    kit.write("agent.sh", AGENT)
    kit.write("orchestrator.toml", CONFIGURATION)
    kit.write(".git/info/exclude", ".context/\n")
    kit.commit("begin")
    for name in HOOKS:
        install(root / ".git/hooks" / name, hook(name, sys.executable))
    return kit


def install(path: Path, text: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    path.chmod(0o755)


@pytest.fixture(scope="module", autouse=True)
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give this process the environment of a person at a plain machine."""
    env = environment(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name not in env]:
            patch.delenv(name)
        for name, value in env.items():
            patch.setenv(name, value)
        yield env


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, sealed: dict[str, str]) -> tuple[Path, Path]:
    """Four features: completed, rolled back, after a failed attempt, in the main worktree; and where they were made."""
    base = tmp_path_factory.mktemp("verify")
    kit = created(base / "place/shop", sealed)
    kit.do("start", "payment")
    kit.do("start", "login")
    kit.do("run")
    kit.do("rollback", "payment")
    kit.do("start", "search")
    kit.do("next", "search")
    kit.write(".git/fail", "")
    kit.do("next", "search")
    kit.do("start", "main-tree", "--checkout")
    kit.do("next", "main-tree")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


@pytest.fixture
def kit(seeds: tuple[Path, Path], sealed: dict[str, str]) -> Kit:
    """A fresh copy, in the very place where it was made: worktrees and the log hold absolute paths."""
    source, place = seeds
    copied(source, place)
    return Kit(place / "shop", sealed)


def found(kit: Kit) -> dict[str, str]:
    """Return the ids that a look finds, with their severities."""
    return {one.finding.id: one.finding.severity for one in examine(Workspace.find(kit.root))}


# --- faults ----------------------------------------------------------------------------------------


def flip_in_the_middle(one: Kit) -> None:
    lines = one.log.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"kit"', b'"kid"', 1)
    one.log.write_bytes(b"".join(lines))


def tear_the_end(one: Kit) -> None:
    with one.log.open("ab") as log:
        log.write(b'{"id":')


def cut_the_log(one: Kit) -> None:
    lines = one.log.read_bytes().splitlines(keepends=True)
    one.log.write_bytes(b"".join(lines[:-3]))


def write_the_log_anew(one: Kit) -> None:
    """Forge a fact early in the log and hash all that follows again, as a careful forger would."""
    from orchestrator.log.records import START, Draft, Head, decode, line, place

    head, rows = START, []
    for piece in one.log.read_bytes().splitlines(keepends=True):
        old = decode(piece)
        actor = "person:mallory@example.com" if old.id == 2 else old.actor
        draft = Draft(old.feature, old.event_type, old.workflow, old.phase, actor, bytes(old.payload))
        new = place(draft, head, old.timestamp)
        rows.append(line(new))
        head = Head(new.id, new.hash, head.offset + len(rows[-1]), new.timestamp)
    one.log.write_bytes(b"".join(rows))
    (one.home / "fold.json").unlink()


def write_an_unknown_event(one: Kit) -> None:
    from orchestrator.log.journal import Journal
    from orchestrator.log.records import Draft
    from orchestrator.workspace import now

    with Journal(one.log, now).transaction() as transaction:
        transaction.append([Draft("feat-payment", "feature_teleported", "1", "1", "kit", b"{}")])


def lose_the_log(one: Kit) -> None:
    one.log.unlink()


def lose_the_log_for_good(one: Kit) -> None:
    one.log.unlink()
    (one.context / "orchestrator-events.jsonl").unlink()


def forge_the_fold(one: Kit) -> None:
    from hashlib import sha256

    path = one.home / "fold.json"
    content = path.read_bytes().partition(b"\n")[2].replace(b'"status":"failed"', b'"status":"active"')
    path.write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)


def break_the_fold(one: Kit) -> None:
    path = one.home / "fold.json"
    path.write_bytes(path.read_bytes()[:-20])


def lose_the_second_name(one: Kit) -> None:
    (one.context / "orchestrator-events.jsonl").unlink()


def replace_the_second_name(one: Kit) -> None:
    lose_the_second_name(one)
    one.write(".context/orchestrator-events.jsonl", "something else\n")


def lose_sqlite(one: Kit) -> None:
    (one.context / "orchestrator-events.db").unlink()


def edit_sqlite(one: Kit) -> None:
    with sqlite3.connect(one.context / "orchestrator-events.db") as connection:
        connection.execute("UPDATE events SET feature = 'feat-other' WHERE id = 3")
    connection.close()


def break_sqlite(one: Kit) -> None:
    (one.context / "orchestrator-events.db").write_bytes(b"not a database" * 100)


def state(one: Kit, slug: str = "payment") -> Path:
    return one.context / f"feat-{slug}_orchestrator-state.json"


def lose_a_state(one: Kit) -> None:
    state(one).unlink()


def break_a_state(one: Kit) -> None:
    state(one).write_bytes(state(one).read_bytes()[:-30])


def edit_a_state(one: Kit) -> None:
    state(one).write_text(state(one).read_text().replace('"notes": []', '"owner": "ana", "notes": []'))


def edit_the_other_copy(one: Kit) -> None:
    path = one.worktree("login") / ".context/feat-login_orchestrator-state.json"
    path.write_text(path.read_text().replace('"notes": []', '"owner": "ana", "notes": []'))


def bring_an_old_state(one: Kit) -> None:
    from orchestrator.core.state import World, fold
    from orchestrator.log.projections import rendered

    workspace = Workspace.find(one.root)
    feature = one.feature("payment")
    events = [event for event in workspace.events() if event.feature == feature.id][:-1]
    state(one).write_bytes(rendered(fold(World(), events).features[feature.id]))


def bring_a_state_of_another_log(one: Kit) -> None:
    content = json.loads(state(one).read_text())
    content["event"]["hash"] = "0" * 64
    state(one).write_text(json.dumps(content))


def bring_a_newer_state(one: Kit) -> None:
    content = json.loads(state(one).read_text())
    state(one).write_text(json.dumps({**content, "version": 99}))


def bring_an_unknown_state(one: Kit) -> None:
    content = json.loads(state(one).read_text())
    one.git("branch", "feat/older")
    state(one, "older").write_text(json.dumps({**content, "feature": "feat-older", "branch": "feat/older"}))


def lose_a_checkpoint_ref(one: Kit) -> None:
    one.git("update-ref", "-d", "refs/orchestrator/checkpoint/login/2")


def move_a_checkpoint_ref(one: Kit) -> None:
    one.git("update-ref", "refs/orchestrator/checkpoint/login/2", "main")


def lose_a_commit(one: Kit) -> None:
    """The newest commit of a feature, as a bad disk loses it."""
    sha = one.git("rev-parse", "refs/orchestrator/checkpoint/search/2")
    path = one.root / ".git/objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.unlink()


def lose_a_tag(one: Kit) -> None:
    one.git("tag", "-d", "checkpoint/login/4")


def lose_all_tags(one: Kit) -> None:
    one.git("tag", "-d", *one.git("tag", "-l", "checkpoint/login/*").split())


def move_a_tag(one: Kit) -> None:
    one.git("tag", "-f", "checkpoint/login/4", "main")


def make_a_foreign_tag(one: Kit) -> None:
    one.git("tag", "checkpoint/elsewhere/1")


def lose_the_context_ref(one: Kit) -> None:
    one.git("update-ref", "-d", "refs/orchestrator/context/login")


def move_the_context_ref(one: Kit) -> None:
    one.git("update-ref", "refs/orchestrator/context/login", "refs/orchestrator/context/login~1")


def lose_a_snapshot(one: Kit) -> None:
    sha = one.git("rev-parse", "refs/orchestrator/context/login")
    path = one.root / ".git/objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.unlink()


def lose_a_rescue(one: Kit) -> None:
    for name in one.git("for-each-ref", "--format=%(refname)", "refs/orchestrator/rescue/").split():
        one.git("update-ref", "-d", name)


def lose_a_failed_attempt(one: Kit) -> None:
    for name in one.git("for-each-ref", "--format=%(refname)", "refs/orchestrator/attempt/").split():
        one.git("update-ref", "-d", name)


def lose_the_accepted_line(one: Kit) -> None:
    one.git("update-ref", "-d", "refs/orchestrator/line")


def lose_the_branch(one: Kit) -> None:
    one.git("switch", "-q", "--detach", cwd=one.worktree("search"))
    one.git("branch", "-qD", "feat/search")


def lose_a_finished_branch(one: Kit) -> None:
    one.git("switch", "-q", "--detach", cwd=one.worktree("login"))
    one.git("branch", "-qD", "feat/login")


def commit_by_hand(one: Kit) -> None:
    worktree = one.worktree("search")
    (worktree / "more.txt").write_text("more\n")
    one.git("add", "-A", cwd=worktree)
    one.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "by hand", cwd=worktree)


def lose_a_worktree(one: Kit) -> None:
    shutil.rmtree(one.worktree("search"))


def move_a_worktree(one: Kit) -> None:
    one.git("worktree", "move", str(one.worktree("search")), str(one.worktree("elsewhere")))


def clean_the_context(one: Kit) -> None:
    shutil.rmtree(one.worktree("search") / ".context")


def clean_the_main_context(one: Kit) -> None:
    shutil.rmtree(one.context)


def stop_ignoring(one: Kit) -> None:
    (one.root / ".git/info/exclude").write_text("")


def leave_an_index_lock(one: Kit) -> None:
    lock = one.root / ".git/worktrees/search/index.lock"
    lock.touch()
    os.utime(lock, (1, 1))


def leave_a_half_written_file(one: Kit) -> None:
    os.utime(one.write(".context/.orchestrator-0123456789abcdef", "half"), (1, 1))


def tar(one: Kit, n: int = 1) -> Path:
    return one.context / f"backups/feat-login_backup-{n}.tar.gz"


def lose_a_tar(one: Kit) -> None:
    tar(one, 3).unlink()


def lose_all_tars(one: Kit) -> None:
    shutil.rmtree(one.context / "backups")


def flip_a_bit_in_a_tar(one: Kit) -> None:
    content = bytearray(tar(one).read_bytes())
    content[len(content) // 2] ^= 1
    tar(one).write_bytes(content)


def cut_a_tar(one: Kit) -> None:
    tar(one).write_bytes(tar(one).read_bytes()[:100])


def lose_the_newest_tar(one: Kit) -> None:
    (one.context / "feat-login_backup.tar.gz").unlink()


def replace_the_newest_tar(one: Kit) -> None:
    newest = one.context / "feat-login_backup.tar.gz"
    newest.unlink()
    shutil.copyfile(tar(one), newest)


def kill_an_attempt(one: Kit) -> None:
    from orchestrator.core import decide
    from orchestrator.core.events import PhaseStarted

    workspace = Workspace.find(one.root)
    feature = one.feature("search")
    started = PhaseStarted(ordinal=1, attempt=2, run="0" * 32, worktree=str(one.worktree("search")))
    workspace.record(lambda world: decide.start_phase(world.features[feature.id], started))


def kill_a_rollback(one: Kit) -> None:
    from orchestrator.core import decide
    from orchestrator.core.events import RollbackOrdered

    workspace = Workspace.find(one.root)
    feature = one.feature("search")
    point = feature.points[0]
    ordered = RollbackOrdered(
        operation="f" * 32,
        n=point.n,
        commit=point.commit,
        snapshot=point.snapshot,
        old=one.git("rev-parse", "feat/search"),  # type: ignore[arg-type]
        moment=feature.moment,
        worktree=str(one.worktree("search")),
    )
    workspace.record(lambda world: decide.order_rollback(world.features[feature.id], ordered, "kit"))


def lose_a_hook(one: Kit) -> None:
    (one.root / ".git/hooks/post-merge").unlink()


def replace_a_hook(one: Kit) -> None:
    install(one.root / ".git/hooks/post-merge", b"#!/bin/sh\nexit 0\n")


def take_a_hooks_permission(one: Kit) -> None:
    (one.root / ".git/hooks/post-commit").chmod(0o644)


def lose_the_interpreter(one: Kit) -> None:
    install(one.root / ".git/hooks/post-commit", hook("post-commit", "/nowhere/python3"))


def take_an_interpreter_without_the_kit(one: Kit) -> None:
    install(one.root / ".git/hooks/post-commit", hook("post-commit", "/bin/false"))


def edit_a_hook(one: Kit) -> None:
    path = one.root / ".git/hooks/post-commit"
    path.write_bytes(path.read_bytes() + b"# mine\n")


def point_hooks_elsewhere(one: Kit) -> None:
    one.git("config", "core.hooksPath", "/nowhere/hooks")


def leave_hook_trouble(one: Kit) -> None:
    (one.home / "hook-trouble").write_text("post-commit: the disk was full\n")


def break_the_configuration(one: Kit) -> None:
    one.write("orchestrator.toml", "[workflows]\nglobb = 1\n")


def double_a_document(one: Kit) -> None:
    one.write("line/add-feature-2-again.md", TWO_AGAIN)


TWO_AGAIN = "# Again\n\n## Phase 1: Again\n\nAgain.\n"


def remove_a_document(one: Kit) -> None:
    (one.root / "line/add-feature-2-show.md").rename(one.root / "line/show.md")


def change_the_validation(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text() + '[validate]\ncommand = "true"\n')


def lose_the_agent(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text().replace('"sh", "agent.sh"', '"no-such-agent"'))


def log_the_agent_out(one: Kit) -> None:
    program = one.write(".git/codex", '#!/bin/sh\n[ "$1" = --help ] && echo "  login  log in" && exit 0\nexit 1\n')
    program.chmod(0o755)
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text().replace('"sh", "agent.sh"', '".git/codex"'))


def lose_the_notifier(one: Kit) -> None:
    path = one.root / "orchestrator.toml"
    path.write_text(path.read_text() + '[notify]\ncommand = ["no-such-notifier"]\n')


def sign_commits(one: Kit) -> None:
    one.git("config", "commit.gpgSign", "true")


def lose_the_identity(one: Kit) -> None:
    one.git("config", "--unset", "user.email")
    one.git("config", "user.useConfigOnly", "true")


def switch_reflogs_off(one: Kit) -> None:
    one.git("config", "core.logAllRefUpdates", "false")


def mirror_to_origin(one: Kit) -> None:
    one.git("config", "remote.origin.mirror", "true")


Fault = Callable[[Kit], None]
# The fault, the finding that names it, its severity, and whether `--repair` mends it.
FAULTS: list[tuple[Fault, str, str, str]] = [
    (lose_the_log, "V101", "error", MENDED),
    (lose_the_log_for_good, "V101", "error", STAYS),
    (flip_in_the_middle, "V102", "error", STAYS),
    (tear_the_end, "V103", "warning", MENDED),
    (write_an_unknown_event, "V104", "error", STAYS),
    (cut_the_log, "V105", "error", MENDED),
    (forge_the_fold, "V106", "error", MENDED),
    (break_the_fold, "V107", "note", MENDED),
    (lose_the_second_name, "V108", "note", MENDED),
    (replace_the_second_name, "V109", "warning", MENDED),
    (lose_sqlite, "V110", "note", MENDED),
    (edit_sqlite, "V111", "warning", MENDED),
    (break_sqlite, "V111", "warning", MENDED),
    (write_the_log_anew, "V112", "error", STAYS),
    (lose_a_state, "V201", "warning", MENDED),
    (break_a_state, "V202", "warning", MENDED),
    (edit_a_state, "V203", "note", MENDED),
    (edit_the_other_copy, "V203", "note", MENDED),
    (bring_an_old_state, "V204", "note", MENDED),
    (bring_a_newer_state, "V205", "error", STAYS),
    (bring_an_unknown_state, "V206", "note", MENDED),
    (bring_a_state_of_another_log, "V207", "warning", MENDED),
    (lose_a_checkpoint_ref, "V301", "error", MENDED),
    (move_a_checkpoint_ref, "V302", "error", MENDED),
    (lose_a_commit, "V303", "error", STAYS),
    (lose_a_tag, "V304", "warning", MENDED),
    (lose_all_tags, "V304", "note", MENDED),
    (move_a_tag, "V305", "warning", MENDED),
    (make_a_foreign_tag, "V306", "note", STAYS),
    (lose_the_context_ref, "V307", "error", MENDED),
    (move_the_context_ref, "V308", "error", MENDED),
    (lose_a_snapshot, "V309", "error", STAYS),
    (lose_a_rescue, "V310", "error", MENDED),
    (lose_a_failed_attempt, "V311", "warning", STAYS),
    (lose_the_accepted_line, "V312", "warning", MENDED),
    (lose_the_branch, "V320", "error", STAYS),
    (lose_a_finished_branch, "V320", "note", STAYS),
    (commit_by_hand, "V321", "note", MENDED),
    (lose_a_worktree, "V401", "warning", STAYS),
    (move_a_worktree, "V402", "note", STAYS),
    (clean_the_context, "V403", "warning", MENDED),
    (clean_the_main_context, "V403", "warning", MENDED),
    (stop_ignoring, "V404", "warning", STAYS),
    (leave_an_index_lock, "V405", "note", STAYS),
    (lose_a_tar, "V501", "warning", MENDED),
    (lose_all_tars, "V501", "warning", MENDED),
    (flip_a_bit_in_a_tar, "V502", "warning", MENDED),
    (cut_a_tar, "V502", "warning", MENDED),
    (lose_the_newest_tar, "V503", "warning", MENDED),
    (replace_the_newest_tar, "V504", "warning", MENDED),
    (kill_an_attempt, "V601", "note", MENDED),
    (kill_a_rollback, "V602", "note", MENDED),
    (leave_a_half_written_file, "V604", "note", STAYS),
    (lose_a_hook, "V702", "warning", STAYS),
    (replace_a_hook, "V702", "warning", STAYS),
    (take_a_hooks_permission, "V703", "warning", STAYS),
    (lose_the_interpreter, "V704", "warning", STAYS),
    (take_an_interpreter_without_the_kit, "V704", "warning", STAYS),
    (point_hooks_elsewhere, "V705", "warning", STAYS),
    (leave_hook_trouble, "V706", "warning", MENDED),
    (edit_a_hook, "V707", "note", STAYS),
    (break_the_configuration, "V801", "error", STAYS),
    (double_a_document, "V802", "error", STAYS),
    (remove_a_document, "V804", "note", STAYS),
    (change_the_validation, "V804", "note", STAYS),
    (lose_the_agent, "V811", "warning", STAYS),
    (log_the_agent_out, "V812", "warning", STAYS),
    (lose_the_notifier, "V814", "warning", STAYS),
    (sign_commits, "V821", "note", STAYS),
    (lose_the_identity, "V822", "warning", STAYS),
    (switch_reflogs_off, "V823", "note", STAYS),
    (mirror_to_origin, "V824", "note", STAYS),
]
NAMES = [fault[0].__name__ for fault in FAULTS]


@pytest.mark.parametrize(("fault", "id", "severity", "fate"), FAULTS, ids=NAMES)
def test_a_seeded_fault_is_named_changes_nothing_and_is_mended_where_it_can_be(
    kit: Kit, fault: Fault, id: str, severity: str, fate: str
) -> None:
    fault(kit)
    before = kit.digest()

    seen = found(kit)

    assert seen.get(id) == severity, seen
    assert kit.digest() == before
    status, out, err = kit.inside("verify", "--repair", "--json")
    left = {one["id"]: one["severity"] for one in json.loads(out)["findings"]}
    assert (id in left) is (fate == STAYS), (left, out, err)
    assert status == int("error" in left.values()), (left, err)

"""`init` in real repositories: what it writes, that twice changes nothing, that --remove leaves what was before."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from orchestrator import cli
from orchestrator.adapters.git import discover
from orchestrator.adapters.lock import RunLock
from orchestrator.assets import HOOKS, asset, hook, names
from orchestrator.makefile import render
from orchestrator.setup import claude, instructions
from orchestrator.setup.lining import with_pause
from orchestrator.setup.record import Inserted, Places, Record, alone
from orchestrator.workspace import Workspace, now
from tests.conftest import Repo

Make = Callable[[str], Repo]
FRESH = """\
wrote     docs/workflows/add-feature-*.md
wrote     orchestrator.toml
wrote     orchestrator.mk
wrote     .claude/agents/workflow-orchestrator.md
wrote     scripts/orchestrator-rollback.sh
changed   Makefile (one line: -include orchestrator.mk)
changed   .git/info/exclude (ignore rules for .context/)
hook      .git/hooks/post-commit
hook      .git/hooks/post-merge
hook      .git/hooks/post-rewrite
hook      .git/hooks/post-applypatch
hook      .git/hooks/pre-push
note      the line is docs/workflows/add-feature-*.md: 12 documents to begin with; make them yours

To be committed, which init leaves to you:

    git add -- 'docs/workflows/add-feature-*.md' .claude/agents/workflow-orchestrator.md Makefile orchestrator.mk \
orchestrator.toml scripts/orchestrator-rollback.sh
"""
FRESH_REMOVED = """\
removed   docs/workflows/add-feature-*.md
removed   orchestrator.toml
removed   orchestrator.mk
removed   .claude/agents/workflow-orchestrator.md
removed   scripts/orchestrator-rollback.sh
removed   Makefile
removed   .git/hooks/post-commit
removed   .git/hooks/post-merge
removed   .git/hooks/post-rewrite
removed   .git/hooks/post-applypatch
removed   .git/hooks/pre-push
restored  .git/info/exclude
"""
NOTHING = "nothing to change: all is as init leaves it\n"
MARK = '#!/bin/sh\necho "$0 $*" >>"$(git rev-parse --show-toplevel)/../ran"\n'


class InProcess(Repo):
    """A repository whose commands run in this process: 20 times as fast, for what starts no program of the kit."""

    def call(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        with surroundings(cwd or self.root, {**self.env, **env}, words), redirect_stdout(out), redirect_stderr(err):
            status = called()
        return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def called() -> int:
    """Call the console script's function and return its exit status."""
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@contextmanager
def surroundings(folder: Path, environment: Mapping[str, str], words: Sequence[str]) -> Iterator[None]:
    """Have a folder, an environment and arguments as a program of its own would."""
    kept, here, typed = dict(os.environ), Path.cwd(), sys.argv
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["orchestrator", *words]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
        os.chdir(here)
        sys.argv = typed


def snapshot(root: Path) -> dict[str, str]:
    """Return every path below a folder with its mode and content; where git keeps its own counts is left out."""
    seen = {}
    for path in sorted(root.rglob("*")):
        mode = f"{path.lstat().st_mode:o}"
        if path.is_symlink():
            seen[str(path)] = f"{mode} -> {path.readlink()}"
        else:
            seen[str(path)] = f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ''}"
    return seen


def line(repo: Repo, pattern: str, *ids: str) -> None:
    """Write documents of a line; `pattern` holds `{}` where the id goes."""
    for one in ids:
        repo.write(pattern.format(one), f"# Document {one}\n\nDo it.\n")


@pytest.fixture
def fresh(make_repo: Make) -> Repo:
    """An empty repository."""
    return in_process(make_repo("fresh"))


def in_process(repo: Repo) -> Repo:
    return InProcess(repo.root, repo.env)


# --- a fresh repository ---------------------------------------------------------------------------


def test_a_fresh_repository_gets_everything_and_is_told_what_to_commit(fresh: Repo) -> None:
    assert fresh.run("init") == FRESH
    written = {name: fresh.root.joinpath("docs/workflows", name).read_bytes() for name in names("workflows")}
    assert written == {name: asset("workflows", name) for name in names("workflows")}
    template = with_pause(asset("orchestrator.toml").decode()).encode()
    wanted = template.replace(b"@GLOB@", b"docs/workflows/add-feature-*.md").replace(b"@TAGS@", b"20")
    assert (fresh.root / "orchestrator.toml").read_bytes() == wanted
    assert (fresh.root / "orchestrator.mk").read_text() == render(frozenset())
    assert (fresh.root / "Makefile").read_text() == "-include orchestrator.mk\n"
    agent = fresh.root / ".claude/agents/workflow-orchestrator.md"
    assert agent.read_bytes() == asset("workflow-orchestrator.md")
    assert sorted(one.name for one in (fresh.root / "scripts").iterdir()) == ["orchestrator-rollback.sh"]
    assert os.access(fresh.root / "scripts/orchestrator-rollback.sh", os.X_OK)
    for name in HOOKS:
        assert (fresh.root / ".git/hooks" / name).read_bytes() == hook(name, sys.executable)
    assert fresh.git("log", "--all", "--oneline") == ""
    assert fresh.git("diff", "--cached", "--name-only") == ""


def test_init_twice_changes_nothing_and_says_so(fresh: Repo) -> None:
    first = fresh.run("init")
    before = snapshot(fresh.root)
    assert fresh.run("init") == NOTHING + first[first.index("\nTo be committed") :]
    assert snapshot(fresh.root) == before
    fresh.commit("set up")
    assert fresh.run("init") == NOTHING


def test_remove_leaves_the_repository_byte_for_byte_as_it_was(fresh: Repo) -> None:
    before = snapshot(fresh.root)
    fresh.run("init")
    assert fresh.run("init", "--remove") == FRESH_REMOVED
    assert snapshot(fresh.root) == before
    assert fresh.run("init", "--remove") == "nothing to take away: init wrote nothing here that is still there\n"
    assert snapshot(fresh.root) == before


def test_what_hooks_leave_beside_the_log_goes_too(fresh: Repo) -> None:
    fresh.run("init")
    fresh.commit("set up")
    fresh.run("workflows")
    fresh.run("status")
    fresh.run("init", "--remove")
    assert not (fresh.root / ".git/orchestrator").exists()
    assert sorted(one.name for one in fresh.root.iterdir()) == [".git"]


def test_the_line_and_the_make_targets_work_afterwards(fresh: Repo) -> None:
    fresh.run("init")
    made = subprocess.run(["make", "-n", "orch-next"], cwd=fresh.root, env=fresh.env, capture_output=True, text=True)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith('orchestrator next -- ${FEATURE:+"$FEATURE"} ')
    assert fresh.run("workflows").startswith("12 workflows, ")


def test_a_commit_of_a_feature_becomes_a_checkpoint_through_the_hooks(fresh: Repo) -> None:
    fresh.run("init")
    fresh.commit("set up")
    fresh.run("start", "payment", "--checkout")
    fresh.write("work", "done\n")
    commit = fresh.commit("work")
    assert [one["payload"]["commit"] for one in fresh.events("checkpoint_created")] == [commit]


def test_context_files_are_ignored_in_every_worktree_and_an_exception_of_the_user_counts(fresh: Repo) -> None:
    fresh.run("init")
    fresh.write(".gitignore", "!.context/README.md\n")
    fresh.commit("set up")
    other = fresh.root.with_name("other")
    fresh.git("worktree", "add", "-q", str(other))
    for root in (fresh.root, other):
        (root / ".context").mkdir()
        (root / ".context/README.md").write_text("read\n")
        (root / ".context/feat-payment_decisions.md").write_text("secret\n")
        assert fresh.git("status", "--porcelain", "-uall", cwd=root) == "?? .context/README.md"


def test_worktrees_inside_the_repository_are_ignored_too(fresh: Repo) -> None:
    fresh.write("orchestrator.toml", '[worktrees]\nroot = "trees/here"\n')
    fresh.run("init")
    assert "\n/trees/here/\n" in (fresh.root / ".git/info/exclude").read_text()


def test_scripts_come_when_asked_for_and_never_over_a_file(fresh: Repo) -> None:
    fresh.write("scripts/feature-init.sh", "mine\n")
    before = snapshot(fresh.root)
    said = fresh.run("init", "--scripts")
    assert "kept      scripts/feature-init.sh (it was there; yours)\n" in said
    assert (fresh.root / "scripts/feature-init.sh").read_text() == "mine\n"
    assert {one.name for one in (fresh.root / "scripts").iterdir()} == {
        "feature-dashboard.sh", "feature-init.sh", "feature-update-state.sh", "orchestrator-rollback.sh",
    }  # fmt: skip
    shell = {
        name: (fresh.root / "scripts" / name).read_bytes() for name in names("scripts") if name != "feature-init.sh"
    }
    assert shell == {name: asset("scripts", name) for name in shell}
    fresh.run("init", "--remove")
    assert snapshot(fresh.root) == before


def test_a_linked_worktree_sets_the_main_one_up(fresh: Repo) -> None:
    fresh.commit("begin")
    other = fresh.root.with_name("other")
    fresh.git("worktree", "add", "-q", str(other))
    there = snapshot(other)
    said = fresh.run("init", cwd=other)
    assert said.startswith(f"set up in the main worktree, {fresh.root}\n\nwrote     docs/workflows/add-feature-*.md\n")
    assert f"    git -C {fresh.root} add -- " in said
    assert snapshot(other) == there
    assert (fresh.root / ".git/hooks/post-commit").exists()
    assert fresh.run("init", "--remove", cwd=other) == FRESH_REMOVED


# --- what the user has ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "glob"),
    [
        (".windsurf/workflows/add-feature-{}-x.md", ".windsurf/workflows/add-feature-*.md"),
        (".claude/commands/{}_x.md", ".claude/commands/*.md"),
        ("docs/workflows/step-{}.md", "docs/workflows/step-*.md"),
        (".cursor/commands/{}-x.md", ".cursor/commands/*.md"),
    ],
)
def test_the_glob_of_the_users_own_documents_is_proposed(fresh: Repo, pattern: str, glob: str) -> None:
    line(fresh, pattern, "1", "2b", "4.5a")
    said = fresh.run("init")
    assert f"note      the line is {glob}: 3 documents with ids\n" in said
    assert f'\nglob = "{glob}"\n' in (fresh.root / "orchestrator.toml").read_text()
    assert '[gates.pause]\n"10:' not in (fresh.root / "orchestrator.toml").read_text()
    assert [one["id"] for one in fresh.json("workflows")["workflows"]] == ["1", "2b", "4.5a"]
    assert "add-feature-1-understand" not in said


def test_of_several_lines_the_longest_is_taken_and_the_others_are_named(fresh: Repo) -> None:
    line(fresh, "docs/workflows/{}-x.md", "1", "2")
    line(fresh, ".claude/commands/{}-x.md", "1", "2", "3")
    fresh.write(".claude/commands/fix-404-page.md", "# no line\n")
    said = fresh.run("init")
    assert "the line is .claude/commands/*.md: 3 documents with ids; also found: docs/workflows/*.md (2)\n" in said


def test_a_configuration_that_is_there_is_kept(fresh: Repo) -> None:
    fresh.write("orchestrator.toml", '[workflows]\nglob = "mine/*.md"\n')
    line(fresh, "mine/{}-x.md", "1")
    said = fresh.run("init")
    assert "orchestrator.toml" not in said
    assert (fresh.root / "orchestrator.toml").read_text() == '[workflows]\nglob = "mine/*.md"\n'
    assert not (fresh.root / "docs").exists()


def test_a_kept_glob_that_matches_nothing_is_said(fresh: Repo) -> None:
    fresh.write("orchestrator.toml", '[workflows]\nglob = "mine/*.md"\n')
    line(fresh, ".claude/commands/{}-x.md", "1", "2")
    assert (
        "note      [workflows] glob = 'mine/*.md' in orchestrator.toml matches no document with an id; "
        "there is a line at .claude/commands/*.md\n"
    ) in fresh.run("init")


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("pyproject.toml", '[build-system]\nrequires = ["setuptools_scm"]\n', "pyproject.toml: setuptools-scm"),
        ("pyproject.toml", '[tool.hatch.version]\nsource = "vcs"\n# hatch-vcs\n', "pyproject.toml: hatch-vcs"),
        ("setup.cfg", "[versioningit]\n", "setup.cfg: versioningit"),
        ("package.json", '{"scripts": {"release": "standard-version"}}\n', "package.json: standard-version"),
        ("package.json", '{"release": {}, "x": "semantic-release"}\n', "package.json: semantic-release"),
        (".goreleaser.yaml", "version: 2\n", ".goreleaser.yaml: the file itself"),
        ("Makefile", "V := $(shell git -C . describe --always --tags)\n", "Makefile: `git describe --tags`"),
    ],
)
def test_where_tags_decide_versions_no_checkpoint_becomes_a_tag(fresh: Repo, file: str, text: str, reason: str) -> None:
    fresh.write(file, text)
    assert f"[checkpoints] tags is 0: tags decide versions here ({reason})" in fresh.run("init")
    assert f"\ntags = 0 # tags decide versions here ({reason})\n" in (fresh.root / "orchestrator.toml").read_text()


@pytest.mark.parametrize(
    "text", ["V := $(shell git describe)\n", "x: ; kubectl describe --all\n", "all:\n\techo tags\n"]
)
def test_annotated_tags_alone_are_no_reason(fresh: Repo, text: str) -> None:
    fresh.write("Makefile", text)
    assert "tags is 0" not in fresh.run("init")


def test_tags_that_a_kept_configuration_makes_are_named(fresh: Repo) -> None:
    fresh.write("orchestrator.toml", "[checkpoints]\ntags = 5\n")
    fresh.write("pyproject.toml", "hatch-vcs\n")
    assert "orchestrator.toml keeps [checkpoints] tags = 5; with 0 no checkpoint becomes a tag" in fresh.run("init")


# --- Makefiles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("Makefile", b"all: ; @echo all\n", b"all: ; @echo all\n-include orchestrator.mk\n"),
        ("Makefile", b"all: ; @echo all", b"all: ; @echo all\n-include orchestrator.mk\n"),
        ("makefile", b"all: ; @echo all\r\n", b"all: ; @echo all\r\n-include orchestrator.mk\r\n"),
        ("GNUmakefile", b"all: ; @echo all\r\nx:", b"all: ; @echo all\r\nx:\r\n-include orchestrator.mk\r\n"),
        ("Makefile", b"all: ; @echo \\\nall\\\n", b"all: ; @echo \\\nall\\\n\n-include orchestrator.mk\n"),
        ("Makefile", b"all: ; @echo all \xff\n", b"all: ; @echo all \xff\n-include orchestrator.mk\n"),
        ("Makefile", b"", b"-include orchestrator.mk\n"),
    ],
)
def test_a_makefile_gets_one_line_at_its_end_and_is_whole_again_after_remove(
    fresh: Repo, name: str, before: bytes, after: bytes
) -> None:
    (fresh.root / name).write_bytes(before)
    (fresh.root / name).chmod(0o664)
    whole = snapshot(fresh.root)
    fresh.run("init")
    assert (fresh.root / name).read_bytes() == after
    made = subprocess.run(["make", "-n", "orch-next"], cwd=fresh.root, env=fresh.env, capture_output=True, text=True)
    assert (made.returncode, made.stdout.split(" ", 2)[:2]) == (0, ["orchestrator", "next"])
    fresh.run("init", "--remove")
    assert snapshot(fresh.root) == whole


def test_what_was_written_behind_the_line_stays_on_a_line_of_its_own(fresh: Repo) -> None:
    fresh.write("Makefile", "all: ; @echo all")
    fresh.run("init")
    with (fresh.root / "Makefile").open("a") as file:
        file.write("more: ; @echo more\n")
    fresh.run("init", "--remove")
    assert (fresh.root / "Makefile").read_text() == "all: ; @echo all\nmore: ; @echo more\n"


def test_targets_of_the_user_keep_their_names_also_those_that_are_included(fresh: Repo) -> None:
    fresh.write("Makefile", "include more.mk\nnext: ; @echo mine\n")
    fresh.write("more.mk", "status: ; @echo mine too\n")
    fresh.run("init")
    assert (fresh.root / "orchestrator.mk").read_text() == render(frozenset({"next", "status"}))
    fresh.write("more.mk", "log: ; @echo mine too\n")
    assert "wrote     orchestrator.mk\n" in fresh.run("init")
    assert (fresh.root / "orchestrator.mk").read_text() == render(frozenset({"next", "log"}))


def test_a_makefile_that_includes_the_targets_already_is_left_alone(fresh: Repo) -> None:
    fresh.write("Makefile", "include orchestrator.mk other.mk\n")
    assert "Makefile" not in fresh.run("init").split("To be committed")[0]
    assert (fresh.root / "Makefile").read_text() == "include orchestrator.mk other.mk\n"


def test_a_makefile_that_leads_out_of_the_repository_is_not_written(fresh: Repo) -> None:
    outside = fresh.root.with_name("outside.mk")
    outside.write_text("all: ; @echo all\n")
    (fresh.root / "Makefile").symlink_to(outside)
    assert (
        "\nMakefile is a link that leads out of this repository; the line for it is:\n\n    -include orchestrator.mk\n"
    ) in fresh.run("init")
    assert outside.read_text() == "all: ; @echo all\n"


# --- hooks ----------------------------------------------------------------------------------------


def test_a_hook_that_was_there_keeps_arguments_stdin_and_exit_status(fresh: Repo) -> None:
    fresh.commit("begin")
    fresh.git("init", "-q", "--bare", "../far.git")
    for name, code in (("post-commit", 0), ("pre-push", 3)):
        path = fresh.write(
            f".git/hooks/{name}", f'{MARK}cat >>"$(git rev-parse --show-toplevel)/../ran"\nexit {code}\n'
        )
        path.chmod(0o750)
    before = snapshot(fresh.root / ".git/hooks")
    said = fresh.run("init")
    assert "hook      .git/hooks/pre-push (calls the one that was there)\n" in said
    assert "hook      .git/hooks/post-merge\n" in said
    head = fresh.commit("set up")
    pushed = subprocess.run(
        ["git", "push", "-q", "../far.git", "main"], cwd=fresh.root, env=fresh.env, capture_output=True, text=True
    )
    assert pushed.returncode == 1
    zero = "0" * 40
    assert (fresh.root.parent / "ran").read_text() == (
        ".git/hooks/post-commit.orchestrator-chained \n"
        ".git/hooks/pre-push.orchestrator-chained ../far.git ../far.git\n"
        f"refs/heads/main {head} refs/heads/main {zero}\n"
    )
    said = fresh.run("init", "--remove")
    assert "restored  .git/hooks/post-commit\nrestored  .git/hooks/pre-push\n" in said
    assert snapshot(fresh.root / ".git/hooks") == before


def test_a_hook_that_is_a_link_is_called_and_comes_back_as_a_link(fresh: Repo) -> None:
    fresh.write("tools/check", MARK).chmod(0o755)
    (fresh.root / ".git/hooks/post-commit").symlink_to("../../tools/check")
    before = snapshot(fresh.root)
    fresh.run("init")
    fresh.git("commit", "-q", "--allow-empty", "-m", "one")
    assert (fresh.root.parent / "ran").read_text() == ".git/hooks/post-commit.orchestrator-chained \n"
    fresh.run("init", "--remove")
    assert snapshot(fresh.root / ".git/hooks") == {
        name: value for name, value in before.items() if name.startswith(f"{fresh.root}/.git/hooks/")
    }


def test_another_interpreter_or_a_lost_record_makes_no_second_chain(fresh: Repo) -> None:
    hooks = fresh.root / ".git/hooks"
    fresh.write(".git/hooks/post-commit", MARK).chmod(0o755)
    before = snapshot(hooks)
    fresh.run("init")
    (hooks / "post-commit").write_bytes(hook("post-commit", "/gone/python", waits=True))
    (fresh.root / ".git/orchestrator/init.json").unlink()
    assert "hook      .git/hooks/post-commit\n" in fresh.run("init")
    assert (hooks / "post-commit").read_bytes() == hook("post-commit", sys.executable)
    assert not (hooks / "post-commit.orchestrator-chained.orchestrator-chained").exists()
    fresh.run("init", "--remove")
    assert (hooks / "post-commit").read_text() == MARK
    assert snapshot(hooks).keys() >= before.keys()


def test_what_the_framework_installed_later_goes_on_to_call_ours_and_the_users_hook(fresh: Repo) -> None:
    hooks = fresh.root / ".git/hooks"
    fresh.write(".git/hooks/post-commit", MARK).chmod(0o755)
    before = snapshot(hooks)
    fresh.run("init")
    fresh.commit("set up")
    fresh.run("start", "payment", "--checkout")
    framework(fresh, "install", "--allow-missing-config")
    assert hook("post-commit", sys.executable) == (hooks / "post-commit.legacy").read_bytes()
    work = fresh.commit("work")
    assert [one["payload"]["commit"] for one in fresh.events("checkpoint_created")] == [work]
    ran = ".git/hooks/post-commit.orchestrator-chained \n"
    assert (fresh.root.parent / "ran").read_text().replace(f"{fresh.root}/", "") == ran * 2

    (hooks / "post-commit.legacy").write_bytes(hook("post-commit", "/gone/python"))
    assert fresh.run("init").startswith("hook      .git/hooks/post-commit\n")
    after = {name: value.split()[1] for name, value in snapshot(hooks).items()}
    assert (hooks / "post-commit.legacy").read_bytes() == hook("post-commit", sys.executable)
    assert fresh.run("init") == NOTHING
    assert {name: value.split()[1] for name, value in snapshot(hooks).items()} == after

    assert "restored  .git/hooks/post-commit\n" in fresh.run("init", "--remove")
    assert (hooks / "post-commit.legacy").read_text() == MARK
    framework(fresh, "uninstall")
    assert snapshot(hooks) == before


def framework(repo: Repo, *words: str) -> None:
    """Call the pre-commit framework for post-commit and post-merge."""
    call = [sys.executable, "-I", "-m", "pre_commit", *words, "-t", "post-commit", "-t", "post-merge"]
    subprocess.run(call, cwd=repo.root, env=repo.env, capture_output=True, check=True)


def test_a_hook_of_ours_that_was_changed_stays_and_is_named(fresh: Repo) -> None:
    fresh.run("init")
    changed = fresh.root / ".git/hooks/post-merge"
    text = changed.read_text() + "echo more\n"
    changed.write_text(text)
    assert "note      .git/hooks/post-merge was changed since init wrote it; it stays as it is\n" in fresh.run("init")
    assert "left      .git/hooks/post-merge (changed since init wrote it)\n" in fresh.run("init", "--remove")
    assert changed.read_text() == text


def test_a_hook_written_over_ours_is_not_lost_where_the_place_beside_it_is_taken(fresh: Repo) -> None:
    hooks = fresh.root / ".git/hooks"
    (hooks / "post-commit").write_text("#!/bin/sh\n# first\n")
    (hooks / "post-commit").chmod(0o755)
    fresh.run("init")
    (hooks / "post-commit").write_text("#!/bin/sh\n# second\n")
    said = fresh.run("init")
    assert "post-commit stays: post-commit.orchestrator-chained beside it is taken by yet another hook\n" in said
    assert "left      .git/hooks/post-commit (changed since" in fresh.run("init", "--remove")
    assert (hooks / "post-commit").read_text() == "#!/bin/sh\n# second\n"
    assert (hooks / "post-commit.orchestrator-chained").read_text() == "#!/bin/sh\n# first\n"


def test_trailers_bring_a_hook_of_their_own_and_take_it_away_again(fresh: Repo) -> None:
    fresh.write("orchestrator.toml", "[hooks]\ntrailers = true\nwait = true\n")
    assert "hook      .git/hooks/prepare-commit-msg\n" in fresh.run("init")
    hooks = fresh.root / ".git/hooks"
    assert (hooks / "prepare-commit-msg").read_bytes() == hook("prepare-commit-msg", sys.executable)
    assert (hooks / "post-commit").read_bytes() == hook("post-commit", sys.executable, waits=True)
    fresh.write("orchestrator.toml", "[hooks]\nwait = true\n")
    assert fresh.run("init").startswith("removed   .git/hooks/prepare-commit-msg\n")
    assert not (hooks / "prepare-commit-msg").exists()


def test_an_absolute_hooks_path_gets_the_hooks_and_it_is_said(fresh: Repo) -> None:
    folder = fresh.root.with_name("shared hooks")
    fresh.git("config", "core.hooksPath", str(folder))
    said = fresh.run("init")
    assert f"hook      {folder}/post-commit\n" in said
    assert f"note      core.hooksPath is {folder}: the hooks lie there, for every repository that uses it\n" in said
    assert sorted(one.name for one in folder.iterdir()) == sorted(HOOKS)
    fresh.run("init", "--remove")
    assert not folder.exists()


def test_a_hooks_path_in_the_tree_gets_no_machine_path_but_a_line_that_works(fresh: Repo) -> None:
    fresh.git("config", "core.hooksPath", ".husky/_")
    fresh.write(".husky/_/post-commit", '#!/bin/sh\nexec sh -e "$(dirname "$0")/../post-commit" "$@"\n').chmod(0o755)
    before = snapshot(fresh.root / ".husky")
    said = fresh.run("init")
    assert snapshot(fresh.root / ".husky") == before
    call = said[said.index("core.hooksPath is .husky/_") :].split("\n\n")[:2]
    assert call[0] == (
        "core.hooksPath is .husky/_, in the working tree, where no path of this machine is written. Add this as the "
        "last line of .husky/post-commit, .husky/post-merge, .husky/post-rewrite, .husky/post-applypatch, "
        ".husky/pre-push (a new file begins with #!/bin/sh and is executable):"
    )
    fresh.write(".husky/post-commit", f"#!/bin/sh\n{call[1].strip()}\n")
    assert "last line of .husky/post-merge," in fresh.run("init")
    fresh.commit("set up")
    fresh.run("start", "payment", "--checkout")
    fresh.git("commit", "-q", "--allow-empty", "-m", "work")
    assert len(fresh.events("checkpoint_created")) == 1
    fresh.run("init", "--remove")
    fresh.git("commit", "-q", "--allow-empty", "-m", "the line does nothing now")
    assert len(fresh.events("checkpoint_created")) == 1


def test_a_relative_hooks_path_into_the_git_folder_says_what_it_does_not_reach(fresh: Repo) -> None:
    fresh.git("config", "core.hooksPath", ".git/hooks")
    said = fresh.run("init")
    assert "hook      .git/hooks/post-commit\n" in said
    assert "core.hooksPath is '.git/hooks', which leads elsewhere in each linked worktree: " in said


def test_where_git_runs_no_hooks_none_are_written(fresh: Repo) -> None:
    fresh.git("config", "core.hooksPath", "/dev/null")
    said = fresh.run("init")
    assert "hook  " not in said
    assert "core.hooksPath is '/dev/null', so git runs no hooks here; each command records what happened\n" in said


def test_a_folder_of_hooks_that_is_a_link_into_the_tree_gets_no_machine_path(fresh: Repo) -> None:
    fresh.write("githooks/post-commit", MARK)
    shutil.rmtree(fresh.root / ".git/hooks")
    (fresh.root / ".git/hooks").symlink_to("../githooks")
    said = fresh.run("init")
    assert "\nthe folder of git's hooks leads to githooks, in the working tree, where no path of this machine " in said
    assert [one.name for one in (fresh.root / "githooks").iterdir()] == ["post-commit"]


# --- the pre-commit framework ---------------------------------------------------------------------

CONFIG = """\
# ours
repos:
- repo: local
  hooks:
  - id: lint # stays
    name: lint
    entry: "true"
    language: system
    pass_filenames: false

# the robot
ci:
  autofix_prs: false
"""


def test_the_framework_installs_the_hooks_and_takes_them_away(fresh: Repo) -> None:
    fresh.write(".git/hooks/post-merge", MARK).chmod(0o755)
    before = snapshot(fresh.root)
    said = fresh.run("init", "--hooks", "pre-commit")
    assert "wrote     .pre-commit-config.yaml\n" in said
    assert "hook      post-commit, installed by pre-commit\n" in said
    hooks = fresh.root / ".git/hooks"
    assert not (hooks / "post-applypatch").exists()
    assert {one.name for one in hooks.iterdir() if b"generated by pre-commit" in one.read_bytes()} == {
        "post-commit", "post-merge", "post-rewrite", "pre-push",
    }  # fmt: skip
    assert fresh.run("init").startswith(NOTHING)
    said = fresh.run("init", "--remove")
    assert "removed   the hook post-commit of pre-commit\n" in said
    assert snapshot(fresh.root) == before


def test_a_commit_becomes_a_checkpoint_through_the_framework(fresh: Repo) -> None:
    fresh.run("init", "--hooks", "pre-commit")
    fresh.commit("set up")
    fresh.run("start", "payment", "--checkout")
    fresh.git("commit", "-q", "--allow-empty", "-m", "work")
    assert len(fresh.events("checkpoint_created")) == 1


def test_a_users_configuration_gets_a_block_and_every_other_byte_stays(fresh: Repo) -> None:
    fresh.write(".pre-commit-config.yaml", CONFIG)
    said = fresh.run("init", "--hooks", "pre-commit")
    assert (
        "changed   .pre-commit-config.yaml (the hooks as the last entry of `repos:`; default_stages keeps yours to the "
        "stages they had)\n"
    ) in said
    block = asset("pre-commit-config.yaml").decode().partition("repos:\n")[2].replace("\n  ", "\n")[2:]
    ours, robot = CONFIG.split("\n# the robot")
    assert (fresh.root / ".pre-commit-config.yaml").read_text() == (
        f"{ours}{block}\n# the robot{robot}"
        "default_stages: [commit-msg, manual, post-checkout, pre-commit, pre-merge-commit, pre-rebase, "
        "prepare-commit-msg]\n"
    )
    assert fresh.run("init").startswith(NOTHING)
    fresh.run("init", "--remove")
    assert (fresh.root / ".pre-commit-config.yaml").read_text() == CONFIG


@pytest.mark.parametrize("text", ["repos: []\n", "repos: [{repo: meta, hooks: [{id: identity}]}]\n", "- broken: [\n"])
def test_a_configuration_of_another_shape_is_not_touched_and_the_block_is_printed(fresh: Repo, text: str) -> None:
    fresh.write(".pre-commit-config.yaml", text)
    said = fresh.run("init", "--hooks", "pre-commit")
    assert (fresh.root / ".pre-commit-config.yaml").read_text() == text
    assert "\nadd this to the list `repos:` of .pre-commit-config.yaml, which is written in a way" in said
    assert "\n      - repo: local\n        hooks:\n          - id: orchestrator-post-commit\n" in said


def test_trailers_that_came_later_are_told_to_the_frameworks_user(fresh: Repo) -> None:
    fresh.run("init", "--hooks", "pre-commit")
    fresh.write("orchestrator.toml", "[hooks]\ntrailers = true\n")
    said = fresh.run("init")
    assert "hook      prepare-commit-msg, installed by pre-commit\n" in said
    assert (
        "\nadd this to our hooks in .pre-commit-config.yaml:\n\n          - id: orchestrator-prepare-commit-msg\n"
        in said
    )


def test_native_hooks_beside_the_framework_are_explained(fresh: Repo) -> None:
    fresh.write(".pre-commit-config.yaml", CONFIG)
    assert "note      the hooks are native although there is a .pre-commit-config.yaml: " in fresh.run("init")
    assert (fresh.root / ".pre-commit-config.yaml").read_text() == CONFIG


def test_the_ways_can_be_changed_and_both_leave_nothing_behind(fresh: Repo) -> None:
    fresh.write(".git/hooks/post-commit", MARK).chmod(0o755)
    fresh.write(".pre-commit-config.yaml", CONFIG)
    before = snapshot(fresh.root)
    fresh.run("init")
    native = snapshot(fresh.root / ".git/hooks")
    fresh.run("init", "--hooks", "pre-commit")
    assert "orchestrator-chained" not in " ".join(snapshot(fresh.root / ".git/hooks"))
    fresh.run("init", "--hooks", "native")
    assert snapshot(fresh.root / ".git/hooks") == native
    assert (fresh.root / ".pre-commit-config.yaml").read_text() == CONFIG
    fresh.run("init", "--remove")
    assert snapshot(fresh.root) == before


def test_the_framework_is_refused_where_it_would_install_nothing(fresh: Repo) -> None:
    fresh.git("config", "core.hooksPath", "/somewhere")
    before = snapshot(fresh.root)
    assert fresh.refused("init", "--hooks", "pre-commit") == (
        "core.hooksPath is '/somewhere', and pre-commit installs no hooks then; orchestrator init --hooks native"
    )
    assert snapshot(fresh.root) == before


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("orchestrator.mk/x", "orchestrator.mk is a folder, and init writes a file of that name"),
        ("Makefile/x", "Makefile is a folder, and init writes a file of that name"),
        (".git/hooks/pre-push/x", ".git/hooks/pre-push is a folder, and init writes a file of that name"),
        (".claude", ".claude is no folder, and init writes workflow-orchestrator.md below it"),
    ],
)
def test_what_is_in_the_way_is_refused_before_anything_is_written(fresh: Repo, folder: str, said: str) -> None:
    fresh.write(folder, "in the way\n")
    before = snapshot(fresh.root)
    assert fresh.refused("init") == f"{fresh.root}/{said}; move it out of the way"
    assert snapshot(fresh.root) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_written(fresh: Repo) -> None:
    fresh.root.chmod(0o555)
    try:
        assert fresh.refused("init") == f"{fresh.root} is not writable for you; make it writable, then call init again"
    finally:
        fresh.root.chmod(0o755)


def test_two_at_once_do_not_meet(fresh: Repo) -> None:
    with alone(Places(discover(fresh.root))):
        assert fresh.refused("init") == (
            "another `orchestrator init` is at work in this repository; call it again when it is done"
        )


def test_outside_of_a_repository_in_a_bare_one_and_beside_one_it_refuses_in_one_line(
    fresh: Repo, tmp_path: Path
) -> None:
    assert "is not inside a git repository" in fresh.refused("init", cwd=tmp_path)
    fresh.commit("begin")
    fresh.git("clone", "-q", "--bare", str(fresh.root), str(tmp_path / "bare.git"))
    assert "is a bare repository" in fresh.refused("init", cwd=tmp_path / "bare.git")
    fresh.git("worktree", "add", "-q", str(tmp_path / "tree"), "main", cwd=tmp_path / "bare.git")
    assert f"the main worktree of {tmp_path / 'bare.git'} is not known" in fresh.refused("init", cwd=tmp_path / "tree")


def test_a_broken_configuration_is_named_and_nothing_is_written(fresh: Repo) -> None:
    fresh.write("orchestrator.toml", "[hooks]\nwiat = true\n")
    before = snapshot(fresh.root)
    assert fresh.refused("init") == (
        "orchestrator.toml:2: unknown key 'hooks.wiat'; the nearest known key is 'hooks.wait'"
    )
    assert snapshot(fresh.root) == before


def test_options_that_do_not_go_together_are_refused(fresh: Repo) -> None:
    assert "--remove goes with neither" in fresh.refused("init", "--remove", "--scripts", status=2)
    assert "--remove goes with neither" in fresh.refused("init", "--remove", "--agent", "claude", status=2)
    assert "--with-data goes with --remove only" in fresh.refused("init", "--with-data", "x.tar", status=2)


def test_inside_a_run_nothing_is_set_up_or_taken_away(fresh: Repo) -> None:
    assert "not called from inside a run" in fresh.refused("init", "--remove", ORCHESTRATOR_RUN_ID="1")


# --- the client's own settings ---------------------------------------------------------------------

SETTINGS = (
    "{}",
    "{\n}\n",
    '{"model": "opus"}',
    '{\n  "model": "opus"\n}\n',
    '{\n\t"env": {\n\t\t"A": "\u00e9"\n\t}\n}',
    '{\r\n    "model": "opus"\r\n}\r\n',
    '{\n  "hooks": {}\n}',
    '{\n  "hooks": {"Stop": []},\n  "model":   "opus"\n}\n',
    (
        '{\n    "hooks": {\n        "PreToolUse": [\n            {"matcher": "Bash", "hooks": [{"type": "command", "command": "x"}]}\n'
        '        ]\n    },\n    "z": "\\u00e9"\n}\n'
    ),
    '{\n  "hooks": {\n    "PreToolUse": [],\n    "PostToolUse": [\n      {\n        "hooks": []\n      }\n    ]\n  }\n}\n',
    '{"hooks":{"PreToolUse":[{"hooks":[]}]}}',
    '{"permissions": {"allow": ["Bash(npm test)"], "deny": ["Read(.env)"]}}',
    '{\n  "permissions": {\n    "allow": [\n      "Bash(npm test)",\n\n      "Bash(orchestrator run *)"\n    ]\n  },\n  "z": 1\n}',
    '{\r\n\t"permissions": {\r\n\t\t"ask": ["Bash(orchestrator start *)"],\r\n\t\t"allow": ["A",  "B"]\r\n\t}\r\n}\r\n',
    '{\n  "permissions": {\n    "deny": [\n      "Bash(orchestrator run *)"\n    ],\n    "allow": []\n  }\n}\n',
    '{"permissions":{}}',
    '{"permissions":{"allow":[],"defaultMode":"plan"}}',
)
HOOKED = {
    event: {
        "matcher": matcher,
        "hooks": [
            {
                "type": "command", "command": "orchestrator", "args": ["claude-hook", name], "timeout": 10,
                "onFailure": "continue",
            }
        ],
    }
    for event, matcher, name in (("PreToolUse", "Bash", "pre-tool"), ("PostToolUse", "AskUserQuestion", "post-tool"))
}  # fmt: skip


def with_hooks_and_rules(text: str) -> dict[str, Any]:
    """Return settings as they are wanted: each hook, and the rules of which the user says nothing yet."""
    wanted: dict[str, Any] = json.loads(text)
    for event, one in HOOKED.items():
        wanted.setdefault("hooks", {}).setdefault(event, []).append(one)
    permissions = wanted.setdefault("permissions", {})
    said = [rule for name in ("allow", "ask", "deny") for rule in permissions.get(name, [])]
    permissions.setdefault("allow", []).extend(rule for rule in claude.RULES if rule not in said)
    return wanted


def test_the_clients_settings_get_hooks_and_rules_when_asked_for_and_lose_them_again(fresh: Repo) -> None:
    before = snapshot(fresh.root)
    settings = fresh.root / ".claude/settings.json"
    fresh.run("init")
    assert not settings.exists()
    said = fresh.run("init", "--agent", "claude")
    assert "changed   .claude/settings.json (two hooks: an agent's commands that decide are denied" in said
    assert "note      a person's answers in Claude Code count where" in said
    assert json.loads(settings.read_text()) == with_hooks_and_rules("{}")
    there = snapshot(fresh.root)
    assert fresh.run("init", "--agent", "claude").startswith(NOTHING)
    assert fresh.run("init").startswith(NOTHING)
    assert snapshot(fresh.root) == there
    settings.unlink()
    fresh.run("init")
    assert snapshot(fresh.root) == there
    assert "removed   .claude/settings.json\n" in fresh.run("init", "--remove")
    assert snapshot(fresh.root) == before
    fresh.run("init")
    assert not settings.exists()


def test_settings_of_the_user_are_whole_again_byte_for_byte(fresh: Repo) -> None:
    fresh.run("init", "--agent", "claude")
    fresh.run("init", "--remove")
    fresh.write(".claude/settings.json", SETTINGS[8])
    before = snapshot(fresh.root)
    fresh.run("init", "--agent", "claude")
    assert "restored  .claude/settings.json\n" in fresh.run("init", "--remove")
    assert snapshot(fresh.root) == before


@pytest.mark.parametrize("text", SETTINGS)
def test_hooks_and_rules_are_added_as_text_once_and_every_other_byte_stays(text: str) -> None:
    after, pieces = claude.merged(text)
    assert json.loads(after) == with_hooks_and_rules(text)
    assert claude.merged(after) == (after, [])
    assert claude.without(after.encode(), pieces) == text.encode()


def test_settings_with_the_hooks_of_an_earlier_version_get_the_rules_and_lose_both_again() -> None:
    hooks_alone = json.dumps({"hooks": {event: [one] for event, one in HOOKED.items()}}, indent=2) + "\n"
    after, pieces = claude.merged(hooks_alone)
    assert json.loads(after) == with_hooks_and_rules("{}")
    assert claude.without(after.encode(), [hooks_alone, *pieces]) == b""


def test_a_rule_that_the_user_asks_about_since_keeps_asking_when_ours_goes() -> None:
    before = '{"permissions": {"ask": ["A"], "allow": ["B"]}}'
    after, pieces = claude.merged(before)
    rule = f', "{claude.RULES[0]}"'
    changed = after.replace('["A"', f'["A"{rule}', 1)
    assert claude.without(changed.encode(), pieces).decode() == before.replace('["A"', f'["A"{rule}')


def test_of_settings_that_were_laid_out_anew_only_the_rules_that_init_put_in_go() -> None:
    before = '{"permissions": {"allow": ["Bash(orchestrator run *)", "B"]}}'
    after, pieces = claude.merged(before)
    settings = json.loads(after)
    settings["permissions"]["allow"].insert(4, "Bash(orchestrator mine *)")
    left = json.loads(claude.without(json.dumps(settings, indent=4).encode(), pieces))
    assert left == {"permissions": {"allow": ["Bash(orchestrator run *)", "B", "Bash(orchestrator mine *)"]}}


def test_of_settings_that_the_user_changed_since_hooks_and_rules_alone_go(fresh: Repo) -> None:
    fresh.run("init", "--agent", "claude")
    path = fresh.root / ".claude/settings.json"
    settings = json.loads(path.read_text())
    settings["hooks"]["PreToolUse"][0]["hooks"].insert(0, {"type": "command", "command": "mine"})
    path.write_text(json.dumps({"model": "opus", **settings}, indent=4))
    assert "restored  .claude/settings.json\n" in fresh.run("init", "--remove")
    assert path.read_text() == json.dumps(
        {
            "model": "opus",
            "hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "mine"}]}]},
        },
        indent=4,
    )


def test_settings_that_are_no_json_any_more_stay_and_are_named(fresh: Repo) -> None:
    fresh.run("init", "--agent", "claude")
    path = fresh.root / ".claude/settings.json"
    path.write_text(path.read_text() + ",")
    assert "left      .claude/settings.json (changed since init wrote it)\n" in fresh.run("init", "--remove")
    assert path.read_text().endswith(",")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ".claude/settings.json is no JSON: "),
        ('{"a": 1,}', ".claude/settings.json is no JSON: "),
        ("// mine\n{}", ".claude/settings.json is no JSON: "),
        ("[]", ".claude/settings.json: it is no JSON object; "),
        ('{"hooks": []}', ".claude/settings.json: `hooks` has another shape"),
        ('{"hooks": {"PreToolUse": {}}}', ".claude/settings.json: `hooks` has another shape"),
        ('{"permissions": []}', ".claude/settings.json: `permissions` has another shape"),
        ('{"permissions": {"allow": "Bash"}}', ".claude/settings.json: `permissions` has another shape"),
    ],
)
def test_settings_that_cannot_be_read_are_refused_and_nothing_is_written(fresh: Repo, text: str, why: str) -> None:
    fresh.write(".claude/settings.json", text)
    before = snapshot(fresh.root)
    assert why in fresh.refused("init", "--agent", "claude")
    assert snapshot(fresh.root) == before


# --- the block in AGENTS.md ------------------------------------------------------------------------

BLOCK = f"<!-- orchestrator: begin -->\n{asset('agents-block.md').decode()}<!-- orchestrator: end -->\n".encode()


def test_agents_md_is_made_where_there_is_none_and_goes_again(fresh: Repo) -> None:
    before = snapshot(fresh.root)
    said = fresh.run("init", "--agent", "codex", "--agent", "gemini")
    assert "changed   AGENTS.md (a block for agents, between two marks)\n" in said
    assert "note      Gemini CLI reads AGENTS.md where .gemini/settings.json says" in said
    assert "AGENTS.md" in said.split("To be committed")[1]
    assert not (fresh.root / ".claude/settings.json").exists()
    assert (fresh.root / "AGENTS.md").read_bytes() == BLOCK
    there = snapshot(fresh.root)
    said = fresh.run("init", "--agent", "aider")
    assert said.startswith(f"{NOTHING}note      aider reads AGENTS.md where .aider.conf.yml says")
    fresh.run("init")
    record = fresh.root / ".git/orchestrator/init.json"
    assert {**there, str(record): ""} == {**snapshot(fresh.root), str(record): ""}
    assert "removed   AGENTS.md\n" in fresh.run("init", "--remove")
    assert snapshot(fresh.root) == before


def test_a_link_that_led_nowhere_does_so_again_after_a_removal(fresh: Repo) -> None:
    link = fresh.root / "AGENTS.md"
    link.symlink_to("docs/agents.md")
    fresh.run("init", "--agent", "codex")
    assert link.read_bytes() == BLOCK
    fresh.run("init", "--remove")
    assert (link.is_symlink(), (fresh.root / "docs").exists()) == (True, False)


@pytest.mark.parametrize(
    ("text", "glue"),
    [
        (b"", b""),
        (b"# Mine\n", b"\n"),
        (b"# Mine", b"\n\n"),
        (b"# Mine\r\n\r\nDo it.\r\n", b"\r\n"),
        (b"# Mine\r\nDo it.", b"\r\n\r\n"),
        (b"# Mine\n\n\n", b"\n"),
        (b"caf\xe9\n", b"\n"),
    ],
)
def test_agents_md_of_the_user_gets_a_block_and_is_whole_again_after_remove(
    fresh: Repo, text: bytes, glue: bytes
) -> None:
    file = fresh.root / "AGENTS.md"
    file.write_bytes(text)
    fresh.run("init", "--agent", "opencode")
    assert file.read_bytes() == text + glue + (BLOCK.replace(b"\n", b"\r\n") if b"\r" in text else BLOCK)
    assert fresh.run("init", "--agent", "opencode").startswith(NOTHING)
    assert "restored  AGENTS.md\n" in fresh.run("init", "--remove")
    assert file.read_bytes() == text


def test_a_block_that_the_user_changed_stays_as_it_is_and_is_named(fresh: Repo) -> None:
    fresh.run("init", "--agent", "cursor")
    file = fresh.root / "AGENTS.md"
    file.write_bytes(changed := BLOCK.replace(b"Commit as you go", b"Commit at the end"))
    assert "note      AGENTS.md has another text between the marks; it stays as it is\n" in fresh.run("init")
    assert "left      AGENTS.md (changed since init wrote it)\n" in fresh.run("init", "--remove")
    assert file.read_bytes() == changed


def test_a_block_of_an_earlier_version_is_written_anew_where_it_stands(fresh: Repo) -> None:
    old = "\r\n<!-- orchestrator: begin -->\r\nold\r\n<!-- orchestrator: end -->\r\n"
    (fresh.root / "AGENTS.md").write_bytes(f"# Mine\r\n{old}more\r\n".encode())
    record = Record(inserted={"AGENTS.md": Inserted(texts=(old,))})
    (edit,) = instructions.agents_md(Places(discover(fresh.root)), record, ("codex",)).edits
    assert edit.content == b"# Mine\r\n\r\n" + BLOCK.replace(b"\n", b"\r\n") + b"more\r\n"


def test_a_block_that_a_colleague_committed_is_neither_written_nor_removed(fresh: Repo) -> None:
    (fresh.root / "AGENTS.md").write_bytes(theirs := b"# Ours\r\n" + BLOCK.replace(b"\n", b"\r\n"))
    said = fresh.run("init", "--agent", "codex")
    assert "AGENTS.md" not in said
    fresh.run("init", "--remove")
    assert (fresh.root / "AGENTS.md").read_bytes() == theirs


def test_agents_md_that_leads_out_of_the_repository_is_not_written(fresh: Repo) -> None:
    outside = fresh.root.with_name("outside.md")
    outside.write_text("mine\n")
    (fresh.root / "AGENTS.md").symlink_to(outside)
    said = fresh.run("init", "--agent", "codex")
    assert "\nAGENTS.md is a link that leads out of this repository; the block for it is:\n\n    <!-- orch" in said
    assert outside.read_text() == "mine\n"


# --- taking it away -------------------------------------------------------------------------------


def test_a_file_that_was_changed_since_is_left_alone_and_named(fresh: Repo) -> None:
    fresh.run("init")
    own = fresh.write("docs/workflows/add-feature-1-understand.md", "# Mine now\n")
    toml = fresh.root / "orchestrator.toml"
    toml.write_text(toml.read_text() + "\n# mine\n")
    fresh.write("Makefile", "all: ; @echo all\n-include orchestrator.mk # mine\n")
    said = fresh.run("init", "--remove")
    assert said.splitlines()[-3:] == [
        "left      docs/workflows/add-feature-1-understand.md (changed since init wrote it)",
        "left      orchestrator.toml (changed since init wrote it)",
        "left      Makefile (changed since init wrote it)",
    ]
    assert own.read_text() == "# Mine now\n"
    assert sorted(one.name for one in fresh.root.iterdir()) == [".git", "Makefile", "docs", "orchestrator.toml"]


def test_context_files_that_stay_and_are_ignored_no_longer_are_mentioned(fresh: Repo) -> None:
    fresh.run("init")
    fresh.write(".context/feat-payment_decisions.md", "x")
    assert fresh.run("init", "--remove").splitlines()[-2:] == [
        "stays     the context files of the features in .context/ (1 file, 1 B)",
        "note      .context/ is ignored no longer; keep it out of your commits",
    ]


def test_a_record_that_cannot_be_read_is_refused(fresh: Repo) -> None:
    fresh.run("init")
    fresh.write(".git/orchestrator/init.json", "{")
    assert fresh.refused("init", "--remove").startswith(f"{fresh.root}/.git/orchestrator/init.json cannot be read: ")


def test_files_that_a_colleague_committed_are_neither_written_nor_removed(fresh: Repo) -> None:
    fresh.run("init")
    fresh.commit("set up")
    clone = Repo(fresh.root.with_name("clone"), fresh.env)
    fresh.git("clone", "-q", str(fresh.root), str(clone.root))
    tree = clone.git("status", "--porcelain")
    said = clone.run("init")
    assert said.splitlines() == [
        "changed   .git/info/exclude (ignore rules for .context/)",
        *(f"hook      .git/hooks/{name}" for name in HOOKS),
    ]
    clone.run("init", "--remove")
    assert clone.git("status", "--porcelain") == tree == ""


def test_make_targets_that_a_colleague_committed_are_written_anew_where_the_names_changed(fresh: Repo) -> None:
    fresh.run("init")
    fresh.commit("set up")
    clone = Repo(fresh.root.with_name("clone"), fresh.env)
    fresh.git("clone", "-q", str(fresh.root), str(clone.root))
    targets = clone.root / "orchestrator.mk"
    own = targets.read_text() + "# mine\n"
    targets.write_text(own)
    assert "kept      orchestrator.mk (it was there; yours)\n" in clone.run("init")
    assert targets.read_text() == own
    clone.write("Makefile", "next: ; @echo mine\n-include orchestrator.mk\n")
    assert clone.run("init").startswith("wrote     orchestrator.mk\n")
    assert targets.read_text() == render(frozenset({"next"}))
    targets.write_text("# the user's own\n")
    assert "kept      orchestrator.mk (it was there; yours)\n" in clone.run("init")


@pytest.mark.parametrize("words", [("init",), ("init", "--remove")])
def test_killed_before_any_effect_it_is_ended_by_the_next_call(make_repo: Make, words: tuple[str, ...]) -> None:
    undisturbed = in_process(make_repo("undisturbed"))
    prepare(undisturbed, words)
    undisturbed.run(*words)
    wanted = shape(undisturbed)
    for count in range(0, 100, 2):
        repo = in_process(make_repo(f"killed-{count}"))
        prepare(repo, words)
        died = killed_at(repo, count, *words)
        assert os.access(repo.root / ".git/hooks/post-commit", os.X_OK)  # at no moment is the user's hook out of work
        repo.run(*words)
        assert (count, shape(repo)) == (count, wanted)
        if not died:
            return
    pytest.fail("it never came to its end")


def prepare(repo: Repo, words: tuple[str, ...]) -> None:
    repo.write("Makefile", "all: ; @echo all")
    repo.write(".git/hooks/post-commit", MARK).chmod(0o755)
    if "--remove" in words:
        repo.run("init")


def shape(repo: Repo) -> dict[str, str]:
    return {
        name.removeprefix(str(repo.root)): value
        for name, value in snapshot(repo.root).items()
        if "/.orchestrator-" not in name
    }


def killed_at(repo: Repo, count: int, *words: str) -> bool:
    """Run a command in a process that is killed right before effect `count`; return whether it came so far."""
    child = os.fork()
    if child == 0:
        die_before(count)
        with surroundings(repo.root, repo.env, words), redirect_stdout(io.StringIO()):
            os._exit(called())
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status != 0


def die_before(count: int) -> None:
    """Let this process be killed before its effect number `count`: a file that gets a name, or loses one."""
    effects = ("os.rename", "os.remove", "os.link", "os.rmdir", "os.mkdir")
    left = [None] * count

    def audit(event: str, _arguments: object) -> None:
        if event in effects and not (left and left.pop() is None):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)


# --- with data ------------------------------------------------------------------------------------


@pytest.fixture
def used(repo: Repo) -> Repo:
    """A repository in which a feature has a worktree, checkpoints, a backup and a state."""
    repo = in_process(repo)
    repo.run("init")
    repo.commit("set up")
    repo.run("start", "payment")
    repo.run("next")
    return repo


def test_the_data_stays_and_is_listed_with_sizes(used: Repo) -> None:
    log = (used.root / ".git/orchestrator/events.jsonl").read_bytes()
    refs = used.git("for-each-ref")
    said = used.run("init", "--remove").splitlines()
    stays = [row for row in said if row.startswith("stays")]
    assert [row.split("(")[0].rstrip() for row in stays] == [
        "stays     the log and what belongs to it",
        "stays     the states in .context/",
        "stays     the backups in .context/",
        "stays     the copies of the log in .context/",
        stays[4].split(" (")[0],
        "stays     the context files of the features in .context/",
        f"stays     worktree {used.worktree('payment')}",
        "stays     branch feat/payment",
    ]
    assert said[-1] == stays[-1]  # no word of .context/: a rule of the user's ignores it
    assert all(row.endswith("B)") for row in (*stays[:4], *stays[5:7]))
    assert "0 B" not in stays[4]
    assert stays[4].endswith("B that nothing else holds)")
    assert stays[-1].endswith("B that no other branch holds)")
    assert used.git("for-each-ref") == refs
    assert (used.root / ".git/orchestrator/events.jsonl").read_bytes() == log
    assert used.state("payment")["status"] == "active"
    used.run("init")
    assert used.state_file("payment").exists()
    assert (used.root / ".git/orchestrator/events.jsonl").read_bytes() == log


@pytest.mark.parametrize("name", ["data.tar", "data.tar.gz"])
def test_with_data_saves_everything_reads_it_back_and_only_then_removes_it(used: Repo, name: str) -> None:
    context = used.root / ".context"
    log = (used.root / ".git/orchestrator/events.jsonl").read_bytes()
    state = used.state_file("payment").read_bytes()
    note = (context / "feat-payment_decisions.md").read_bytes()
    refs = {row.split()[2]: row.split()[0] for row in used.git("for-each-ref").splitlines()}
    archive = used.root.with_name(name)
    used.git("tag", "checkpoint/mine/1")  # looks like one of ours
    said = used.run("init", "--remove", "--with-data", str(archive))
    assert f"saved     {archive} (" in said
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        assert read(tar, "git-common-dir/orchestrator/events.jsonl") == log
        assert read(tar, ".context/feat-payment_orchestrator-state.json") == state
        assert read(tar, ".context/feat-payment_decisions.md") == note
        used.root.with_name("bundle").write_bytes(read(tar, "orchestrator.bundle"))
    assert used.git("for-each-ref", "--format=%(refname)").splitlines() == [
        "refs/heads/feat/payment",
        "refs/heads/main",
        "refs/tags/checkpoint/mine/1",
    ]
    assert not (used.root / ".git/orchestrator").exists()
    assert sorted(one.name for one in context.iterdir() if "feat-payment_" in one.name) == [
        "feat-payment_attempts.log", "feat-payment_decisions.md", "feat-payment_temp-memory.md",
        "feat-payment_validation-loop.md", "feat-payment_workflow-progress.md",
    ]  # fmt: skip
    assert [one.name for one in context.iterdir() if "orchestrator-events" in one.name] == []
    assert used.worktree("payment").is_dir()
    back = used.root.with_name("back.git")
    used.git("init", "-q", "--bare", str(back))
    used.git("fetch", "-q", "../bundle", "refs/*:refs/*", cwd=back)
    found = {row.split()[2]: row.split()[0] for row in used.git("for-each-ref", cwd=back).splitlines()}
    assert found == {name: sha for name, sha in refs.items() if name != "refs/heads/main"}


def read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()


def test_an_archive_is_never_written_over_a_file_nor_into_what_it_saves(fresh: Repo) -> None:
    fresh.run("init")
    (fresh.root / ".context").mkdir()
    taken = fresh.root.with_name("taken.tar")
    taken.write_text("mine")
    before = snapshot(fresh.root)
    for place, why in (
        (taken, "is there already"),
        (fresh.root / ".context/data.tar", "which is saved"),
        (fresh.root / "nowhere/data.tar", "there is no folder"),
    ):
        assert why in fresh.refused("init", "--remove", "--with-data", str(place))
    assert taken.read_text() == "mine"
    assert snapshot(fresh.root) == before


def test_while_a_feature_is_worked_on_its_data_is_not_removed(fresh: Repo) -> None:
    fresh.run("init")
    workspace = Workspace.find(fresh.root, "orchestrator next")
    workspace.make_home()
    with RunLock(workspace.lock_file("payment"), "feature payment", "orchestrator next", now).acquire():
        refused = fresh.refused("init", "--remove", "--with-data", str(fresh.root.with_name("data.tar")))
    assert refused.startswith("payment is worked on by `orchestrator next` (pid ")


def test_an_agent_does_not_remove_the_data(fresh: Repo) -> None:
    fresh.run("init")
    archive = fresh.root.with_name("data.tar")
    assert "by a person alone" in fresh.refused("init", "--remove", "--with-data", str(archive), CLAUDECODE="1")
    assert not archive.exists()


def test_the_record_names_what_was_written_by_its_digest(fresh: Repo) -> None:
    fresh.run("init")
    record = json.loads((fresh.root / ".git/orchestrator/init.json").read_text())
    digest = hashlib.sha256((fresh.root / "orchestrator.mk").read_bytes()).hexdigest()
    assert record["written"]["orchestrator.mk"] == [digest]
    assert record["inserted"]["Makefile"] == {"texts": ["-include orchestrator.mk\n"], "is_created": True}
    assert record["hooks"]["git:hooks/pre-push"]["is_chained"] is False

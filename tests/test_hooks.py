"""The stubs that git runs, under a real git: when a job starts, when none does, what the user notices."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.assets import CHAINED, DRAINING, HOOKS, TRAILERS, hook

# The job: waits until the test lets it go, takes the marker away as the real one does, records its call.
JOB = """\
#!{python} -I
import fcntl, json, os, pathlib, subprocess, sys
here = pathlib.Path(__file__).parent
with open(here / "gate") as gate:
    fcntl.flock(gate, fcntl.LOCK_SH)
(here / "re po/.git/orchestrator/drain").unlink(missing_ok=True)
head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
stdin = sys.stdin.read()
call = {{"words": sys.argv[1:], "in": os.getcwd(), "head": head, "stdin": stdin}}
with open(here / "calls", "a") as calls:
    calls.write(json.dumps(call) + "\\n")
"""
CALL = ["-I", "-m", "orchestrator", "hook"]
SHOWS_PROCESSES = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")


class Repository:
    """A repository with our hooks, whose job is a script of the test's; its path holds a space."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "re po"
        self.hooks = self.root / ".git/hooks"
        self.marker = self.root / ".git/orchestrator/drain"
        self.log = self.marker.with_name("events.jsonl")
        self.job = base / "it's a job"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(base), "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "ana@example.com",
            "GIT_COMMITTER_NAME": "Ana", "GIT_COMMITTER_EMAIL": "ana@example.com",
        }  # fmt: skip
        self.script(self.job, JOB.format(python=sys.executable))
        (base / "gate").touch()
        self.git("init", "-q", "-b", "main", str(self.root), cwd=base)
        self.marker.parent.mkdir()
        self.log.touch()
        self.commits("first")
        for name in HOOKS:
            self.install(name)

    def install(self, name: str, *, waits: bool = False) -> None:
        self.script(self.hooks / name, hook(name, str(self.job), waits=waits).decode())

    def chain(self, name: str, text: str) -> None:
        self.script(self.hooks / f"{name}{CHAINED}", f"#!/bin/sh\n{text}\n")

    def script(self, path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def git(self, *arguments: str, cwd: Path | None = None, **environment: str) -> str:
        """Run git, return what it printed after everything that it started has ended too."""
        return self.run("git", *arguments, cwd=cwd, **environment)

    def run(self, *command: str, cwd: Path | None = None, stdin: str = "", **environment: str) -> str:
        done = self.attempt(*command, cwd=cwd, stdin=stdin, **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def attempt(
        self, *command: str, cwd: Path | None = None, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        ended, alive = os.pipe()
        with os.fdopen(ended, "rb") as every_child:
            try:
                done = self.started(*command, cwd=cwd, stdin=stdin, inherits=[alive], **environment)
            finally:
                os.close(alive)
            every_child.read()  # its end is there when the last process that inherited the pipe is gone
        return done

    def started(
        self,
        *command: str,
        cwd: Path | None = None,
        stdin: str = "",
        inherits: Sequence[int] = (),
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and return when it ends, whatever it left behind in the background."""
        return subprocess.run(
            command,
            cwd=cwd or self.root,
            env={**self.environment, **environment},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=inherits,
            check=False,
            timeout=30,
        )

    def commits(self, *names: str, cwd: Path | None = None) -> None:
        """Make commits, each adding a file, without running a hook."""
        for name in names:
            ((cwd or self.root) / name).write_text(name)
            self.git("add", "-A", cwd=cwd)
            self.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", name, cwd=cwd)

    @contextmanager
    def held(self) -> Iterator[int]:
        """Keep every job from going on until the block ends, then wait for those that inherited the pipe."""
        with (self.base / "gate").open() as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            ended, alive = os.pipe()
            with os.fdopen(ended, "rb") as every_child:
                try:
                    yield alive
                finally:
                    fcntl.flock(gate, fcntl.LOCK_UN)
                    os.close(alive)
                every_child.read()

    def during(self, *arguments: str, cwd: Path | None = None, **environment: str) -> list[list[str]]:
        """Return how jobs were called by one git command, the first one alive until that command is done."""
        before = len(self.calls())
        with self.held() as alive:
            done = self.started("git", *arguments, cwd=cwd, inherits=[alive], **environment)
            assert (done.returncode, self.calls()[before:]) == (0, [])
        return [call["words"] for call in self.calls()[before:]]

    def calls(self) -> list[dict[str, Any]]:
        calls = self.base / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []

    def head(self, cwd: Path | None = None) -> str:
        return self.git("rev-parse", "HEAD", cwd=cwd).strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def commit(repository: Repository, **environment: str) -> str:
    return repository.git("commit", "-q", "--allow-empty", "-m", "more", **environment)


def test_a_commit_starts_the_job_and_prints_nothing(repository: Repository) -> None:
    assert commit(repository) == ""
    assert repository.calls() == [
        {
            "words": [*CALL, "post-commit"],
            "in": str(repository.root),
            "head": repository.head(),
            "stdin": "",
        }
    ]


def test_a_commit_does_not_wait_for_the_job(repository: Repository) -> None:
    assert repository.during("commit", "-q", "--allow-empty", "-m", "more") == [[*CALL, "post-commit"]]


def test_commits_while_a_job_lives_start_no_second_one(repository: Repository) -> None:
    with repository.held() as alive:
        for _ in range(20):
            repository.started("git", "commit", "-q", "--allow-empty", "-m", "x", inherits=[alive])
    assert [call["head"] for call in repository.calls()] == [repository.head()]
    commit(repository)
    assert len(repository.calls()) == 2


@pytest.mark.parametrize("left", ["", "\n", "999999999\n", "no number\n"])
def test_the_marker_of_a_job_that_died_blocks_nobody(repository: Repository, left: str) -> None:
    repository.marker.write_text(left)
    commit(repository)
    assert len(repository.calls()) == 1


@SHOWS_PROCESSES
def test_a_number_that_was_given_out_again_blocks_nobody(repository: Repository) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        repository.marker.write_text(f"{other.pid}\n")
        commit(repository)
        other.communicate()
    assert len(repository.calls()) == 1


@SHOWS_PROCESSES
def test_a_job_that_ended_and_that_nobody_asked_how_blocks_nobody(repository: Repository) -> None:
    with subprocess.Popen(["sh", "-c", "exit 0", "hook"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        repository.marker.write_text(f"{ended.pid}\n")
        commit(repository)
    assert len(repository.calls()) == 1


def test_a_hook_that_another_installer_renamed_goes_on_and_so_does_the_one_beside_it(repository: Repository) -> None:
    for name, stdin in (("post-rewrite", "old new\n"), ("pre-push", "a b c d\n"), (TRAILERS, "")):
        repository.install(name)
        repository.chain(name, 'echo "$1"; cat')
        legacy = (repository.hooks / name).rename(repository.hooks / f"{name}.legacy")
        assert repository.run(str(legacy), "amend", stdin=stdin) == f"amend\n{stdin}"
    assert [call["words"] for call in repository.calls()] == [
        [*CALL, name, "amend"] for name in ("post-rewrite", "pre-push", TRAILERS)
    ]


def test_amend_is_one_job(repository: Repository) -> None:
    assert repository.during("commit", "-q", "--amend", "-m", "other") == [[*CALL, "post-commit"]]


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_starts_one_job_when_it_is_through(repository: Repository, backend: str) -> None:
    repository.commits(*"abcde")
    repository.git("branch", "base", "HEAD~5")
    repository.git("-c", "core.hooksPath=/dev/null", "checkout", "-q", "-b", "side", "base")
    repository.commits("z")
    repository.git("checkout", "-q", "main")
    repository.git("rebase", "-q", backend, "side")
    calls = [(call["words"], call["head"]) for call in repository.calls()]
    assert calls == [([*CALL, "post-rewrite", "rebase"], repository.head())]


def test_nothing_starts_in_the_middle_of_a_rebase(repository: Repository) -> None:
    repository.commits(*"abc")
    editor = "sed -i.old 's/^pick/edit/'"
    repository.attempt("git", "rebase", "-i", "HEAD~2", GIT_SEQUENCE_EDITOR=editor)
    repository.git("commit", "-q", "--amend", "-m", "changed")
    commit(repository)
    assert repository.calls() == []
    repository.git("rebase", "--abort")
    assert repository.calls() == []


def test_a_cherry_pick_of_three_is_one_job_while_it_lives(repository: Repository) -> None:
    repository.git("branch", "side")
    repository.commits(*"abc")
    repository.git("checkout", "-q", "side")
    assert repository.during("cherry-pick", "main~2", "main~1", "main") == [[*CALL, "post-commit"]]


def test_a_merge_starts_the_job(repository: Repository) -> None:
    repository.git("branch", "side")
    repository.commits("a")
    repository.git("checkout", "-q", "side")
    repository.commits("b")
    merged = repository.during("merge", "-q", "-m", "join", "main")
    assert merged == [[*CALL, "post-merge", "0"]]


def test_patches_applied_with_am_start_the_job(repository: Repository) -> None:
    repository.git("branch", "side")
    repository.commits(*"abc")
    patches = repository.git("format-patch", "-3", "-o", str(repository.base / "patches")).split("\n")[:3]
    repository.git("checkout", "-q", "side")
    assert repository.during("am", "-q", *patches) == [[*CALL, "post-applypatch"]]


def test_a_commit_in_a_linked_worktree_starts_the_job_there(repository: Repository) -> None:
    linked = repository.base / "linked worktree"
    repository.git("worktree", "add", "-q", "-b", "side", str(linked))
    with repository.held() as alive:
        repository.started("git", "commit", "-q", "--allow-empty", "-m", "x", cwd=linked, inherits=[alive])
        assert repository.marker.exists()
    assert [(call["words"], call["in"]) for call in repository.calls()] == [([*CALL, "post-commit"], str(linked))]


def test_nothing_starts_in_a_rebase_of_a_linked_worktree(repository: Repository) -> None:
    linked = repository.base / "linked"
    repository.git("worktree", "add", "-q", "-b", "side", str(linked))
    repository.commits(*"abc", cwd=linked)
    repository.git("rebase", "-q", "-f", "HEAD~3", cwd=linked)
    assert [call["words"] for call in repository.calls()] == [[*CALL, "post-rewrite", "rebase"]]


def test_a_repository_that_was_moved_goes_on(repository: Repository) -> None:
    moved = repository.base / "elsewhere"
    repository.root.rename(moved)
    repository.git("commit", "-q", "--allow-empty", "-m", "x", cwd=moved)
    assert [call["in"] for call in repository.calls()] == [str(moved)]
    assert (moved / ".git/orchestrator/drain").read_text().strip().isdigit()


def test_hooks_in_another_folder_find_the_repository(repository: Repository) -> None:
    shared = repository.base / "shared hooks"
    repository.hooks.rename(shared)
    commit(repository, GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.hooksPath", GIT_CONFIG_VALUE_0=str(shared))
    assert [call["in"] for call in repository.calls()] == [str(repository.root)]


def test_where_nothing_was_started_no_job_is(repository: Repository) -> None:
    repository.log.unlink()
    repository.install(TRAILERS)
    assert commit(repository) == ""
    repository.run(str(repository.hooks / "pre-push"), "origin", "url")
    assert (repository.calls(), repository.marker.exists()) == ([], False)
    repository.marker.parent.rmdir()
    assert commit(repository) == ""
    assert repository.calls() == []


def test_the_environment_turns_the_job_off(repository: Repository) -> None:
    commit(repository, ORCHESTRATOR_HOOKS="off")
    assert repository.calls() == []


def test_waiting_ends_the_job_before_the_commit_returns(repository: Repository) -> None:
    repository.started("git", "commit", "-q", "--allow-empty", "-m", "x", ORCHESTRATOR_HOOKS="wait")
    assert len(repository.calls()) == 1
    repository.install("post-commit", waits=True)
    repository.started("git", "commit", "-q", "--allow-empty", "-m", "x")
    assert len(repository.calls()) == 2
    detached = repository.during("commit", "-q", "--allow-empty", "-m", "x", ORCHESTRATOR_HOOKS="detach")
    assert len(detached) == 1


def test_without_the_interpreter_the_command_on_the_path_is_called(repository: Repository) -> None:
    repository.job.unlink()
    program = repository.base / "bin/orchestrator"
    repository.script(program, '#!/bin/sh\necho "$@" >>"$HOME/called"\n')
    commit(repository, PATH=f"{program.parent}:{repository.environment['PATH']}")
    assert (repository.base / "called").read_text() == "hook post-commit\n"


def test_without_interpreter_and_command_a_commit_is_a_commit(repository: Repository) -> None:
    repository.job.unlink()
    for name in (*DRAINING, TRAILERS):
        repository.install(name)
    assert commit(repository) == ""
    assert commit(repository, ORCHESTRATOR_HOOKS="wait") == ""


def test_a_folder_that_cannot_be_written_does_not_spoil_a_commit(repository: Repository) -> None:
    repository.marker.mkdir()
    assert commit(repository) == ""


def test_before_the_job_starts_no_other_program_is_needed(repository: Repository) -> None:
    repository.script(repository.job, '#!/bin/sh\necho "$@" >called\n')
    output = repository.run(str(repository.hooks / "post-commit"), PATH="/nowhere")
    assert (output, (repository.root / "called").read_text()) == ("", "-I -m orchestrator hook post-commit\n")


@pytest.mark.parametrize("name", DRAINING)
def test_a_hook_that_was_there_keeps_arguments_stdin_and_status(repository: Repository, name: str) -> None:
    repository.chain(name, 'echo "$#:$2"; cat; exit 7')
    done = repository.attempt(str(repository.hooks / name), "amend", "b c", stdin="old new\n")
    assert (done.returncode, done.stdout) == (7, "2:b c\nold new\n")
    assert len(repository.calls()) == 1


def test_a_hook_that_was_there_runs_when_ours_is_off_and_sees_its_own_environment(
    repository: Repository,
) -> None:
    repository.chain("post-commit", 'echo "$name $mode $common"')
    exported = {"name": "a", "mode": "b", "common": "c"}
    assert commit(repository, ORCHESTRATOR_HOOKS="off", **exported) == "a b c\n"
    assert commit(repository, **exported) == "a b c\n"


def test_git_hands_its_list_to_the_hook_that_was_there(repository: Repository) -> None:
    repository.chain("post-rewrite", "cat")
    before = repository.head()
    output = repository.git("commit", "-q", "--amend", "-m", "other")
    assert output == f"{before} {repository.head()}\n"


def test_a_push_is_told_in_a_line_and_never_stopped(repository: Repository) -> None:
    remote = repository.base / "remote.git"
    repository.git("init", "-q", "--bare", str(remote))
    repository.script(repository.job, '#!/bin/sh\necho "behind a gate: $6 $(cat)"\necho noise >&2\nexit 1\n')
    output = repository.git("push", "-q", str(remote), "main")
    head = repository.head()
    assert output == f"behind a gate: {remote} refs/heads/main {head} refs/heads/main {'0' * 40}\n"


def test_a_push_is_stopped_by_the_hook_that_was_there_alone(repository: Repository) -> None:
    remote = repository.base / "remote.git"
    repository.git("init", "-q", "--bare", str(remote))
    repository.chain("pre-push", 'read -r local rest; echo "$1 $local"; exit 1')
    done = repository.attempt("git", "push", "-q", str(remote), "main")
    assert done.returncode == 1
    assert done.stdout.startswith(f"{remote} refs/heads/main\n")
    assert [call["words"] for call in repository.calls()] == [[*CALL, "pre-push", str(remote), str(remote)]]


def test_a_push_of_many_refs_survives_hooks_that_do_not_read_them(repository: Repository) -> None:
    repository.script(repository.job, "#!/bin/sh\nexit 0\n")
    repository.chain("pre-push", "exit 0")
    refs = "".join(f"refs/heads/b{n} {'1' * 40} refs/heads/b{n} {'0' * 40}\n" for n in range(2000))
    deaf = ("sh", "-c", 'trap "" PIPE; exec "$@"', "sh")  # as under a caller that ignores the signal
    assert repository.run(*deaf, str(repository.hooks / "pre-push"), "origin", "url", stdin=refs) == ""


def test_a_push_hands_on_its_stdin_byte_for_byte(repository: Repository) -> None:
    repository.chain("pre-push", "od -c")
    for refs in ("", "a b c d\n", "a\n\n\n"):
        expected = subprocess.run(["od", "-c"], input=refs, capture_output=True, text=True, check=True).stdout
        assert repository.run(str(repository.hooks / "pre-push"), stdin=refs) == expected


def test_trailers_come_after_the_hook_that_was_there(repository: Repository) -> None:
    repository.script(repository.job, '#!/bin/sh\nshift 5\necho "Feature: payment ($2)" >>"$1"\necho noise\n')
    repository.install(TRAILERS)
    repository.chain(TRAILERS, 'echo "theirs" >>"$1"')
    assert commit(repository) == ""
    message = repository.git("log", "-1", "--format=%B")
    assert message == "more\ntheirs\nFeature: payment (message)\n\n"


def test_a_refusal_of_the_message_hook_that_was_there_counts(repository: Repository) -> None:
    repository.install(TRAILERS)
    repository.chain(TRAILERS, "exit 3")
    done = repository.attempt("git", "commit", "-q", "--allow-empty", "-m", "x")
    assert (done.returncode, repository.calls()) == (1, [])


def test_a_rebase_does_not_ask_for_trailers(repository: Repository) -> None:
    repository.install(TRAILERS)
    repository.commits(*"abc")
    repository.git("rebase", "-q", "-f", "HEAD~3")
    assert [call["words"] for call in repository.calls()] == [[*CALL, "post-rewrite", "rebase"]]

"""orchestrator.mk under a real make: what reaches the command, what no shell runs, whose name wins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.makefile import TARGETS, render, targets

FREE: frozenset[str] = frozenset()
HOSTILE = (
    'x"; echo PWNED-$(id -u) >&2; echo "',
    "a'; echo PWNED >&2; echo 'b",
    "$(shell echo PWNED >&2)y",
    "`echo PWNED >&2`b`id`",
    "${FEATURE}$$(echo PWNED >&2)",
    "$(error PWNED)",
    "--help",
    "a\\ b",
    "two  spaces # and a hash",
)
FAKE = """\
#!{python} -I
import json, os, sys
print(json.dumps(sys.argv[1:]))
sys.exit(int(os.environ.get("FAKE_EXIT", "0")))
"""


class Project:
    """A folder with orchestrator.mk, a user's Makefile, and an `orchestrator` that prints its arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "fake orchestrator"
        self.program.write_text(FAKE.format(python=sys.executable))
        self.program.chmod(0o755)
        self.makefile("-include orchestrator.mk\n")

    def makefile(self, text: str, taken: frozenset[str] = FREE) -> None:
        (self.folder / "Makefile").write_text(text)
        (self.folder / "orchestrator.mk").write_text(render(taken))

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env = {**kept, "LC_ALL": "C", "ORCHESTRATOR": f'"{self.program}"', **environment}
        return subprocess.run(
            ["make", *arguments], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )

    def received(self, *arguments: str, **environment: str) -> list[str]:
        done = self.make(*arguments, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        words: list[str] = json.loads(done.stdout)
        return words


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("next", ["next", "--", "payment"]),
        ("run", ["run"]),
        ("status", ["status", "--at=#7", "--", "payment"]),
        ("approve", ["approve", "-mnot yet", "--", "payment"]),
        ("reject", ["reject", "-mnot yet", "--to=4/2", "--", "payment"]),
        ("feature", ["start", "--", "payment"]),
        ("checkpoint", ["checkpoint", "--", "payment"]),
        ("checkpoints", ["checkpoints", "--", "payment"]),
        ("rollback", ["rollback", "--to=4/2", "--", "payment"]),
        ("log", ["log", "--", "payment"]),
        ("replay", ["replay", "--at=#7", "--", "payment"]),
        ("diff", ["diff", "--", "payment", "#7", "4/2"]),
        ("verify", ["verify"]),
        ("metrics", ["metrics"]),
        ("workflows", ["workflows"]),
        ("lint", ["lint"]),
    ],
)
def test_each_target_passes_the_variables_that_its_command_knows(
    project: Project, target: str, words: list[str]
) -> None:
    given = ("FEATURE=payment", "WHY=not yet", "AT=#7", "TO=4/2")
    assert project.received(target, *given) == words


def test_the_long_names_do_the_same_as_the_short_ones(project: Project) -> None:
    for target in TARGETS:
        short = project.received(target.name, "FEATURE=a")
        assert project.received(f"orch-{target.name}", "FEATURE=a") == short


def test_a_variable_that_is_not_given_is_no_argument(project: Project) -> None:
    assert project.received("rollback") == ["rollback", "--"]
    assert project.received("rollback", "FEATURE=", "TO=") == ["rollback", "--"]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_shell_and_no_make_ever_runs_a_value(project: Project, value: str) -> None:
    words = ["reject", f"-m{value}", f"--to={value}", "--", value]
    given = {"FEATURE": value, "WHY": value, "TO": value}
    assert project.received("reject", *(f"{name}={text}" for name, text in given.items())) == words
    assert project.received("reject", **given) == words
    assert project.received("-e", "reject", **given) == words


@pytest.mark.parametrize("value", HOSTILE)
def test_other_targets_of_the_user_do_not_expand_a_value_either(project: Project, value: str) -> None:
    project.makefile("-include orchestrator.mk\nmine: ; @echo mine; $(MAKE) -s sub\nsub: ; @echo sub\n")
    done = project.make("-s", "mine", f"FEATURE={value}", f"AT={value}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "mine\nsub\n", "")


def test_nothing_to_run_is_an_answer_and_the_target_succeeds(project: Project) -> None:
    for target in ("next", "run"):
        waits = project.make(target, FAKE_EXIT="10")
        closed = project.make(target, FAKE_EXIT="11")
        assert (waits.returncode, waits.stderr) == (0, "")
        assert waits.stdout.splitlines()[1:] == [
            "Nothing to run now: what is open waits for a gate, a time or a person. See: orchestrator status"
        ]
        assert (closed.returncode, closed.stderr) == (0, "")
        assert closed.stdout.splitlines()[1:] == ["Nothing left to run: no feature is open."]


def test_a_command_that_fails_fails_its_target(project: Project) -> None:
    for target in TARGETS:
        assert project.make(target.name, FAKE_EXIT="1").returncode == 2
    for target in ("status", "verify", "rollback"):
        assert project.make(target, FAKE_EXIT="10").returncode == 2


@pytest.mark.parametrize("order", ["-include orchestrator.mk\n{}", "{}-include orchestrator.mk\n"])
def test_the_names_of_the_user_stay_the_users_own(project: Project, order: str) -> None:
    mine = "all: ; @echo the default\nnext status: ; @echo mine\n"
    project.makefile(order.format(mine), targets(mine))
    assert project.make("next").stdout == "mine\n"
    assert project.make("status").stderr == ""
    assert project.received("orch-next") == ["next", "--"]
    assert project.make().stdout == "the default\n"


def test_a_variable_of_the_users_makefile_is_neither_used_nor_exported(project: Project) -> None:
    project.makefile('AT = @\nTO := x\n-include orchestrator.mk\nmine: ; $(AT)echo "$$TO$$AT"\n')
    assert project.received("rollback") == ["rollback", "--"]
    assert project.make("mine").stdout == "\n"


def test_files_named_like_the_targets_do_not_hide_them(project: Project) -> None:
    for target in TARGETS:
        (project.folder / target.name).write_text("")
    assert project.received("next") == ["next", "--"]


@pytest.mark.parametrize(
    "settings",
    [
        ".RECIPEPREFIX := >\n",
        ".ONESHELL:\n",
        "SHELL := bash\n.SHELLFLAGS := -eu -o pipefail -c\n",
        "MAKEFLAGS += --warn-undefined-variables\n",
        ".POSIX:\n",
    ],
)
def test_settings_of_the_users_makefile_do_not_matter(project: Project, settings: str) -> None:
    project.makefile(f"{settings}-include orchestrator.mk\n")
    assert project.received("reject", "WHY=two words") == ["reject", "-mtwo words", "--"]
    assert project.make("next", FAKE_EXIT="10").returncode == 0


def test_the_list_shows_each_target_by_the_shortest_name_that_is_free(project: Project) -> None:
    project.makefile("-include orchestrator.mk\n", frozenset({"log"}))
    done = project.make("orch-help")
    names = ["orch-log" if target.name == "log" else target.name for target in TARGETS]
    assert [line.split()[0] for line in done.stdout.splitlines()] == [*names, "orch-help"]
    assert done.stdout.splitlines()[0] == (
        "  next             one step of the feature whose turn it is, or of FEATURE="
    )


def test_the_names_that_a_makefile_defines_are_read() -> None:
    text = """\
# note: not a target
URL = http://example.com:80/
BASE := a:b
export PATHS ?= x:y
NOW != date +%H:%M
all: next \\
  run
\techo recipe: no target
.PHONY: status \\
  log # phony: words
build test lint:: deps ; echo also: none
  indented : x
define BLOCK
inner: z
endef
override define OTHER =
inner2: z
endef
after: CFLAGS = -O2
$(OBJECTS) literal: %.o: %.c
%.html: %.md
left right&: both
-include other.mk
"""
    assert targets(text) == {
        "after", "all", "build", "indented", "left", "lint", "literal", "log", "right", "status", "test",
    }  # fmt: skip


def test_a_makefile_with_windows_line_ends_is_read_alike() -> None:
    assert targets("a: b\r\n.PHONY: c \\\r\n d\r\nE = f:g\r\n") == {"a", "c", "d"}


def test_what_is_rendered_names_every_target_once_and_takes_no_name_that_is_taken() -> None:
    every = {"orch-help", *(f"orch-{target.name}" for target in TARGETS)}
    assert targets(render(FREE)) == every | {target.name for target in TARGETS}
    assert targets(render(frozenset(target.name for target in TARGETS))) == every


# --- the kit's own Makefile ------------------------------------------------------------------------

ROOT = Path(__file__).parent.parent
INSTALL = """\
echo "installing $1 $2"
mkdir -p "$1/bin"
printf '#!/bin/sh\\necho "called $*"\\n' >"$1/bin/orchestrator"
chmod +x "$1/bin/orchestrator"
touch "$1/.installed"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of the kit as make sees it, whose installation is a script of the test's."""
    for name in ("Makefile", "orchestrator.mk", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/install-venv.sh").write_text(INSTALL)
    return tmp_path


def made(folder: Path, *arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


PROOFS = [
    "crash", "git-matrix", "powercut", "concurrency", "machine", "rollback-soak", "mutants", "flips", "agents-soak",
    "verify-soak", "kills",
]  # fmt: skip


def test_the_kits_own_make_lists_its_targets_and_no_other_row(checkout: Path) -> None:
    said = made(checkout).splitlines()
    rows = [row.split()[0] for row in said]
    assert said[0] == "  help              this list"
    kit = [target.name for target in TARGETS]
    own = ["help", "demo", "demo-lanes", "test", "test-clients", "night", "check", "format"]
    own += [*PROOFS, "docs", "figures", "clean"]
    assert rows == [*own, *kit, "orch-help"]


def test_in_a_fresh_checkout_every_target_of_the_kit_installs_it_first(checkout: Path) -> None:
    assert made(checkout, "status") == "installing .venv python3\ncalled status --\n"
    assert made(checkout, "status") == "called status --\n"
    for name in (name for target in TARGETS for name in (target.name, f"orch-{target.name}")):
        assert "install-venv.sh" in made(checkout, "-n", "-W", "pyproject.toml", name)


def test_what_makes_the_virtual_environment_is_there() -> None:
    assert os.access(ROOT / ".ci/install-venv.sh", os.R_OK)

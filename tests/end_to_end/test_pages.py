"""Every command block of the README and of the tutorial is run, in order, in a fresh repository: real program, real git.

What a block prints is compared with what the page shows. The person at the terminal is played.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest

from orchestrator import config
from tests.conftest import CONFIGURATION, LINE, Repo, environment
from tests.kit import AGENT
from tests.shown import QUESTION, Block, blocks, differs

TOP = Path(__file__).parent.parent.parent
README = TOP / "README.md"
TUTORIAL = TOP / "docs/tutorial.md"

# The blocks that are not run, by their first line; why is said beside each of them on its page.
NOT_RUN = {
    README: [
        "make demo    # the whole journey on a throw-away repository, with a scripted agent and without a login",
        "uv tool install .    # or: pipx install .",
    ],
    TUTORIAL: [
        "uv tool install .    # in a clone of the kit; or: pipx install .",
        "git clone my-repository practice",
        "rm -rf practice practice.worktrees    # from the folder above",
    ],
}
# 10 and 11 say that there is nothing to run: an answer, not a failure. All else that fails ends a block.
SHELL = 'orchestrator() { command orchestrator "$@" || case $? in 10 | 11) ;; *) return 1 ;; esac; }\nset -e\n'


def shown(page: Path) -> list[Block]:
    return blocks(page.read_text(encoding="utf-8"))


def typed(repo: Repo, block: Block, env: Mapping[str, str]) -> str:
    """Type a block at a terminal, answer what `approve` asks, and return what is then to be read there."""
    answers = [*block.answers, "APPROVE ALL"]
    child = pexpect.spawn(
        "/bin/sh", ["-c", SHELL + block.text], cwd=repo.root, env=dict(env), encoding="utf-8", timeout=60,
        dimensions=(60, 120),
    )  # fmt: skip
    child.delaybeforesend, child.delayafterclose = None, 0
    read = ""
    while child.expect_exact([QUESTION, pexpect.EOF]) == 0:
        read += str(child.before) + QUESTION
        child.sendline(answers.pop(0) if len(answers) > 1 else answers[0])
    read += str(child.before)
    child.close()
    assert child.exitstatus == 0, f"{block.text}\n{read}"
    return read.replace("\r\n", "\n")


def follow(repo: Repo, page: Path) -> list[Block]:
    """Do what a page says, block by block, and return the blocks that were run."""
    env = {**repo.env, "GIT_PAGER": "cat"}
    env.pop("COLUMNS")  # the terminal says how wide it is
    done = [block for block in shown(page) if not block.unrun]
    for block in done:
        came = typed(repo, block, env)
        if block.prints is not None:
            assert differs(block, came) == "", f"{block.text}\n--- printed:\n{came}"
    return done


def test_every_command_of_the_tutorial_prints_what_it_shows(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "practice", environment(tmp_path))
    repo.root.mkdir()
    repo.git("init", "--quiet", "--initial-branch=main")
    repo.git("config", "user.name", "A Person")
    repo.git("config", "user.email", "person@example.com")
    repo.write("README", "a shop\n")
    repo.commit("A shop")
    calls = [block for block in follow(repo, TUTORIAL) if re.search("^orchestrator ", block.text, re.MULTILINE)]
    assert [block.name for block in calls if block.prints is None] == []


def test_every_command_of_the_readme_does_what_it_says(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "shop", environment(tmp_path))
    short = {name: LINE[name] for name in ("2-show", "3-ship")}
    repo.found(short, AGENT, CONFIGURATION.replace("test ! -e broken", "npm test") + "[run]\nparallel = 1\n")
    repo.write("package.json", '{"scripts": {"test": "true"}}\n')
    repo.commit("A shop")
    npm = repo.write("../bin/npm", "#!/bin/sh\n")  # tests that pass
    npm.chmod(0o755)
    repo.env["PATH"] = f"{npm.parent.resolve()}{os.pathsep}{repo.env['PATH']}"
    follow(repo, README)
    assert not repo.worktree("landing").exists()


@pytest.mark.parametrize("page", NOT_RUN, ids=lambda page: page.name)
def test_what_is_not_run_is_known_by_name_and_says_why(page: Path) -> None:
    assert [block.name for block in shown(page) if block.unrun] == NOT_RUN[page]


@pytest.mark.parametrize("page", [README, *sorted((TOP / "docs").glob("*.md"))], ids=lambda page: page.name)
def test_every_configuration_that_a_page_shows_is_one(page: Path) -> None:
    for fence in page.read_text(encoding="utf-8").split("```toml\n")[1:]:
        text = fence.split("```", 1)[0]
        if "[[gates]]" not in text and not {"automation"} & tomllib.loads(text).keys():  # a gate map, old figures
            config.parse(text.encode())

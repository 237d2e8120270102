"""A small share of `make concurrency`: each kind of many at once; which races they are moves with the commit."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.concurrency import storms
from tests.concurrency.races import AGAINST_ROLLBACK, RACES, Race
from tests.concurrency.together import rounds
from tests.conftest import environment


def seed() -> int:
    """Return a number that moves with the commit; 1 where there is no git repository around."""
    words = ["git", "rev-list", "--count", "HEAD"]
    done = subprocess.run(words, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else 1


SOME = random.Random(seed()).sample(sorted(RACES.items()), 2)


def test_appenders_write_one_whole_chain(tmp_path: Path) -> None:
    assert storms.appenders(tmp_path, 8, 25) == []


def test_commits_in_several_worktrees_are_all_recorded_while_git_tidies_up(tmp_path: Path) -> None:
    assert storms.commits(tmp_path, environment(tmp_path), 2, 3) == []


@pytest.mark.parametrize(
    ("begins", "race"),
    [pytest.param(*AGAINST_ROLLBACK, id="approve against rollback")]
    + [pytest.param(*one, id=name) for name, one in SOME],
)
def test_whoever_comes_first_what_must_hold_holds(tmp_path: Path, begins: Sequence[list[str]], race: Race) -> None:
    assert rounds(tmp_path, begins, race, 2, seed()) == []

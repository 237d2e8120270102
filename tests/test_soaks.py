"""A small share of what `make flips`, `make verify-soak`, `make agents-soak` and `make kills` do at length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents_soak import left
from tests.conftest import sealed
from tests.flips import HARMLESS, NOTICED, flipped
from tests.kills import killed
from tests.kit import commit_seed
from tests.verify_soak import soaked


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    with sealed(tmp_path) as found:
        yield found


def test_a_flipped_byte_is_noticed_or_harmless(tmp_path: Path, env: dict[str, str]) -> None:
    rows = flipped(tmp_path / "bench", env, 36, commit_seed())
    assert [bad for _, _, bad in rows if bad] == []
    assert sum(verdicts[NOTICED] + verdicts[HARMLESS] for _, verdicts, _ in rows) == 36


@pytest.mark.parametrize("number", range(4))
def test_a_healthy_repository_gives_no_finding_and_verify_changes_nothing(
    tmp_path: Path, env: dict[str, str], number: int
) -> None:
    assert soaked(tmp_path / "place", env, commit_seed() + number, steps=10) is None


def test_of_two_hundred_children_that_ignore_the_asking_none_is_left() -> None:
    assert left("has 200 children that ignore SIGTERM", 1) == 0


def test_of_what_killed_appenders_acknowledged_nothing_is_lost(tmp_path: Path) -> None:
    tally = killed(tmp_path, 60, commit_seed())
    assert (tally.kills, tally.lost, tally.broken) == (60, 0, 0)
    assert tally.acknowledged > 0

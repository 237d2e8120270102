"""Shapes of repositories by ways of running hooks by ways in which commits come to be and go: a sample of it.

The sample holds every shape, every way of running hooks and every way of a commit, combined as SEED says;
`make git-matrix` walks the whole product.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.git_matrix.product import Case, sample, walk
from tests.git_matrix.shapes import SHAPES

SEED = int(os.environ.get("SEED", "1"))  # the number that the sample goes by
SAMPLE = sample(random.Random(SEED), len(SHAPES), 4)


@pytest.mark.parametrize("case", SAMPLE, ids=[f"{one.shape}-{one.hooks}-{one.mode}" for one in SAMPLE])
def test_no_checkpoint_is_lost_or_doubled_and_nothing_is_written_elsewhere(case: Case, tmp_path: Path) -> None:
    _holds(case, tmp_path)


def _holds(case: Case, top: Path) -> None:
    result = walk(case, top)
    if result.skipped:
        pytest.skip(result.skipped)
    assert not result.broken, f"SEED={SEED}: {result.told}"
    assert result.walked == list(case.ways)
    assert result.checkpoints > 0 or not {"commit", "several"} & set(case.ways)


def test_a_branch_that_was_renamed_and_came_back_brings_none_of_its_earlier_commits(tmp_path: Path) -> None:
    _holds(Case("plain", "none", "off", ("renamed and back",)), tmp_path)


def test_a_branch_that_was_made_again_loses_none_of_its_new_commits(tmp_path: Path) -> None:
    _holds(Case("plain", "none", "off", ("made again elsewhere", "deleted and made again")), tmp_path)


def test_of_commits_after_all_reflogs_were_emptied_none_is_lost(tmp_path: Path) -> None:
    _holds(Case("plain", "none", "off", ("expired",)), tmp_path)


def test_where_core_worktree_leads_elsewhere_the_context_is_there_and_not_beside_the_git_directory(
    tmp_path: Path,
) -> None:
    _holds(Case("core.worktree, linked", "none", "off", ("rolled back", "tag deleted")), tmp_path)


def test_a_branch_that_goes_back_to_a_checkpoint_without_its_ref_makes_no_second_one(tmp_path: Path) -> None:
    _holds(Case("plain", "none", "off", ("ref deleted and back",)), tmp_path)


def test_the_sample_holds_every_shape_every_way_of_running_hooks_and_every_way_of_a_commit() -> None:
    from tests.git_matrix.hooks import MANAGERS
    from tests.git_matrix.ways import WAYS

    for seed in range(50):
        cases = sample(random.Random(seed), len(SHAPES), 4)
        assert {one.shape for one in cases} == set(SHAPES)
        assert {one.hooks for one in cases} == set(MANAGERS)
        assert {way for one in cases for way in one.ways} == set(WAYS)

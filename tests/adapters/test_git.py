"""What git is asked: the room that a checkout takes."""

from __future__ import annotations

import pytest

from orchestrator.adapters.git import Git
from tests.conftest import Repo

BLOCK = 4096


def test_a_checkout_takes_whole_blocks_for_each_file(repo: Repo) -> None:
    before = Git(repo.root).checkout_size("HEAD")
    repo.write("empty", "")
    repo.write("a b/one", "x")
    repo.write("two", "x" * (BLOCK + 1))
    repo.commit("three files")
    assert Git(repo.root).checkout_size("HEAD") - before == 3 * BLOCK


@pytest.mark.parametrize(
    ("key", "value"),
    [("extensions.partialClone", "origin"), ("remote.origin.promisor", "true"), ("core.sparseCheckout", "true")],
)
def test_where_git_would_have_to_fetch_or_writes_only_some_the_size_is_not_known(
    repo: Repo, key: str, value: str
) -> None:
    repo.git("config", key, value)
    assert Git(repo.root).checkout_size("HEAD") == 0

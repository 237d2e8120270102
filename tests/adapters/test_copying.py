"""Copies into a worktree: what git ignores and nothing else, never over a file, never past a link."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.adapters.copying import Copied, copy
from tests.conftest import Repo

IGNORED = ".env*\nsecrets/\nmodules/\n.context/\n*.link\n"


@pytest.fixture
def two(repo: Repo) -> tuple[Repo, Path]:
    """A repository that ignores a few names, and a worktree of it."""
    repo.write(".gitignore", IGNORED)
    repo.commit("ignore")
    repo.git("worktree", "add", "-q", "-b", "other", str(repo.worktree("other")))
    return repo, repo.worktree("other")


def files(tree: Path, names: Mapping[str, object]) -> dict[str, str]:
    return {name: (tree / name).read_text() for name in names if (tree / name).exists()}


def test_names_folders_and_globs_are_copied_with_their_permissions(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    written = {".env": "A=1\n", ".env.test": "A=2\n", "secrets/key.pem": "key\n", "web/.env.local": "B=1\n"}
    for name, text in written.items():
        repo.write(name, text)
    (repo.root / ".env").chmod(0o600)
    (repo.root / "secrets").chmod(0o700)
    (repo.root / "secrets/key.pem").chmod(0o755)
    for entry in (".env", "secrets", "**/.env.*"):
        assert copy(repo.root, tree, entry) == Copied(), entry
    assert files(tree, written) == written
    modes = [stat.S_IMODE((tree / name).stat().st_mode) for name in (".env", "secrets", "secrets/key.pem")]
    assert modes == [0o600, 0o700, 0o755]
    assert repo.git("status", "--porcelain", cwd=tree) == ""


def test_a_file_that_is_there_stays_as_it_is(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write(".env", "main\n")
    (tree / ".env").write_text("mine\n")
    assert copy(repo.root, tree, ".env") == Copied()
    assert (tree / ".env").read_text() == "mine\n"


def test_what_is_missing_is_said_to_be(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    assert copy(repo.root, tree, ".env") == Copied(is_missing=True)


def test_what_git_tracks_or_would_commit_is_named_and_left(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write("loose.txt", "mine\n")
    assert copy(repo.root, tree, "README").left == ("README not copied: git brings what is tracked",)
    said = ("loose.txt not copied: git does not ignore it and would commit it",)
    assert (copy(repo.root, tree, "loose.txt").left, (tree / "loose.txt").exists()) == (said, False)


def test_what_the_branch_does_not_ignore_is_named_and_left(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write(".env", "A=1\n")
    (tree / ".gitignore").write_text("")
    said = (".env not copied: git does not ignore it there and would commit it",)
    assert (copy(repo.root, tree, ".env").left, (tree / ".env").exists()) == (said, False)


def test_a_links_own_content_comes_along_and_one_that_leads_out_does_not(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write("secrets/dev", "A=1\n")
    (repo.root.parent / "outside").write_text("theirs\n")
    for name, leads in {
        ".env": "secrets/dev", ".env.out": "../outside", ".env.gone": "nowhere", ".env.git": ".git/config",
        ".env.absolute": str(repo.root / "secrets/dev"),
    }.items():  # fmt: skip
        (repo.root / name).symlink_to(leads)
    said = copy(repo.root, tree, ".env*").left
    why = "the link leads nowhere, out of the repository or to a folder that is not copied"
    assert said == (f".env.git, .env.gone, .env.out not copied: {why}",)
    assert sorted(one.name for one in tree.glob(".env*")) == [".env", ".env.absolute"]
    assert ((tree / ".env").read_text(), (tree / ".env").is_symlink()) == ("A=1\n", False)


def test_a_link_between_what_is_copied_stays_a_link(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write("modules/tool/run.js", "run\n")
    (repo.root / "modules/bin").mkdir()
    (repo.root / "modules/bin/run").symlink_to("../tool/run.js")
    assert copy(repo.root, tree, "modules") == Copied()
    assert (tree / "modules/bin/run").readlink() == Path("../tool/run.js")
    assert (tree / "modules/bin/run").read_text() == "run\n"


def test_nothing_is_written_past_a_link_of_the_branch(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write("secrets/key", "key\n")
    elsewhere = repo.root.parent / "elsewhere"
    elsewhere.mkdir()
    (tree / "secrets").symlink_to(elsewhere)
    assert copy(repo.root, tree, "secrets").left == (
        "secrets/key not copied: its folder is a link or a file in the feature's branch",
    )
    assert list(elsewhere.iterdir()) == []


def test_git_and_context_are_never_copied_whatever_a_glob_names(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write(".context/feat-x_decisions.md", "theirs\n")
    repo.write("modules/inner/.git/config", "x\n")
    repo.write(".env", "A=1\n")
    copy(repo.root, tree, "**")
    assert ((tree / ".env").exists(), (tree / ".context").exists()) == (True, False)
    assert not list(tree.rglob("inner/.git"))


def test_more_than_the_limit_is_left_whole_and_both_sizes_are_named(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write("modules/a", "x" * 2_000_000)
    repo.write("modules/b", "x")
    assert copy(repo.root, tree, "modules", limit=1_000_000).left == (
        "modules not copied: 2 MB is more than the 1 MB that are copied; a setup can install it",
    )
    assert not (tree / "modules").exists()


def test_what_a_killed_copy_left_half_written_goes_with_the_next(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write(".env", "A=1\n")
    (tree / ".orchestrator-0123456789abcdef").write_text("A=")
    (tree / ".orchestrator-of-mine").write_text("mine\n")
    copy(repo.root, tree, ".env")
    assert sorted(one.name for one in tree.glob(".orchestrator-*")) == [".orchestrator-of-mine"]


def test_a_name_that_reads_like_a_glob_is_that_name(two: tuple[Repo, Path]) -> None:
    repo, tree = two
    repo.write(".env[1]", "A=1\n")
    repo.write(".env1", "A=2\n")
    assert copy(repo.root, tree, ".env[1]") == Copied()
    assert sorted(one.name for one in tree.glob(".env*")) == [".env[1]"]

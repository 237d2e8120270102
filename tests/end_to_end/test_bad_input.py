"""Bad input gets one line that says what, where and what to do, and changes nothing."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import cli
from tests.conftest import Repo


def configure(repo: Repo, old: str, new: str) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    assert old in text
    repo.write("orchestrator.toml", text.replace(old, new))


def test_outside_of_a_repository(repo: Repo, tmp_path: Path) -> None:
    line = repo.refused("status", cwd=tmp_path)
    assert line == f"{tmp_path} is not inside a git repository; run it inside your repository, or `git init` first"


def test_in_a_bare_repository(repo: Repo, tmp_path: Path) -> None:
    repo.git("clone", "--quiet", "--bare", str(repo.root), str(tmp_path / "bare"))
    assert "is a bare repository, without files to work on" in repo.refused("status", cwd=tmp_path / "bare")


def test_before_the_first_commit(make_repo: Callable[[str], Repo], repo: Repo) -> None:
    empty = make_repo("empty")
    shutil.copytree(repo.root / "line", empty.root / "line")
    shutil.copy(repo.root / "orchestrator.toml", empty.root)
    assert empty.refused("start", "payment") == (
        "the repository has no commit yet; commit something first, a README will do"
    )
    assert not (empty.root / ".context").exists()


@pytest.mark.parametrize("words", [
    ("next", "x"), ("status", "x"), ("rollback", "x"), ("checkpoints", "x"), ("pause", "x"), ("log", "x"),
    ("reject", "x", "-m", "y"), ("brief", "x"), ("checkpoint", "x"), ("note", "x", "y"), ("set", "x", "status", "paused"),
])  # fmt: skip
def test_an_unknown_feature(repo: Repo, words: tuple[str, ...]) -> None:
    repo.run("start", "payment")
    assert repo.refused(*words) == "there is no feature 'x'; known: payment"


def test_two_features_of_one_name(repo: Repo) -> None:
    repo.run("start", "payment")
    before = repo.events()
    assert repo.refused("start", "feat/payment") == (
        "feature 'payment' was already started; orchestrator status payment"
    )
    assert repo.events() == before


@pytest.mark.parametrize(
    "name", ["Payment", "a b", "../x", "a..b", "x.lock", ".x", "-x", "feat-feat-x", "a" * 62, "é", ""]
)
def test_a_name_that_is_no_slug(repo: Repo, name: str) -> None:
    line = repo.refused("start", "--", name)
    assert "is no feature name; use lower-case letters" in line
    assert repo.git("branch", "--list", "feat/*") == ""


def test_no_documents(repo: Repo) -> None:
    shutil.rmtree(repo.root / "line")
    expected = "no workflow document matches 'line/add-feature-*.md'; set [workflows] glob in orchestrator.toml"
    assert repo.refused("workflows") == expected
    assert repo.refused("start", "payment") == expected


def test_a_document_that_is_not_utf8_is_named_and_the_others_are_still_read(repo: Repo) -> None:
    (repo.root / "line/add-feature-2-show.md").write_bytes(b"# Show\n\n\xff\n")
    done = repo.call("workflows")
    assert (done.returncode, done.stderr) == (
        1, "orchestrator: line/add-feature-2-show.md:3: not UTF-8; save it as UTF-8\n"
    )  # fmt: skip
    assert "Ship it" in done.stdout
    assert "line/add-feature-2-show.md:3: not UTF-8" in repo.refused("start", "payment")


def test_broken_frontmatter_is_named(repo: Repo) -> None:
    repo.write("line/add-feature-2-show.md", "---\ntitle: [\n---\n# Show\n")
    done = repo.call("workflows")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "line/add-feature-2-show.md:" in done.stderr


def test_two_documents_with_one_id(repo: Repo) -> None:
    repo.write("line/add-feature-2_again.md", "# Again\n")
    assert repo.refused("start", "payment").startswith(
        "line/add-feature-2-show.md and line/add-feature-2_again.md have one id, 2; rename one of them"
    )


@pytest.mark.parametrize(("old", "new", "said"), [
    ("[agent]", "[agent", "orchestrator.toml: line 3"),
    ("command = [", "comand = [", "orchestrator.toml:4: unknown key 'agent.comand'; the nearest known key is 'agent.command'"),
    ("[validate]", "[validat]", "orchestrator.toml:5: unknown key 'validat'; the nearest known key is 'validate'"),
    ('["sh", "agent.sh"]', '"sh agent.sh"', "orchestrator.toml:4: agent.command: expected `array`, got `str`"),
    ("line/add", "../line/add", "orchestrator.toml:2: workflows.glob: '../line/add-feature-*.md' leads outside the repository"),
    ("line/add", "/etc/add", "orchestrator.toml:2: workflows.glob: '/etc/add-feature-*.md' leads outside the repository"),
])  # fmt: skip
def test_a_wrong_configuration(repo: Repo, old: str, new: str, said: str) -> None:
    configure(repo, old, new)
    for words in (("start", "payment"), ("workflows",)):
        assert repo.refused(*words).startswith(said)


def test_a_gate_key_that_matches_no_heading(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text + '[gates.types]\n"2: GATE 9" = "none"\n')
    assert "2: GATE 9" in repo.refused("start", "payment") or "GATE 9" in repo.refused("start", "payment")


def test_a_worktree_that_was_deleted_by_hand(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    (repo.worktree("payment") / ".context/kept.md").write_text("kept\n")
    repo.git("commit", "-q", "--allow-empty", "-m", "mine", cwd=repo.worktree("payment"))
    repo.run("status")
    shutil.rmtree(repo.worktree("payment"))
    line = repo.refused("next", "payment")
    assert line.startswith(f"the worktree {repo.worktree('payment')} of payment is not there; ")
    assert "`git worktree prune`" in line
    repo.git("worktree", "prune")
    done = repo.call("next", "payment")
    assert "attempt 1  passed" in done.stdout
    assert (repo.worktree("payment") / ".context/kept.md").read_text() == "kept\n"


def test_a_repository_that_was_moved(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    moved = Repo(repo.root.with_name("moved"), repo.env)
    shutil.move(repo.root, moved.root)
    (moved.root.parent / "shop.worktrees/payment").rename(moved.root.parent / "elsewhere")
    line = moved.refused("next", "payment")
    assert "`git worktree repair ITS-NEW-PLACE`" in line
    moved.git("worktree", "repair", str(moved.root.parent / "elsewhere"))
    assert "payment  1/2  attempt 1  passed" in moved.run("next", "payment")


def test_wrong_usage_is_one_line_and_status_2(repo: Repo) -> None:
    assert repo.refused("nxt", status=2).startswith("There is no command 'nxt'. Did you mean 'next'?")
    assert repo.refused("log", "--type", "nonsense", status=2).startswith("there is no event type 'nonsense'")
    assert repo.refused("log", "--jq", ".[", status=2).startswith("the filter '.[' is not jq")
    assert repo.refused("status", "--at", "yesterday", status=2).startswith("'yesterday' is no moment")
    assert repo.refused("status", "--at", "2026-01-01T00:00:00", status=2).startswith(
        "'2026-01-01T00:00:00' has no offset"
    )


def test_a_folder_in_the_way_of_a_worktree(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.worktree("payment").mkdir(parents=True)
    (repo.worktree("payment") / "mine").write_text("x")
    assert "is in the way of the worktree of payment" in repo.run("next")
    assert (repo.worktree("payment") / "mine").read_text() == "x"


def test_without_an_agent_nothing_is_begun(repo: Repo) -> None:
    configure(repo, 'command = ["sh", "agent.sh"]', "")
    repo.run("start", "payment")
    before = repo.events()
    for words in (("next",), ("run",), ("next", "--dry-run")):
        assert repo.refused(*words) == "no agent is configured; set [agent] preset or command in orchestrator.toml"
    assert repo.events() == before


@pytest.mark.parametrize(("refusal", "said"), [
    (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; make room on that file system"),
    (PermissionError(errno.EACCES, "Permission denied", "/a/b"), "/a/b: Permission denied; make that place writable"),
    (OSError(errno.EMLINK, "Too many links", "/a/b"), "/a/b: Too many links; mend that, and call the same command"),
    (OSError(errno.EMLINK, "Too many links"), "this is a bug"),
])  # fmt: skip
def test_what_the_system_refuses_of_a_file_is_one_line_and_all_else_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], refusal: OSError, said: str
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise refusal

    monkeypatch.setattr("orchestrator.group.group", refused)
    monkeypatch.setattr("sys.argv", ["orchestrator", "status"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    err = capsys.readouterr().err
    assert (ended.value.code, said in err) == (1, True), err
    assert "Traceback" not in err

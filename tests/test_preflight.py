"""`lint` as it is used: what it prints, what is accepted, what `init` and a feature's first step say of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import preflight
from orchestrator.adapters.git import Git
from orchestrator.assets import asset, names
from orchestrator.core.linting.scripts import Presence
from orchestrator.workspace import Workspace
from tests.conftest import CONFIGURATION, Repo

SAMPLES = Path(__file__).parent / "samples" / "workflows"
BAD = """\
# Make it

## Phase 1: Write

```bash
./scripts/gone.sh
git push --force
```

Never use `git stash`.
"""


def found(repo: Repo) -> list[tuple[str, str, int]]:
    return [(one["id"], one["file"], one["line"]) for one in repo.json("lint", check=None)["findings"]]


def broken(repo: Repo) -> None:
    repo.write("line/add-feature-1-make.md", BAD)


def test_a_line_in_order_has_nothing_to_say(repo: Repo) -> None:
    assert repo.run("lint") == "nothing to say\n"
    assert repo.json("lint") == {"findings": []}


def test_each_finding_has_its_place_its_key_why_it_matters_and_what_to_do(repo: Repo) -> None:
    broken(repo)
    assert repo.run("lint", check=1) == (
        "line/add-feature-1-make.md:6: warning L101-163627ed\n"
        "    ./scripts/gone.sh\n"
        "    scripts/gone.sh: there is no such file: the agent fails there, or makes something up\n"
        "    -> commit the script, or correct its path\n\n"
        "line/add-feature-1-make.md:7: error L303-349894e7\n"
        "    git push --force\n"
        "    commits of others on the server are overwritten, which no rollback here brings back\n"
        "    -> leave it to a person at a deploy gate, or say --force-with-lease on the feature's own branch\n\n"
        "1 error, 1 warning\n"
        'one that is meant so: its key into orchestrator.toml, [lint] accept = ["L101-163627ed"]\n'
    )
    [first, _] = repo.json("lint", check=1)["findings"]
    assert list(first) == ["id", "key", "severity", "file", "line", "text", "why", "next", "accepted"]


def test_what_is_accepted_is_counted_and_a_key_that_fits_nothing_any_more_is_a_note(repo: Repo) -> None:
    broken(repo)
    keys = [one["key"] for one in repo.json("lint", check=1)["findings"]]
    repo.write("orchestrator.toml", f'{CONFIGURATION}[lint]\naccept = ["{keys[0]}", "{keys[1]}"]\n')
    assert repo.run("lint") == "nothing to say; 2 accepted (--all shows them)\n"
    assert "line/add-feature-1-make.md:7: error, accepted L303-" in repo.run("lint", "--all")
    repo.write("line/add-feature-1-make.md", BAD.replace("./scripts/gone.sh\n", ""))
    assert found(repo) == [("L303", "line/add-feature-1-make.md", 6), ("L701", "orchestrator.toml", 8)]


def test_an_unknown_key_in_its_table_is_refused(repo: Repo) -> None:
    repo.write("orchestrator.toml", f'{CONFIGURATION}[lint]\naccepted = ["x"]\n')
    assert "orchestrator.toml:8: unknown key 'lint.accepted'" in repo.refused("lint")


def test_ids_and_validations_are_looked_at_with_what_is_there(repo: Repo) -> None:
    repo.write("line/add-feature-3-again.md", "# Again\n")
    repo.write("line/add-feature-oauth2-login.md", "# Login\n")
    repo.write("line/add-feature-4.5-odd.md", "---\ntitle: [\n---\n# Odd\n")
    configuration = CONFIGURATION.replace('"test ! -e broken"', '"nosuchprogram"\npass_when = "false"')
    repo.write("orchestrator.toml", f'{configuration}[validate.workflows]\n"1" = "exit 1"\n')
    assert found(repo) == [
        ("L401", "line/add-feature-3-ship.md", 1),
        ("L407", "line/add-feature-4.5-odd.md", 2),
        ("L402", "line/add-feature-oauth2-login.md", 1),
        ("L602", "orchestrator.toml", 6),
        ("L603", "orchestrator.toml", 7),
    ]


@pytest.mark.parametrize(
    ("pass_when", "ids"),
    [("false", ["L603"]), ("true and null", ["L603"]), ("not true", ["L407"]), (".ok ==", ["L407"]), (".ok", [])],
)
def test_a_filter_that_is_never_true_or_cannot_be_read_is_an_error(repo: Repo, pass_when: str, ids: list[str]) -> None:
    repo.write("orchestrator.toml", f"{CONFIGURATION}pass_when = '{pass_when}'\n")
    assert [one for one, _, _ in found(repo)] == ids


def test_a_path_is_looked_at_as_git_and_the_disk_have_it(repo: Repo) -> None:
    for name in ("run.sh", "plain.sh"):
        repo.write(f"scripts/{name}", "ls\n")
    (repo.root / "scripts/run.sh").chmod(0o755)
    repo.write(".gitignore", "local/\n")
    (repo.root / "linked").symlink_to("scripts")
    repo.commit("scripts")
    repo.write("scripts/mine.sh", "ls\n")
    look = preflight.surroundings(repo.root, Git(repo.root)).look
    assert {
        name: look(name)
        for name in ("scripts/run.sh", "scripts/plain.sh", "scripts/mine.sh", "no.sh", "local/x", "linked/run.sh")
    } == {
        "scripts/run.sh": Presence.THERE,
        "scripts/plain.sh": Presence.PLAIN,
        "scripts/mine.sh": Presence.UNTRACKED,
        "no.sh": Presence.MISSING,
        "local/x": Presence.UNKNOWN,
        "linked/run.sh": Presence.UNKNOWN,
    }


def test_scripts_of_all_packages_and_targets_of_included_files_are_known(repo: Repo) -> None:
    repo.write("package.json", '{"scripts": {"test": "a"}}')
    repo.write("web/package.json", '{"scripts": {"build": "b"}}')
    repo.write("Makefile", "include more.mk\nx: ; @ls\n")
    repo.write("more.mk", "y: ; @ls\n")
    repo.commit("packages")
    there = preflight.surroundings(repo.root, Git(repo.root))
    assert (there.npm, there.targets) == ({"test": "a", "build": "b"}, {"x", "y"})
    repo.write("more.mk", "test-%: ; @ls\n")
    repo.write("package.json", "{")
    there = preflight.surroundings(repo.root, Git(repo.root))
    assert (there.npm, there.targets) == (None, None)


def test_the_documents_that_init_writes_have_no_finding(repo: Repo) -> None:
    for name in names("workflows"):
        repo.write(f"docs/{name}", asset("workflows", name).decode())
    repo.write("orchestrator.toml", '[workflows]\nglob = "docs/add-feature-*.md"\n')
    assert repo.run("lint") == "nothing to say\n"


def test_a_line_with_the_troubles_of_a_real_one_is_told_of_what_is_true(repo: Repo) -> None:
    for path in SAMPLES.glob("*.md"):
        repo.write(f"real/{path.name}", path.read_text(encoding="utf-8-sig"))
    for path in (repo.root / "line").iterdir():
        path.unlink()
    repo.write("orchestrator.toml", '[workflows]\nglob = "real/add-feature-*.md"\n')
    rows = [row for row in found(repo) if row[0] not in ("L101", "L104")]
    assert rows == [
        ("L207", "real/add-feature-11c1a-watch.md", 19),
        ("L405", "real/add-feature-3.5-tarefas.md", 1),
        ("L302", "real/add-feature-5b-acabamento.md", 46),
        ("L406", "real/add-feature-5b-acabamento.md", 49),
        ("L402", "real/add-feature-fast-track.md", 1),
    ]
    scripts = {one["why"].partition(":")[0] for one in repo.json("lint")["findings"] if one["id"] == "L101"}
    assert all(name.startswith(("forno/", "scripts/")) for name in scripts)
    assert len(scripts) == 37


def test_init_says_in_short_what_was_found_and_succeeds(repo: Repo) -> None:
    broken(repo)
    said = repo.run("init")
    assert (
        "lint      1 error, 1 warning in documents and configuration\nlint      error line/add-feature-1-make.md:7: "
        in said
    )
    assert "lint      all of them, and what to do: orchestrator lint\n" in said


def test_before_its_first_step_a_feature_is_told_once_and_goes_on(repo: Repo) -> None:
    broken(repo)
    repo.run("start", "payment")
    first = repo.call("next", "payment")
    assert first.returncode == 0
    assert (
        "orchestrator: payment: lint: 2 findings in the documents, 1 error; orchestrator lint shows them\n"
        in first.stderr
    )
    second = repo.call("next", "payment")
    assert (second.returncode, "lint" in second.stderr) == (0, False)


def test_notes_alone_are_not_told_before_a_step(repo: Repo) -> None:
    repo.write("line/add-feature-oauth2-login.md", "# Login\n")
    assert preflight.notice(Workspace.find(repo.root)) == ""

"""The rules of `lint` over texts: what each finds, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.core.blocks import Line, sections
from orchestrator.core.line import Document, Rules, read_document
from orchestrator.core.linting import naming, orders, scripts, validations
from orchestrator.core.linting.findings import Finding, finding, keyed, stale, tally
from orchestrator.core.linting.scripts import Presence, Surroundings
from orchestrator.core.linting.shell import commands
from orchestrator.core.linting.told import told
from orchestrator.core.linting.validations import Validation

THERE = {"scripts/there.sh": Presence.THERE, "scripts/plain.sh": Presence.PLAIN, "scripts/mine.sh": Presence.UNTRACKED}


def around(
    npm: dict[str, str] | None = None, targets: frozenset[str] | None = frozenset({"build"}), programs: str = "npm make"
) -> Surroundings:
    return Surroundings(
        look=lambda path: THERE.get(path, Presence.MISSING),
        has_program=programs.split().__contains__,
        npm={"test": "vitest", "build": "vite build"} if npm is None else npm,
        targets=targets,
    )


def document(text: str, file: str = "line/add-feature-1-make.md", workflow: str = "1") -> Document:
    return read_document(text, file, workflow, Rules(keywords=("screenshot",)))


def ordered(text: str) -> list[tuple[str, int]]:
    """Return rule and line of what the orders in a text break."""
    one = document(text)
    return [(found.id, found.line) for found in orders.findings(one, told(sections(one.text, 0, "")))]


def needed(*texts: str, place: Surroundings | None = None) -> list[tuple[str, int, str]]:
    """Return rule, line and reason of what the texts name and is not there."""
    rows = []
    for at, text in enumerate(texts, 1):
        one = document(text, f"line/add-feature-{at}-x.md", str(at))
        found = sections(one.text, 0, "")
        rows.append((one, found, told(found)))
    return [(one.id, one.line, one.why) for one in scripts.findings(rows, place or around())]


def fenced(command: str, language: str = "bash") -> str:
    return f"# T\n\n```{language}\n{command}\n```\n"


# --- how a text is read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git add a && git commit -m 'x y'; ls | wc", ["git add a", "git commit -m x y", "ls", "wc"]),
        ("A=1 B=2 sudo -E env timeout 60 npm test", ["npm test"]),
        ("if ! test -e a; then exit 1; fi", ["test -e a", "exit 1"]),
        ("for x in a b; do echo $x; done", ["echo $x"]),
        ("R=$(git branch | tr / -)", ["git branch", "tr / -"]),
        ("npm test \\\n  -- --run # said", ["npm test -- --run"]),
        ("cat <<'EOF' > a/b\ngit stash\nEOF\nls", ["cat", "ls"]),
        ('git commit -m "one\ntwo"\nls', ["git commit -m one\ntwo", "ls"]),
        ('echo "open\nls', ["ls"]),
        ("$ npm ci", ["npm ci"]),
        ("make 2>&1 >log", ["make"]),
    ],
)
def test_a_shell_text_is_cut_into_its_commands(text: str, expected: list[str]) -> None:
    lines = [Line(number=at, text=one) for at, one in enumerate(text.split("\n"), 1)]
    assert [" ".join(one.words) for one in commands(lines)] == expected


# --- what waits, what throws away ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "rule"),
    [
        ('read -p "go on? " answer', "L201"),
        ("read answer", "L201"),
        ("vim notes.md", "L202"),
        ("$EDITOR notes.md", "L202"),
        ("git commit", "L203"),
        ("git commit --amend", "L203"),
        ("git rebase -i main", "L203"),
        ("git -C ../x add -p", "L203"),
        ("git tag -a v1", "L203"),
        ("git diff | less -R", "L204"),
        ("man git", "L204"),
        ("top", "L204"),
        ("npm init", "L205"),
        ("watch -n 10 ./x.sh", "L207"),
        ("tail -f log", "L207"),
        ("docker compose logs -f api", "L207"),
        ("git commit --no-verify -m x", "L301"),
        ("git commit -nm x", "L301"),
        ("git push --no-verify", "L301"),
        ("git reset --hard HEAD~1", "L302"),
        ("git push -f", "L303"),
        ("git push --force origin x", "L303"),
        ("git push origin +main:main", "L303"),
        ("git push --force-with-lease", "L304"),
        ("git clean -fd", "L305"),
        ("git checkout -f main", "L306"),
        ("git switch --discard-changes main", "L306"),
        ("rm -rf .context", "L307"),
        ("rm -r ./.git", "L307"),
        ("git stash push -m x", "L308"),
        ("git stash pop || true", "L308"),
    ],
)
def test_a_command_that_waits_or_throws_away_is_found(command: str, rule: str) -> None:
    assert ordered(fenced(command)) == [(rule, 4)]


@pytest.mark.parametrize(
    "command",
    [
        "while read -r line; do echo $line; done < list",
        "cat list | while read line; do :; done",
        "read first < list",
        "read -t 5 answer",
        "git commit -am 'x'",
        "git commit -qF message",
        "git commit --amend --no-edit",
        "git commit --fixup HEAD",
        "GIT_SEQUENCE_EDITOR=: git rebase -i main",
        "git -c core.editor=true commit",
        "git tag -a v1 -m one",
        "git log",
        "npm init -y",
        "top -b -n 1",
        "timeout 60 tail -f log",
        "tail -f log | head",
        "docker logs --tail 5 api",
        "npm run dev &",
        "git push --dry-run --force",
        "git push -u origin HEAD",
        "git clean -n",
        "git reset --soft HEAD~1",
        "git checkout main",
        "rm -rf .context/tmp build",
        "git stash list",
        'echo "git push --force"',
        "# git stash",
    ],
)
def test_a_command_that_does_neither_is_left_alone(command: str) -> None:
    assert ordered(fenced(command)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Never use `git push --force`.",
        "Don't run `git stash`, `git clean -fd` or `git reset --hard`.",
        "Não use `--no-verify`.",
        "**NUNCA** `any`. **NUNCA** `--no-verify`.",
        "Work without `git stash`.",
        "Commit instead of `git stash`.",
        "`git stash` é proibido aqui.",
        "`git push --force` só com `--force-with-lease`.",
        "Do not:\n\n- `rm -rf .context`\n- `git stash`",
        "## Nunca faça\n\n```bash\ngit push -f\n```",
        "Nunca rode:\n\n```bash\ngit push -f\n```",
        "```bash\n# never\ngit push -f\n```",
        "```bash\ngit push -f   # proibido\n```",
        "| do | don't |\n| --- | --- |\n| commit | `git stash` |",
        "| ❌ | `git stash` |\n| --- | --- |\n| 🚫 | `git reset --hard` |",
        "```python\nread answer\n```",
        "```\nread the list, more or less\ntop of the page\n```",
        "Keep each with `git commit`; the `top` of `more`.",
    ],
)
def test_what_is_forbidden_or_no_order_is_no_finding(text: str) -> None:
    assert ordered(f"# T\n\n{text}\n") == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("If the tests do not pass, run `git reset --hard`.", "L302"),
        ("Se não passar: rode `git checkout -f main`.", "L306"),
        ("`git rebase --abort` não adianta mais, usa `git reset --hard ORIG_HEAD`.", "L302"),
        ("3ª vez: `git reset --hard` e anota. Não insistir.", "L302"),
        ("`--no-verify` is OK **here only**.", "L301"),
        ("| 3 | `git stash`, again |\n| --- | --- |", "L308"),
        ("```\ngit push --force\n```", "L303"),
    ],
)
def test_a_no_that_means_something_else_does_not_hide_an_order(text: str, rule: str) -> None:
    assert [one for one, _ in ordered(f"# T\n\n{text}\n")] == [rule]


def test_of_clean_only_the_one_that_takes_ignored_files_is_an_error() -> None:
    one = document(fenced("git clean -fd\ngit clean -fdx"))
    found = orders.findings(one, told(sections(one.text, 0, "")))
    assert [(each.id, each.severity) for each in found] == [("L305", "warning"), ("L305", "error")]


def test_what_may_ask_for_a_password_is_told_once() -> None:
    one = document(fenced("ssh host ls\nsudo apt update\nssh -o BatchMode=yes host ls"))
    [found] = orders.passwords([(one, told(sections(one.text, 0, "")))])
    assert (found.id, found.severity, found.line) == ("L206", "note", 4)
    assert found.why.endswith("; 1 more line needs it")


# --- what is not there -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "rule", "name"),
    [
        ("./scripts/gone.sh x", "L101", "scripts/gone.sh"),
        ("bash -eu scripts/gone.sh", "L101", "scripts/gone.sh"),
        ("python tools/gone.py", "L101", "tools/gone.py"),
        ("cd web && ./scripts/gone.sh", "L101", "scripts/gone.sh"),
        ("bash scripts/mine.sh", "L102", "scripts/mine.sh"),
        ("./scripts/plain.sh", "L103", "scripts/plain.sh"),
        ("npm run gone -- --fix", "L104", "gone"),
        ("npm --prefix web run gone", "L104", "gone"),
        ("npm start", "L104", "start"),
        ("make -j2 gone", "L105", "gone"),
    ],
)
def test_what_a_command_names_and_is_not_there_is_found(command: str, rule: str, name: str) -> None:
    [(id, line, why)] = needed(fenced(command))
    assert (id, line) == (rule, 4)
    assert why.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "text",
    [
        fenced("./scripts/there.sh\nbash scripts/plain.sh\nnpm test && npm run build\nmake build\nmake"),
        fenced(
            './scripts/$NAME.sh\nbash -c "x.sh"\npython -m pytest\nnode --eval 1\n./path/to/x.sh\n./node_modules/.bin/x'
        ),
        fenced('cd "$TOP"\n./scripts/gone.sh'),
        fenced("cat > scripts/new.sh <<'EOF'\nls\nEOF\nbash scripts/new.sh"),
        fenced("npm run gone --if-present\nnpm ci\nnpm run\nmake -C web gone"),
        "# T\n\nWrite a script `scripts/new.sh`.\n\nThen run `./scripts/new.sh all`.\n",
        "# T\n\nThere is no `npm run gone`; see `./README`, `src/app.ts` and `./scripts/`.\n",
        fenced("./scripts/gone.sh", "yaml"),
    ],
)
def test_what_is_there_or_cannot_be_told_is_left_alone(text: str) -> None:
    assert needed(text) == []


def test_what_several_documents_name_is_told_once_at_the_first() -> None:
    text = fenced("./scripts/gone.sh\n./scripts/gone.sh again")
    assert needed(text, text) == [
        (
            "L101",
            4,
            "scripts/gone.sh: there is no such file: the agent fails there, or makes something up; 3 more lines need it",
        )
    ]


def test_without_any_package_json_or_makefile_that_is_the_finding() -> None:
    text = fenced("npm run a\nnpm run b\nmake c\nmake d")
    assert needed(text, place=around({}, frozenset())) == [
        ("L104", 4, "there is no package.json: the agent fails there; 1 more line needs it"),
        ("L105", 6, "there is no Makefile: the agent fails there; 1 more line needs it"),
    ]


def test_targets_that_make_alone_can_tell_are_not_asked_for() -> None:
    assert needed(fenced("make gone"), place=around(targets=None)) == []


def test_a_script_of_the_kits_own_says_how_to_get_it() -> None:
    one = document(fenced("./scripts/feature-init.sh x"))
    found = sections(one.text, 0, "")
    assert [each.next for each in scripts.findings([(one, found, told(found))], around())] == [
        "`orchestrator init --scripts` writes it"
    ]


# --- ids and gates ---------------------------------------------------------------------------------


def test_of_two_documents_with_one_id_the_second_is_named() -> None:
    [found] = naming.duplicates({"l/2-b.md": "2", "l/1-a.md": "1", "l/2-a.md": "2"})
    assert (found.id, found.severity, found.file, found.why) == (
        "L401", "error", "l/2-b.md", "l/2-a.md has the id 2, too: neither is run",
    )  # fmt: skip


def test_files_that_nobody_runs_are_notes() -> None:
    found = naming.never_run(["l/x-oauth2-login.md"], ["l/x-3-old.md"], ["l/x-4-skip.md"])
    assert [(one.id, one.severity, one.text) for one in found] == [
        ("L402", "note", "x-oauth2-login.md"),
        ("L403", "note", "x-3-old.md"),
        ("L404", "note", "x-4-skip.md"),
    ]


def test_ids_that_the_old_schema_refuses_are_one_note() -> None:
    line = [document("# T\n", f"l/x-{one}.md", one) for one in ("1", "2b", "4.5", "11c1a")]
    assert [(one.id, one.file, one.why[-12:]) for one in naming.old_schema(line)] == [
        ("L405", "l/x-4.5.md", ": 4.5, 11c1a")
    ]
    assert list(naming.old_schema(line[:2])) == []


def test_phases_with_one_id_are_found_at_the_second() -> None:
    one = document("# T\n\n## Phase 1: A\n\nx\n\n## Phase 2: B\n\nx\n\n## Phase 1: C\n\nx\n")
    assert [(each.id, each.line, each.text) for each in naming.phases(one)] == [("L406", 11, "1: C")]


def test_a_stop_that_rests_on_its_heading_is_found_and_one_that_asks_is_not() -> None:
    one = document("# T\n\n## Screenshot of it\n\nWords.\n\n## Screenshot again\n\nApprove the screens? (yes/no)\n")
    assert [gate.stops for gate in one.gates] == [True, True]
    assert [(each.id, each.line) for each in naming.gates(one)] == [("L501", 3)]


# --- validations -----------------------------------------------------------------------------------


def judged(
    command: str,
    place: Callable[..., Surroundings] = around,
    npm: dict[str, str] | None = None,
    by_filter: bool = False,
) -> list[str]:
    rows = validations.findings("o.toml", [Validation(command, 3)], ["1"], place(npm), by_filter)
    return [one.id for one in rows]


@pytest.mark.parametrize("command", ["false", "exit 1", "npm test && false", "npm test; exit 2"])
def test_a_validation_that_always_fails_is_an_error(command: str) -> None:
    assert judged(command) == ["L601"]


@pytest.mark.parametrize(
    "command", ["nosuch x", "./scripts/gone.sh", "npm run gone", "make gone", "./scripts/plain.sh"]
)
def test_a_validation_whose_command_is_not_there_is_an_error(command: str) -> None:
    assert judged(command) == ["L602"]


@pytest.mark.parametrize(
    "command",
    ["", "npm test && make build", "true; exit 0", "false; true", "nosuch || npm test", "if x; then nosuch; fi",
     "test ! -e broken", "cd $TOP && nosuch/x.sh", "X=1 npm test", "$RUNNER all", "! npm test", "./node_modules/.bin/jest"],
)  # fmt: skip
def test_a_validation_that_can_pass_is_left_alone(command: str) -> None:
    assert judged(command) == []


def test_the_test_script_that_npm_writes_never_passes_unless_a_filter_decides() -> None:
    npm = {"test": 'echo "Error: no test specified" && exit 1'}
    assert (judged("npm test", npm=npm), judged("npm test", npm=npm, by_filter=True)) == (["L601"], [])


def test_a_validation_for_an_id_outside_the_line_is_idle() -> None:
    rows = [Validation("npm test", 3, "9"), Validation("npm test", 4, "1")]
    assert [(one.id, one.line) for one in validations.findings("o.toml", rows, ["1"], around())] == [("L604", 3)]
    assert list(validations.findings("o.toml", rows, [], around())) == []


# --- keys ------------------------------------------------------------------------------------------


def found_at(line: int, text: str = "git stash") -> Finding:
    return finding(orders.STASH, "a.md", line, text)


def test_a_key_outlives_moved_lines_and_tells_like_lines_apart() -> None:
    first = [one.key for one in keyed([found_at(3), found_at(9)])]
    moved = [one.key for one in keyed([found_at(19), found_at(5, "  git stash ")])]
    assert first == moved
    assert len(set(first)) == 2
    assert all(key.startswith("L308-") and len(key) == 13 for key in first)
    assert [one.key for one in keyed([found_at(3, "git stash pop")])] not in ([first[0]], [first[1]])


def test_an_accepted_finding_is_marked_and_a_key_that_fits_nothing_is_named() -> None:
    [row] = keyed([found_at(3)])
    marked = keyed([found_at(3)], [row.key])
    assert [one.accepted for one in marked] == [True]
    assert stale([row.key, "L308-00000000", "L308-00000000"], marked) == ["L308-00000000"]


def test_a_long_line_is_quoted_in_short_and_counts_are_worded() -> None:
    [row] = keyed([found_at(3, "git stash " + "x" * 200)])
    assert (len(row.text), row.text[-3:]) == (100, "...")
    assert tally([row, row]) == "2 warnings"

"""The line: read from configuration and documents, and held at what a person last accepted where it got weaker."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from orchestrator.adapters.git import Git
from orchestrator.adapters.trees import write_tree
from orchestrator.documents import (
    Effective,
    Reading,
    Source,
    accepted_source,
    as_files,
    digest,
    effective,
    matching,
    reading,
    renewed_gates,
    source,
    stem,
)
from orchestrator.errors import BadConfiguration
from orchestrator.readings import Readings

GLOB = 'workflows.glob = "docs/add-feature-*.md"\n'
PLAIN = b"# Make it\n\n## Phase 1: Write\n\nWrite it.\n"
HUMAN = b"# Show it\n\n## Phase 1: Draw\n\n### GATE 1: Screens\n\nAPPROVE the screens? (yes/no)\n"
DEPLOY = b"# Ship it\n\n## Phase 1: Pack\n\n### GATE 2: Production\n\nAPPROVE the deploy to production? (yes/no)\n"
TESTS = b"# Show it\n\n## Phase 1: Draw\n\n### GATE 1: Screens\n\nRun `npm test`; it must be green.\n"
TWO = HUMAN + b"\n### GATE 13: Screens again\n\nAPPROVE them again? (yes/no)\n"


def given(configuration: str = "", /, **files: bytes) -> Source:
    """Return a source; `w2=...` is the document of workflow 2."""
    named = {f"docs/add-feature-{name[1:]}-x.md": content for name, content in files.items()}
    return Source(configuration=(GLOB + configuration).encode(), files=named)


def read(configuration: str = "", /, **files: bytes) -> Reading:
    return reading(given(configuration, **files))


def shown(found: Reading | Effective) -> list[tuple[str, str, str]]:
    """Return the gates of a line: workflow, heading, type."""
    return [(one.id, gate.heading, str(gate.type)) for one in found.line.documents for gate in one.gates]


# --- the source -----------------------------------------------------------------------------------------


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Write a file below the root."""

    def _put(name: str, content: bytes) -> Path:
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return tmp_path / "root"

    return _put


def test_the_source_is_the_configuration_and_what_its_glob_names(put: Callable[[str, bytes], Path]) -> None:
    put("docs/add-feature-2-show.md", HUMAN)
    put("docs/add-feature-1-make.md", PLAIN)
    put("docs/other.md", PLAIN)
    root = put("orchestrator.toml", GLOB.encode())
    files = {"docs/add-feature-1-make.md": PLAIN, "docs/add-feature-2-show.md": HUMAN}
    assert source(root) == Source(configuration=GLOB.encode(), files=files)


def test_without_a_configuration_the_default_glob_is_looked_for(put: Callable[[str, bytes], Path]) -> None:
    root = put(".windsurf/workflows/add-feature-1-make.md", PLAIN)
    assert source(root) == Source(configuration=b"", files={".windsurf/workflows/add-feature-1-make.md": PLAIN})


def test_a_link_that_leads_outside_and_a_folder_are_no_documents(put: Callable[[str, bytes], Path]) -> None:
    root = put("docs/add-feature-1-make.md", PLAIN)
    put("docs/add-feature-3-folder.md/x", b"")
    (root.parent / "secret").write_bytes(PLAIN)
    (root / "docs/add-feature-2-out.md").symlink_to(root.parent / "secret")
    (root / "docs/add-feature-4-in.md").symlink_to(root / "docs/add-feature-1-make.md")
    assert matching(root, "docs/add-feature-*.md") == ["docs/add-feature-1-make.md", "docs/add-feature-4-in.md"]


def test_the_id_comes_from_what_the_star_matched() -> None:
    assert stem("docs/add-feature-4.5a-review.md", "docs/add-feature-*.md") == "4.5a-review"
    assert stem("docs/4.5a/workflow.md", "docs/*/workflow.md") == "4.5a"


def test_a_digest_is_the_sha256() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_accepted_line_comes_back_from_its_tree_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in os.environ if one.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": tmp_path, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}.items():
        monkeypatch.setenv(name, str(value))
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    git = Git(tmp_path / "repo")
    accepted = Source(
        configuration=b'# caf\xc3\xa9\r\n[run]\nparallel = 2\n',
        files={"docs/add-feature-1-x y.md": b"\xef\xbb\xbf# A\r\n", "docs/add-feature-2-\xe9.md": b"\0\n"},
        gates=b"# caf\xc3\xa9\r\n",
    )  # fmt: skip
    assert accepted_source(git, write_tree(git, as_files(accepted))) == accepted


# --- the reading ------------------------------------------------------------------------------------------


def test_the_line_is_ordered_part_by_part_and_holds_only_documents_with_an_id() -> None:
    files = {
        f"docs/add-feature-{name}.md": PLAIN for name in ("3.10", "11c1a", "2a", "3.9-b", "fast-track", "1_x", "1x-y")
    }
    found = reading(Source(configuration=GLOB.encode(), files=files))
    assert [one.id for one in found.line.documents] == ["1", "1x", "2a", "3.9", "3.10", "11c1a"]
    assert found.problems == ()


def test_skipped_ids_are_left_out() -> None:
    found = read('workflows.skip = ["11c1b"]\n', w1=PLAIN, w11c1b=PLAIN)
    assert [one.id for one in found.line.documents] == ["1"]


def test_of_two_documents_of_one_id_neither_is_in_the_line_and_both_are_named() -> None:
    files = {"docs/add-feature-2-a.md": PLAIN, "docs/add-feature-2-b.md": HUMAN, "docs/add-feature-3.md": PLAIN}
    found = reading(Source(configuration=GLOB.encode(), files=files))
    assert [one.id for one in found.line.documents] == ["3"]
    assert found.problems == ("docs/add-feature-2-a.md and docs/add-feature-2-b.md have one id, 2; rename one of them",)


def test_a_document_that_cannot_be_read_is_named_with_its_line_and_the_others_stay() -> None:
    found = read(w1=PLAIN, w2=b"# A\n\ncaf\xe9\n", w3=b"---\na: [\n---\n# B\n")
    assert [one.id for one in found.line.documents] == ["1"]
    assert found.problems[0] == "docs/add-feature-2-x.md:3: not UTF-8; save it as UTF-8"
    assert found.problems[1].startswith("docs/add-feature-3-x.md:2: the frontmatter cannot be read: ")
    assert found.missing == {"2", "3"}


def test_the_users_types_have_the_last_word_in_the_document_that_their_key_names() -> None:
    types = '[gates.types]\n"2: GATE 1" = "validation"\n'
    assert shown(read(types, w2=HUMAN, w3=HUMAN)) == [
        ("2", "GATE 1: Screens", "validation"),
        ("3", "GATE 1: Screens", "human"),
    ]
    assert shown(read('[gates.types]\n"2: GATE 1" = "none"\n', w2=HUMAN)) == []


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        ("GATE 7", "no heading"),
        ("Screens", "'GATE 1: Screens' and 'GATE 13: Screens again'"),
    ],
)
def test_a_key_of_types_that_matches_no_heading_or_two_is_an_error(key: str, fits: str) -> None:
    said = f"[gates.types] {key!r} fits {fits} in docs/add-feature-2-x.md; write more of the one heading that you mean"
    assert read(f'[gates.types]\n"2: {key}" = "none"\n', w2=TWO).problems == (said,)


def test_a_key_of_types_that_names_no_document_is_an_error() -> None:
    said = "orchestrator.toml: gates.types: '9: GATE 1' names no document of the line"
    assert read('[gates.types]\n"9: GATE 1" = "none"\n', w2=TWO).problems == (said,)


def test_keywords_make_a_heading_a_candidate_and_where_its_words_say_nothing_it_is_human() -> None:
    text = b"# A\n\n## Phase 1: B\n\n### Screenshot\n\nThe page.\n\n### Demo\n\nThe page.\n"
    assert shown(read(w1=text)) == [("1", "Screenshot", "human")]
    assert shown(read('gates.keywords = ["demo"]\n', w1=text)) == [("1", "Demo", "human")]
    assert shown(read("gates.keywords = []\n", w1=text)) == []


def test_a_pause_belongs_to_the_one_stop_whose_heading_holds_its_words() -> None:
    found = read('[gates.pause]\n"2: GATE 1" = "24h"\n"3: production" = "1h"\n', w2=TWO, w3=DEPLOY)
    assert (found.problems, found.line.pauses) == (
        (),
        {("2", "GATE 1: Screens"): 86400.0, ("3", "GATE 2: Production"): 3600.0},
    )


@pytest.mark.parametrize(("key", "count"), [("2: Screens", "2 gates"), ("2: GATE 3", "no gate"), ("7: x", "no gate")])
def test_a_pause_of_no_stop_or_two_is_an_error(key: str, count: str) -> None:
    found = read(f'[gates.pause]\n"{key}" = "24h"\n', w2=TWO)
    assert found.problems == (
        f"orchestrator.toml: gates.pause: {key!r} matches {count}; name one by a part of its heading",
    )


def test_other_words_for_a_phase_are_added_to_the_two() -> None:
    found = read('workflows.phase_words = ["Etapa"]\n', w1=b"# A\n\n## Etapa 1: B\n\n## Phase 2: C\n")
    assert [phase.title for phase in found.line.documents[0].phases] == ["B", "C"]


# --- the line in effect --------------------------------------------------------------------------------------


def test_a_line_that_nobody_accepted_yet_is_in_effect_and_to_be_kept() -> None:
    found = effective(given(w2=HUMAN), None)
    assert (shown(found), found.pending, found.is_changed) == ([("2", "GATE 1: Screens", "human")], (), True)


def test_a_line_as_accepted_waits_for_nothing() -> None:
    found = effective(given(w2=HUMAN), given(w2=HUMAN))
    assert (found.pending, found.is_changed, found.problems) == ((), False, ())


ACCEPTED = {"w1": PLAIN, "w2": HUMAN, "w3": DEPLOY}
STOPS = [("2", "GATE 1: Screens", "human"), ("3", "GATE 2: Production", "deploy")]
PAUSED = '[gates.pause]\n"3: GATE 2" = "24h"\n'
GONE = "docs/add-feature-2-x.md: workflow 2: the human gate 'GATE 1: Screens' is gone"
SHORTER = "docs/add-feature-3-x.md: the pause of GATE 2: Production went from 86400 s to"


@pytest.mark.parametrize(
    ("before", "after", "files", "pending"),
    [
        ("", "", {"w2": PLAIN}, [GONE]),
        ("", "", {"w2": None}, [GONE]),
        ("", 'workflows.skip = ["2"]\n', {}, [GONE]),
        ("", '[gates.types]\n"2: GATE 1" = "none"\n', {}, [GONE]),
        (
            "",
            "",
            {"w2": TESTS},
            [
                "docs/add-feature-2-x.md: workflow 2: the gate 'GATE 1: Screens' was human and is validation now",
            ],
        ),
        (
            "",
            '[gates.types]\n"3: GATE 2" = "human"\n',
            {},
            [
                "docs/add-feature-3-x.md: workflow 3: the gate 'GATE 2: Production' was deploy and is human now",
            ],
        ),
        ("", "", {"w2": b"\xff"}, [GONE]),
        (PAUSED, PAUSED.replace("24h", "1h"), {}, [f"{SHORTER} 3600 s"]),
        (PAUSED, "", {}, [f"{SHORTER} 0 s"]),
        (PAUSED, "", {"w3": DEPLOY.replace(b"2: Production", b"2: Production now")}, [f"{SHORTER} 0 s"]),
        (
            '[validate]\ncommand = "npm test"\n',
            '[validate]\ncommand = "true"\n',
            {},
            ["orchestrator.toml: [validate] changed: npm test (3 attempts) -> true (3 attempts)"],
        ),
        (
            "",
            '[validate]\nattempts = 5\npass_when = ".ok"\n[validate.workflows]\n"2" = "make"\n',
            {},
            [
                "orchestrator.toml: [validate] changed: none (3 attempts) -> none, 2: make, pass_when .ok (5 attempts)",
            ],
        ),
    ],
    ids=[
        "stop", "document", "skip", "type none", "validation", "deploy to human", "unreadable", "shorter pause",
        "no pause", "no pause and another heading", "validation command", "validation table",
    ],
)  # fmt: skip
def test_what_removes_or_weakens_a_stop_or_changes_a_validation_waits_for_a_persons_yes(
    before: str, after: str, files: dict[str, bytes | None], pending: list[str]
) -> None:
    accepted = given(before, **ACCEPTED)
    changed = {name: content for name, content in {**ACCEPTED, **files}.items() if content is not None}
    found = effective(given(after, **changed), accepted)
    old = reading(accepted)
    assert list(found.pending) == pending
    assert shown(found) == STOPS
    assert found.line.pauses == old.line.pauses
    assert found.configuration.validate == old.configuration.validate
    assert (found.problems, found.is_changed) == ((), True)


def test_a_sandbox_that_is_gone_or_wider_waits_for_a_persons_yes() -> None:
    accepted = given('[run]\nsandbox = true\nwritable = ["~/.npm"]\n', **ACCEPTED)
    found = effective(given('[run]\nwritable = ["~/.npm", "/srv"]\nparallel = 5\n', **ACCEPTED), accepted)
    assert found.pending == (
        "orchestrator.toml: [run] sandbox: agents run in none now",
        "orchestrator.toml: [run] writable: agents in the sandbox may write to /srv now",
    )
    run = found.configuration.run
    assert (run.sandbox, run.writable, run.parallel) == (True, ("~/.npm",), 5)
    stricter = effective(given("[run]\nsandbox = true\n", **ACCEPTED), given(**ACCEPTED))
    assert (stricter.pending, stricter.configuration.run.sandbox) == ((), True)


def test_another_glob_does_not_lose_a_stop() -> None:
    moved = Source(configuration=b'workflows.glob = "other/*.md"\n', files={"other/1-x.md": PLAIN})
    found = effective(moved, given(**ACCEPTED))
    assert shown(found) == STOPS
    assert [one.file for one in found.line.documents] == [
        "other/1-x.md",
        "docs/add-feature-2-x.md",
        "docs/add-feature-3-x.md",
    ]


STRICTER = HUMAN.replace(b"screens?", b"deploy to production?")
MORE = [*STOPS, ("4", "GATE 1: Screens", "human")]


@pytest.mark.parametrize(
    ("configuration", "files", "gates"),
    [
        ("", {"w4": HUMAN}, MORE),
        ("", {"w2": STRICTER}, [("2", "GATE 1: Screens", "deploy"), STOPS[1]]),
        ("", {"w1": None}, STOPS),
        ("", {"w2": HUMAN + b"\n## Phase 2: More\n\nMore.\n"}, STOPS),
        ("", {"w2": HUMAN.replace(b"1: Screens", b"1: Both")}, [("2", "GATE 1: Both", "human"), STOPS[1]]),
        ('[gates.types]\n"2: GATE 1" = "deploy"\n', {}, [("2", "GATE 1: Screens", "deploy"), STOPS[1]]),
        (PAUSED, {}, STOPS),
        ("[run]\nparallel = 7\n", {}, STOPS),
        ('[agent]\ncommand = ["sh"]\n', {}, STOPS),
    ],
    ids=["new stop", "stricter", "no stop lost", "more text", "reworded", "type", "pause", "parallel", "agent"],
)  # fmt: skip
def test_all_else_takes_effect_at_once(
    configuration: str, files: dict[str, bytes | None], gates: list[tuple[str, str, str]]
) -> None:
    changed = {name: content for name, content in {**ACCEPTED, **files}.items() if content is not None}
    now = given(configuration, **changed)
    found = effective(now, given(**ACCEPTED))
    alone = reading(now)
    assert found == Effective(
        configuration=alone.configuration, line=alone.line, problems=(), pending=(), is_changed=True, source=now
    )
    assert shown(found) == gates


# --- the gate map ---------------------------------------------------------------------------------------


def mapped(*rows: tuple[str, str, str], **files: bytes) -> Source:
    """Return a source with a map: (workflow, heading, type), as a person adds entries by hand."""
    parts = [f'[[gates]]\nworkflow = "{one}"\nheading = "{two}"\ntype = "{three}"\n' for one, two, three in rows]
    return msgspec.structs.replace(given(**(files or ACCEPTED)), gates="".join(parts).encode())


SIGNED = ("1", "Phase 1: Write", "human")


def test_the_map_is_part_of_the_line_as_accepted(tmp_path: Path, put: Callable[[str, bytes], Path]) -> None:
    root = put("orchestrator-gates.toml", b"# none yet\n")
    assert source(root).gates == b"# none yet\n"
    assert as_files(source(root)) == {"orchestrator.toml": b"", "orchestrator-gates.toml": b"# none yet\n"}
    assert as_files(given()) == {"orchestrator.toml": GLOB.encode()}


def test_a_map_that_cannot_be_read_is_an_error_and_no_missing_one(put: Callable[[str, bytes], Path]) -> None:
    root = put("orchestrator-gates.toml/x", b"")
    with pytest.raises(BadConfiguration, match=r"^orchestrator-gates.toml: Is a directory"):
        source(root)
    with pytest.raises(BadConfiguration, match=r"^orchestrator-gates.toml:1: unknown key 'gate'"):
        reading(Source(configuration=b"", files={}, gates=b"gate = 1\n"))


def test_a_changed_map_reads_a_kept_document_anew(tmp_path: Path) -> None:
    readings = Readings(tmp_path / "line.json")
    for kind in ("deploy", "human", "deploy"):
        found = reading(mapped(("2", "GATE 1: Screens", kind)), readings)
        readings.keep()
        assert shown(found)[0] == ("2", "GATE 1: Screens", kind)


@pytest.mark.parametrize(
    ("before", "after", "pending"),
    [
        ([SIGNED], [(*SIGNED[:2], "none")], ["workflow 1: the human gate 'Phase 1: Write' is gone"]),
        ([SIGNED], [(*SIGNED[:2], "validation")], ["workflow 1: the gate 'Phase 1: Write' was human and is validation now"]),
        ([SIGNED], [("3", "GATE 2: Production", "deploy")], ["workflow 1: the human gate 'Phase 1: Write' is gone"]),
        ([SIGNED], [], ["workflow 1: the human gate 'Phase 1: Write' is gone"]),
        ([SIGNED], [(*SIGNED[:2], "deploy")], []),
        ([], [SIGNED], []),
        ([("2", "GATE 1: Screens", "none")], [], []),
    ],
    ids=["none", "weaker", "entry gone", "file gone", "stricter", "first map", "what it called none"],
)  # fmt: skip
def test_a_map_that_asks_less_waits_and_one_that_asks_more_holds_at_once(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]], pending: list[str]
) -> None:
    old, new = mapped(*before), mapped(*after)
    found = effective(new, old)
    assert list(found.pending) == [f"docs/add-feature-1-x.md: {one}" for one in pending]
    assert shown(found) == shown(reading(old if pending else new))


def test_the_map_is_not_brought_up_to_date_while_a_document_cannot_be_read() -> None:
    with pytest.raises(BadConfiguration, match="not UTF-8"):
        renewed_gates(effective(mapped(SIGNED, w1=b"\xff", w2=HUMAN), None))


def test_a_new_entry_gets_the_type_in_effect_also_where_the_map_itself_is_gone() -> None:
    accepted = mapped(("2", "GATE 1: Screens", "deploy"))
    found = renewed_gates(effective(given(**ACCEPTED), accepted))
    assert [(one.heading, one.type) for one in found.gates.entries] == [
        ("GATE 1: Screens", "deploy"),
        ("GATE 2: Production", "deploy"),
    ]


def test_one_weaker_document_holds_back_no_other() -> None:
    found = effective(given(w1=HUMAN, w2=PLAIN, w3=DEPLOY), given(**ACCEPTED))
    assert shown(found) == [("1", "GATE 1: Screens", "human"), *STOPS]
    assert found.pending == (GONE,)


def test_a_longer_pause_holds_at_once_also_where_its_document_waits_for_a_yes() -> None:
    before, after = '[gates.pause]\n"2: GATE 1" = "1h"\n', '[gates.pause]\n"2: GATE 1" = "2h"\n'
    found = effective(given(after, w2=HUMAN), given(before, w2=TWO))
    assert len(found.pending) == 1
    assert found.line.pauses == {("2", "GATE 1: Screens"): 7200.0}


def test_a_document_that_cannot_be_read_and_was_never_accepted_is_a_problem() -> None:
    found = effective(given(**ACCEPTED, w4=b"\xff"), given(**ACCEPTED))
    assert found.problems == ("docs/add-feature-4-x.md:1: not UTF-8; save it as UTF-8",)
    assert shown(found) == STOPS


def test_a_document_without_stops_that_cannot_be_read_waits_as_it_was() -> None:
    found = effective(given(w1=b"\xff", w2=HUMAN, w3=DEPLOY), given(**ACCEPTED))
    assert found.pending == ("docs/add-feature-1-x.md cannot be read any more",)
    assert [one.id for one in found.line.documents] == ["1", "2", "3"]
    assert found.problems == ()

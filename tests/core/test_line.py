"""Documents read, cut and ordered: the samples exactly, other trades' documents, and every dress of a heading."""

from __future__ import annotations

import cProfile
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.line import (
    Document,
    GateFound,
    Phase,
    Rules,
    gate_section,
    is_step,
    opening,
    order,
    piece,
    read_document,
    remainder,
    section_headings,
    weakened,
    workflow_id,
)
from orchestrator.core.values import GateType
from orchestrator.errors import BadConfiguration
from tests.core.line_documents import DOCUMENTS, Own

TESTS = Path(__file__).parent.parent
SAMPLES = json.loads((TESTS / "samples" / "expected.json").read_text(encoding="utf-8"))
CORPORA = sorted(f"corpora/{one.name}" for one in (TESTS / "corpora").iterdir())


def read(text: str, rules: Rules | None = None, file: str = "docs/f.md", workflow: str = "1") -> Document:
    return read_document(text, file, workflow, rules or Rules())


def stored(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def listed(document: Document) -> dict[str, Any]:
    gates = []
    for gate in document.gates:
        row = {"heading": gate.heading, "line": gate.line, "type": str(gate.type), "trigger": gate.trigger}
        gates.append(row | ({"condition": gate.condition} if gate.condition else {}))
    return {
        "id": document.id,
        "file": document.file,
        "title": document.title,
        "phases": [{"id": one.id, "title": one.title, "line": one.line} for one in document.phases],
        "gates": gates,
    }


@pytest.mark.parametrize("expected", SAMPLES["documents"], ids=lambda one: str(one["file"]))
def test_a_sample_is_read_as_a_careful_reader_reads_it(expected: dict[str, Any]) -> None:
    text = stored(TESTS / "samples" / "workflows" / expected["file"])
    assert listed(read_document(text, expected["file"], expected["id"], Rules())) == expected


def test_the_samples_stand_in_their_line() -> None:
    names = sorted((TESTS / "samples" / "workflows").glob("add-feature-*.md"))
    ids = {path: workflow_id(path.stem.removeprefix("add-feature-")) for path in names}
    documents = [read_document(stored(path), path.name, id_, Rules()) for path, id_ in ids.items() if id_]
    assert [one.id for one in order(documents)] == SAMPLES["line"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_another_trade_is_read_as_a_careful_reader_reads_it(name: str) -> None:
    own: Own = DOCUMENTS[name]
    document = read(own.text, file=f"{name.replace(' ', '-')}.md")
    assert tuple((one.id, one.title) for one in document.phases) == own.phases
    found = tuple((gate.heading, str(gate.type), gate.trigger) for gate in document.gates)
    wanted = tuple(
        (heading, type_, gate.trigger if words in gate.trigger else words)
        for (heading, type_, words), gate in zip(own.gates, document.gates, strict=False)
    )
    assert found == wanted
    assert len(found) == len(own.gates)


@pytest.mark.parametrize("name", CORPORA)
def test_of_a_whole_line_nearly_all_stops_are_found_and_nearly_none_invented(name: str) -> None:
    assert_nearly_all_are_found(TESTS / name, Rules())


@pytest.mark.parametrize("name", ["samples", *CORPORA[::4]])
def test_the_users_default_keywords_change_next_to_nothing_of_that(name: str) -> None:
    assert_nearly_all_are_found(TESTS / name, Rules(keywords=("GATE 1", "screenshot", "staging")))


def assert_nearly_all_are_found(corpus: Path, rules: Rules) -> None:
    expected = json.loads((corpus / "expected.json").read_text(encoding="utf-8"))["documents"]
    wanted, found = set(), set()
    for one in expected:
        document = read_document(stored(corpus / "workflows" / one["file"]), one["file"], one["id"], rules)
        wanted |= {(one["file"], gate["line"]) for gate in one["gates"] if gate["type"] != "validation"}
        found |= {(one["file"], gate.line) for gate in document.gates if gate.stops}
    assert len(wanted & found) >= 0.95 * len(wanted)
    assert len(wanted & found) >= 0.8 * len(found)


LONG = {
    "words": "x " * 2000, "blanks": " " * 2000, "quotes": "“voce " * 800, "without": "sem " * 2000, "marks": "(" * 2000,
}  # fmt: skip


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_line_is_read_to_its_end(text: str) -> None:
    sentences = (f"Never proceed without a `{text}` in the file.", f'Only with a "{text}" from her', text)
    code = (
        "import sys; from orchestrator.core.line import Rules, read_document\n"
        "for one in sys.argv[1:]: read_document(f'# T\\n\\n## Phase 1: A\\n\\n{one}\\n', 'docs/f.md', '1', Rules())"
    )
    subprocess.run([sys.executable, "-c", code, *sentences], check=True, timeout=60)  # a rule that is cubic takes hours


# Sections in the words of many writers. The rules were made after reading all of them, the fewest for `d`.
@pytest.mark.parametrize(("name", "least"), [("a", 0.9), ("b", 0.9), ("c", 0.9), ("d", 0.65), ("e", 0.85)])
def test_of_sections_by_many_writers_most_stops_are_found_and_few_invented(name: str, least: float) -> None:
    sections = json.loads((TESTS / "core" / "sections" / f"{name}.json").read_text(encoding="utf-8"))
    before = "# Feature\n\nIntrodução.\n\n## Fase 1: Preparar\n\nLeia os arquivos do módulo.\n\n"
    asked = []
    for one in sections:
        phase = "" if one["heading"].startswith("## ") else "## Fase 2: Trabalho\n\nFaça o trabalho.\n\n"
        document = read(f"{before}{phase}{one['heading']}\n\n{one['body']}\n")
        asked.append((one["stop"], any(gate.stops for gate in document.gates)))
    stops, quiet = (sum(stop is kind for stop, _ in asked) for kind in (True, False))
    assert asked.count((True, True)) >= least * stops
    assert asked.count((False, False)) >= 0.9 * quiet


@pytest.mark.parametrize(
    ("heading", "id_", "title"),
    [
        ("## FASE 0: LOAD CONTEXT", "0", "LOAD CONTEXT"),
        ("## 🧠 FASE 0: LOAD CONTEXT", "0", "LOAD CONTEXT"),
        ("## ⏸️ Fase 1.5: Parar 🥖", "1.5", "Parar 🥖"),
        ("## 1️⃣ Fase 1: Um", "1", "Um"),
        ("### FASE 3.7: Dados", "3.7", "Dados"),
        ("## Fase 3 – Telas", "3", "Telas"),
        ("## Fase 3 — Telas", "3", "Telas"),
        ("## Phase 2 - Build", "2", "Build"),
        ("# PHASE 2. Build", "2", "Build"),
        ("## Phase 2) Build", "2", "Build"),
        ("## Phase 2 Build", "2", "Build"),
        ("## Phase 2", "2", ""),
        ("## Fase 2 - 3 telas novas", "2", "3 telas novas"),
        ("## FASE FINAL: Anotar", "FINAL", "Anotar"),
        ("## Phase final - Save", "final", "Save"),
        ("## Fase 4.5a: Ambiente", "4.5a", "Ambiente"),
        ("## Phase II: Build", "II", "Build"),
        ("## **Fase 2**: `Build` e [link](x)", "2", "Build e link"),
        ("## [FASE 2] Build", "2", "Build"),
        ("## 3. Fase 3: Dados", "3", "Dados"),
        ("Fase 3.2: Rotas\n---------------", "3.2", "Rotas"),
        ("Fase 1: Um\n===", "1", "Um"),
        ("- item\n\n   ### Fase 6: Na lista", "6", "Na lista"),
    ],
)
def test_a_phase_heading_is_known_in_every_dress(heading: str, id_: str, title: str) -> None:
    assert [(one.id, one.title) for one in read(f"Text.\n\n{heading}\n\nMore.\n").phases] == [(id_, title)]


@pytest.mark.parametrize(
    "text",
    [
        "```\n## Fase 1: x\n```",
        "~~~bash\n# Fase 1: x\n~~~",
        "````markdown\n```\n## Fase 1: x\n```\n## Fase 2: y\n````",
        "1. a\n\n   ```bash\n   # Fase 1: x\n   ```",
        "    ## Fase 1: x",
        "<!--\n## Fase 1: x\n-->",
        "> ## Fase 1: x",
        "**Fase 1: x**",
        "#Fase 1: x",
        "## Fase de testes",
        "## Phase out the old screen",
        "## Fase final do projeto",
        "## Fase 0 a FASE FINAL",
        "## Fases 1-5",
        "## Fase 1-5",
        "## ✅ Checkpoint: Fase 3 desenhada",
        "## Phases",
        "---\ndescription: x\n---\n\n`## Fase 1`",
    ],
)
def test_what_only_looks_like_a_phase_is_none(text: str) -> None:
    assert read(f"{text}\n").phases == ()


def test_other_words_for_a_phase_are_the_users() -> None:
    rules = Rules(phase_words=("Fase", "Phase", "Etapa", "Seção"))
    document = read("# T\n\n## ETAPA 1: Um\n\n## Secao 2: Dois\n\n## Fase 3: Três\n", rules)
    assert [(one.ordinal, one.id, one.title) for one in document.phases] == [
        (1, "1", "Um"),
        (2, "2", "Dois"),
        (3, "3", "Três"),
    ]


@pytest.mark.parametrize(
    ("heading", "label"),
    [
        ("### GATE 13: Dona", "GATE 13"),
        ("### 🛡️ Gate -3: x", "GATE -3"),
        ("### GATE 8.2.7: x", "GATE 8.2.7"),
        ("### GATE 2 (screenshots)", "GATE 2"),
        ("### 15.2 GATE 1: x", "GATE 1"),
        ("### [GATE 4] x", "GATE 4"),
        ("### GATE A: x", "GATE A"),
        ("GATE 53: Juntar\n------", "GATE 53"),
    ],
)
def test_a_numbered_gate_has_a_label(heading: str, label: str) -> None:
    assert [gate.label for gate in read(f"# T\n\n{heading}\n\n- a\n").gates] == [label]


@pytest.mark.parametrize("heading", ["## 7 GATES", "## GATES 1 e 2", "## GATE 1 a 5", "## GATE 1-5", "## Gate keeper"])
def test_a_group_of_gates_is_no_gate(heading: str) -> None:
    assert read(f"# T\n\n{heading}\n\n- a\n").gates == ()


@pytest.mark.parametrize(
    ("heading", "condition"),
    [
        ("GATE 1: Esquema (SE houver migration)", "SE houver migration"),
        ("GATE 1: Roll back (IF GATE 51 failed)", "IF GATE 51 failed"),
        ("GATE 1: x (only when it rains) y", "only when it rains"),
        ("GATE 1: x (QUANDO chover)", "QUANDO chover"),
        ("GATE 1: x (opcional)", ""),
        ("GATE 1: Semana (segunda)", ""),
    ],
)
def test_a_condition_is_what_the_heading_says_in_parentheses(heading: str, condition: str) -> None:
    assert [gate.condition for gate in read(f"# T\n\n## {heading}\n\nAprovar? (sim/não)\n").gates] == [condition]


PLAIN = "---\ndescription: d\n---\n\n# T\n\n## Fase 1: A\n\nAprovar? (sim/não)\n\nFase 2: B\n---------\n\nx\n"


@pytest.mark.parametrize(
    "dressed",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        "\ufeff" + PLAIN.replace("\n", "\r\n"),
        PLAIN.rstrip("\n"),
    ],
    ids=["plain", "crlf", "bom", "both", "no last line end"],
)
def test_line_ends_and_a_byte_order_mark_change_nothing(dressed: str) -> None:
    document = read(dressed)
    assert document.text.rstrip("\n") == PLAIN.rstrip("\n")
    assert document.phases == (
        Phase(ordinal=1, id="1", title="A", line=7),
        Phase(ordinal=2, id="2", title="B", line=11),
    )
    assert [(gate.line, gate.end, gate.trigger) for gate in document.gates] == [(7, 9, "Aprovar? (sim/não)")]


def test_the_title_is_the_first_heading_of_level_one_that_is_no_phase() -> None:
    assert read("## Read first\n\n# Passo 4: Bancada\n\n## Fase 1: x\n").title == "Passo 4: Bancada"
    assert read("# Fase 1: x\n\n# Real title\n").title == "Real title"
    assert read("No heading at all.\n", file="a/b-c.md").title == "b-c"
    assert read("## Fase 1: x\n", file="a/b-c.md").title == "b-c"


def test_a_document_without_phases_is_one_phase_at_its_title() -> None:
    document = read("Text.\n\n# Title\n\nMore.\n")
    assert (document.phases, document.places) == ((), (Phase(ordinal=1, id="1", title="Title", line=3),))


@pytest.mark.parametrize(
    ("matter", "line"),
    [
        ("description: [open\nmore: 1", 3),
        ("a: 1\nb: 'open", 3),
        ("a: 1\nb: 2\n- c", 4),
        ("a: 1\n\tb: 2", 3),
        ("- just\n- a list", 2),
        ("just words", 2),
        ("a: {", 2),
    ],
)
def test_broken_frontmatter_names_file_and_line(matter: str, line: int) -> None:
    with pytest.raises(BadConfiguration, match=rf"^docs/f\.md:{line}: the frontmatter cannot be read: ."):
        read(f"---\n{matter}\n---\n\n# T\n")


@pytest.mark.parametrize(
    "matter", ["description: Passo 1 - fim: começo", "a: 1\n# note\nb: x: y\n\nc:", "", "description: 'x: y'"]
)
def test_frontmatter_that_editors_live_with_is_read(matter: str) -> None:
    assert read(f"---\n{matter}\n---\n\n# T\n").title == "T"


def test_a_rule_that_is_never_closed_is_no_frontmatter() -> None:
    document = read("---\n\n# T\n\n## Fase 1: x\n\nbody\n")
    assert (document.skipped, [one.line for one in document.phases]) == (0, [5])


NESTED = """# T

## Fase 1: Feira

Monte a banca.

### Fotografia

Aguarde a escolha da dona.

### Depois

Guarde as fotos.

## ⏸️ Parada da manhã

### O que mostrar

A lista.

### Pergunta

Está bom? (sim/não)

## Fase 2: Push Approval

### 2.1 Bloco

Aprovar o push? (sim/não)
"""


def test_the_nearest_heading_answers_but_a_gates_own_parts_do_not() -> None:
    assert [(gate.heading, gate.ordinal) for gate in read(NESTED).gates] == [
        ("Fotografia", 1),
        ("⏸️ Parada da manhã", 1),
        ("Fase 2: Push Approval", 2),
    ]


def test_a_second_gate_of_the_same_heading_has_a_key_of_its_own() -> None:
    text = "# T\n\n## Ask\n\nAprovar? (sim/não)\n\n## Ask\n\nAprovar? (sim/não)\n"
    assert [gate.key for gate in read(text).gates] == ["Ask", "Ask #2"]


def test_keys_outlive_moved_lines() -> None:
    moved = read(NESTED.replace("Monte a banca.", "Monte\n\na\n\nbanca."))
    assert [gate.key for gate in moved.gates] == [gate.key for gate in read(NESTED).gates]


TYPED = (
    "# T\n\n## GATE 1: Lint\n\n`make lint`\n\n## Fase 2: Staging\n\nRun it.\n\n### GATE 10: x\n\nAprovar? (sim/não)\n"
)


def types(document: Document) -> dict[str, str]:
    return {gate.heading: str(gate.type) for gate in document.gates}


def test_the_users_types_have_the_last_word() -> None:
    rules = Rules(types=(("GATE 1", "human"), ("staging", "deploy"), ("GATE 10: x", "none")))
    document = read(TYPED, rules)
    assert types(document) == {"GATE 1: Lint": "human", "Fase 2: Staging": "deploy"}
    assert [(gate.trigger, gate.why) for gate in document.gates] == [
        ("`make lint`", "[gates.types] says so"),
        ("Fase 2: Staging", "[gates.types] says so"),
    ]


def test_a_plain_heading_inside_a_phase_can_be_made_a_gate_or_silenced() -> None:
    assert types(read(NESTED, Rules(types=(("Depois", "human"),))))["Depois"] == "human"
    assert "Fotografia" not in types(read(NESTED, Rules(types=(("Fotografia", "none"),))))


def test_a_key_names_the_second_of_two_equal_headings() -> None:
    text = "# T\n\n## Ask\n\nAprovar? (sim/não)\n\n## Ask\n\nAprovar? (sim/não)\n"
    assert [gate.key for gate in read(text, Rules(types=(("Ask #2", "none"),))).gates] == ["Ask"]


@pytest.mark.parametrize(
    ("part", "which"),
    [("GATE 2", "no heading in"), ("GATE", "'GATE 1: Lint' and 'GATE 10: x' in"), ("Lin", "no heading in")],
)
def test_a_type_for_no_heading_or_two_is_an_error(part: str, which: str) -> None:
    with pytest.raises(BadConfiguration, match=f"fits {which} docs/f.md"):
        read(TYPED, Rules(types=((part, "human"),)))


def test_keywords_make_candidates_and_their_own_words_decide() -> None:
    text = (
        "# T\n\n## Fase 1: Screenshot\n\nGuarde as imagens.\n\n## Staging\n\n```bash\nmake stage\n```\n\n"
        "## Stagings\n\nText.\n\n## Screenshot da tela\n\nPosso seguir?\n"
    )
    assert types(read(text)) == {"Screenshot da tela": "human"}
    assert types(read(text, Rules(keywords=("screenshot", "STAGING")))) == {
        "Fase 1: Screenshot": "human",
        "Staging": "validation",
        "Screenshot da tela": "human",
    }


CUT = """---
description: d
---

# Title

Intro.

## Fase 1: Um

Prepare.

### GATE 1: Primeira

Mostre:

```
a

Aprovar o desenho? (sim/não)
```

- sim: siga
- não: volte

### GATE 2: Conta

```bash
true
```

### GATE 3: Segunda

1. Mostre.
2. Posso seguir?
3. Publique.

Fim da fase.

## Fase 2: Dois

Rest.
"""


def lines_of(text: str, first: str, last: str) -> str:
    lines = text.split("\n")
    start = lines.index(first)
    return "\n".join(lines[start : lines.index(last, start) + 1]) + "\n"


def test_a_briefs_opening_is_the_text_before_the_first_phase_without_frontmatter() -> None:
    assert opening(read(CUT)) == "# Title\n\nIntro.\n"


def test_a_stop_cuts_the_section_behind_the_block_that_holds_its_trigger() -> None:
    found = piece(read(CUT), 1, [])
    lines = CUT.split("\n")
    assert found.text == "\n".join(lines[8:21]) + "\n"
    assert found.text.endswith("Aprovar o desenho? (sim/não)\n```\n")
    assert (found.stop and found.stop.label, found.resumes, found.phase_id, found.phase_title) == (
        "GATE 1",
        None,
        "1",
        "Um",
    )


def test_after_a_decision_the_gates_whole_section_is_handed_out_once_more_up_to_the_next_stop() -> None:
    found = piece(read(CUT), 1, ["GATE 1: Primeira"])
    assert found.text == lines_of(CUT, "### GATE 1: Primeira", "2. Posso seguir?")
    assert (found.stop and found.stop.label, found.resumes and found.resumes.label) == ("GATE 3", "GATE 1")


def test_after_the_last_decision_the_rest_of_the_phase_is_handed_out() -> None:
    found = piece(read(CUT), 1, ["GATE 1: Primeira", "GATE 3: Segunda"])
    assert found.text == lines_of(CUT, "### GATE 3: Segunda", "Fim da fase.")
    assert (found.stop, found.resumes and found.resumes.label) == (None, "GATE 3")


def test_a_validation_gate_cuts_nothing() -> None:
    assert "### GATE 2: Conta" in piece(read(CUT), 1, ["GATE 1: Primeira"]).text


def test_a_phase_without_a_stop_is_one_piece_up_to_the_next_phase_of_any_level() -> None:
    document = read("# T\n\n## Fase 1: a\n\nA.\n\n### Other\n\nB.\n\n#### Fase 1.1: b\n\nC.\n")
    assert piece(document, 1, []).text == "## Fase 1: a\n\nA.\n\n### Other\n\nB.\n"
    assert piece(document, 2, []).text == "#### Fase 1.1: b\n\nC.\n"


def test_a_later_decision_does_not_jump_over_an_undecided_stop() -> None:
    found = piece(read(CUT), 1, ["GATE 3: Segunda"])
    assert (found.stop and found.stop.label, found.resumes) == ("GATE 1", None)


def test_a_phase_that_asks_itself_is_handed_out_again_from_its_heading() -> None:
    text = "# T\n\n## Fase 1: Ask\n\nShow it.\n\nAprovar? (sim/não)\n\nThen do it.\n"
    document = read(text)
    assert piece(document, 1, []).text == "## Fase 1: Ask\n\nShow it.\n\nAprovar? (sim/não)\n"
    assert (
        piece(document, 1, ["Fase 1: Ask"]).text == "## Fase 1: Ask\n\nShow it.\n\nAprovar? (sim/não)\n\nThen do it.\n"
    )


def test_what_lies_behind_the_decided_gates_own_section_is_the_remainder() -> None:
    document = read(CUT)
    assert remainder(document, 1, ["GATE 1: Primeira"]) == lines_of(CUT, "### GATE 2: Conta", "Fim da fase.")
    assert remainder(document, 1, ["GATE 1: Primeira", "GATE 3: Segunda"]) == ""


def test_a_gates_section_ends_at_the_next_phase_or_gate() -> None:
    document = read(CUT)
    assert gate_section(document, "GATE 2: Conta") == "### GATE 2: Conta\n\n```bash\ntrue\n```\n"
    assert gate_section(document, "GATE 3: Segunda") == lines_of(CUT, "### GATE 3: Segunda", "Fim da fase.")
    with pytest.raises(KeyError):
        gate_section(document, "GATE 9")


def test_a_stop_before_the_first_phase_makes_the_opening_a_place_of_its_own() -> None:
    document = read("# T\n\nPosso seguir?\n\nMore.\n\n## Fase 1: a\n\nA.\n")
    assert document.has_opening
    assert (piece(document, 0, []).text, piece(document, 0, []).phase_id) == ("# T\n\nPosso seguir?\n", "0")
    assert piece(document, 0, ["T"]).text == "# T\n\nPosso seguir?\n\nMore.\n"
    assert not read(CUT).has_opening


def test_an_implicit_phase_is_everything_and_has_no_opening() -> None:
    document = read("---\na: b\n---\nBefore.\n\n# T\n\n## GATE 1: x\n\nPosso seguir?\n\n## Later\n\nEnd.\n")
    assert opening(document) == ""
    assert piece(document, 1, []).text == "Before.\n\n# T\n\n## GATE 1: x\n\nPosso seguir?\n"
    assert piece(document, 1, ["GATE 1: x"]).text == "## GATE 1: x\n\nPosso seguir?\n\n## Later\n\nEnd.\n"
    assert not document.has_opening


def test_pieces_of_the_samples_hold_their_triggers_and_end_there() -> None:
    for expected in SAMPLES["documents"]:
        text = stored(TESTS / "samples" / "workflows" / expected["file"])
        document = read_document(text, expected["file"], expected["id"], Rules())
        for gate in (one for one in document.gates if one.stops):
            before = [one.key for one in document.gates if one.line < gate.line]
            found = piece(document, gate.ordinal, before)
            assert found.stop == gate
            assert gate.trigger in found.text.split("\n\n")[-1]


@pytest.mark.parametrize(
    ("matched", "id_"),
    [
        ("1-pedido", "1"),
        ("2b-desenho-tecnico", "2b"),
        ("3.5-tarefas", "3.5"),
        ("4.5a_ambiente", "4.5a"),
        ("11c1a-watch", "11c1a"),
        ("7", "7"),
        ("fast-track", None),
        ("oauth2-login", None),
        ("pedido-3", None),
        ("3.-x", None),
        ("", None),
    ],
)
def test_the_id_is_the_first_part_of_what_the_star_matched(matched: str, id_: str | None) -> None:
    assert workflow_id(matched) == id_


def test_documents_are_ordered_part_by_part() -> None:
    ids = ["11c1a", "2b", "3.10", "10", "4.5a", "2a", "3.9", "4.5", "3.5", "1"]
    in_order = order([read("# T\n", workflow=one) for one in ids])
    assert [one.id for one in in_order] == ["1", "2a", "2b", "3.5", "3.9", "3.10", "4.5", "4.5a", "10", "11c1a"]


def test_two_documents_of_one_id_are_an_error_that_names_both() -> None:
    with pytest.raises(BadConfiguration, match=r"^a-2-x\.md and b-2-y\.md are both workflow 2$"):
        order([read("# T\n", file="a-2-x.md", workflow="2"), read("# U\n", file="b-2-y.md", workflow="2")])


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("# Título\n", True),
        ("# Índice antigo (descontinuado)\n", False),
        ("---\ndescription: DESCONTINUADO - Índice\n---\n# Índice\n", False),
        ("---\ndescription: DEPRECATED\n---\n# Old\n", False),
        ("# Remove deprecated code\n", True),
    ],
)
def test_a_document_that_says_it_is_discontinued_is_no_step(text: str, runs: bool) -> None:
    assert is_step(read(text)) is runs


def test_all_headings_are_there_for_the_users_keys() -> None:
    assert section_headings(read(NESTED))[:3] == ("T", "Fase 1: Feira", "Fotografia")


STOPS = (
    "# T\n\n## GATE 1: A\n\nAprovar? (sim/não)\n\n## GATE 2: B\n\nAprovar o push? (sim/não)\n\n## GATE 3: C\n\n`true`\n"
)


def gate(document: Document, label: str) -> GateFound:
    return next(one for one in document.gates if one.label == label)


def test_nothing_is_weakened_where_stops_stay_or_grow() -> None:
    before = read(STOPS)
    assert weakened(None, before) == []
    assert weakened(before, before) == []
    assert weakened(before, read(STOPS.replace("Aprovar? (", "Aprovar o deploy? ("))) == []
    assert weakened(before, read(STOPS.replace("GATE 1: A", "GATE 1: Reworded"))) == []
    assert weakened(before, read(STOPS.replace("## GATE 3: C\n\n`true`\n", ""))) == []


def test_each_stop_that_is_gone_or_weaker_is_named() -> None:
    before = read(STOPS)
    assert gate(before, "GATE 2").type is GateType.DEPLOY
    after = read(STOPS.replace("Aprovar? (sim/não)", "`true`").replace("o push", "o texto"))
    assert weakened(before, after) == [
        "workflow 1: the gate 'GATE 1: A' was human and is validation now",
        "workflow 1: the gate 'GATE 2: B' was deploy and is human now",
    ]
    assert weakened(before, None) == [
        "workflow 1: the human gate 'GATE 1: A' is gone",
        "workflow 1: the deploy gate 'GATE 2: B' is gone",
    ]


def test_a_stop_that_moved_to_an_earlier_phase_is_weaker_and_one_that_moved_behind_a_phase_too() -> None:
    gate = "### GATE 1: A\n\nAprovar? (sim/não)\n\n"
    early, late = f"# T\n\n{gate}## Fase 1: x\n\nx\n", f"# T\n\n## Fase 1: x\n\nx\n\n{gate}"
    assert weakened(read(late), read(early)) == ["workflow 1: the gate 'GATE 1: A' moved from phase number 1 to 0"]
    assert weakened(read(early), read(late)) == ["workflow 1: phase 1 'x' lay behind the gate 'GATE 1: A'"]
    new = f"# T\n\n## Fase 1: w\n\nw\n\n## Fase 2: x\n\nx\n\n{gate}"
    assert weakened(read(late), read(new)) == []


def test_two_headings_of_one_text_and_a_third_that_ends_in_their_number_have_three_names() -> None:
    gate = "\n\nAprovar? (sim/não)\n\n"
    found = read(f"# T\n\n## GATE 1: A{gate}## GATE 1: A{gate}## GATE 1: A #2{gate}")
    assert [one.key for one in found.gates] == ["GATE 1: A", "GATE 1: A #2", "GATE 1: A #2 #2"]


def test_of_two_stops_with_one_number_the_one_that_stays_does_not_stand_for_the_one_that_goes() -> None:
    one, other = (f"### GATE 1: {name}\n\nAprovar? (sim/não)\n\n" for name in "AB")
    before = read(f"# T\n\n## Fase 1: x\n\n{one}{other}")
    assert weakened(before, read(f"# T\n\n## Fase 1: x\n\n{other}")) == [
        "workflow 1: the human gate 'GATE 1: A' is gone"
    ]


SCRAPS = st.sampled_from(
    [
        "# T",
        "## Fase 1: a",
        "### GATE 1: b",
        "## ⏸️ Parada",
        "- x",
        "  - [ ] y",
        "```",
        "```bash",
        "~~~markdown",
        "> q",
        "Aprovar? (sim/não)",
        "Aguarde a decisão.",
        "",
        "---",
        "<!--",
        "-->",
        "1. z",
        "   ### Fase 2: q",
        "    code",
        "===",
        "make test",
        "Fase 3: s",
    ]
)


@given(st.lists(SCRAPS, max_size=25))
def test_whatever_the_text_each_stop_cuts_once_and_its_trigger_is_there(scraps: list[str]) -> None:
    document = read("# Title\n\n" + "\n".join(scraps))
    for found in document.gates:
        assert found.trigger in gate_section(document, found.key)
    for ordinal in {gate.ordinal for gate in document.gates}:
        decided: list[str] = []
        while stop := piece(document, ordinal, decided).stop:
            assert stop.key not in decided
            decided.append(stop.key)
        assert decided == [gate.key for gate in document.gates if gate.stops and gate.ordinal == ordinal]


@pytest.mark.parametrize("row", ["- Do the thing {} and check it\n", "Do the thing {} and check it.\n"])
def test_what_is_done_to_read_a_document_grows_with_its_length_and_no_faster(row: str) -> None:
    def calls(count: int) -> int:
        text = "# Make it\n\n## Phase 1: Write\n\n" + "".join(row.format(n) for n in range(count))
        with cProfile.Profile() as profile:
            read_document(text, "docs/add-feature-1-make.md", "1", Rules())
        return sum(one.callcount for one in profile.getstats())

    calls(10)  # patterns are compiled once
    assert calls(800) < 4.4 * calls(200)

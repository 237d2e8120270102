"""What single sentences, fences and headings ask for, in words of many trades."""

from __future__ import annotations

import pytest

from orchestrator.core.line import GateFound, Rules, read_document
from orchestrator.core.values import GateType

ASKS = """
Apresente o orçamento à paciente e aguarde a resposta dela.
⏸️ AGUARDANDO APROVAÇÃO
🛑 PARE e aguarde confirmação do usuário.
Não avance para a próxima fase sem o OK do usuário.
Só continue quando o usuário disser "ok".
Pergunte ao usuário: "Posso fazer o deploy?"
Solicitar aprovação explícita do usuário.
Usuário aprova? (s/n)
O usuário deve aprovar antes de seguir.
Valide com o usuário o layout proposto.
Espere o sinal verde da coordenadora.
Fluxo suspenso até o síndico autorizar.
A coordenadora assina embaixo; sem assinatura o boletim não sai.
Leve a planta ao arquiteto. Não derrube parede nenhuma antes da resposta dele.
Interrompa a execução e espere o aceite por escrito.
Com o parecer favorável da advogada, siga; sem ele, pare.
Uma pessoa precisa olhar o resultado antes de seguirmos.
Qual opção você prefere?
Digite "SIM" para confirmar.
Obrigatório: aprovação do usuário.
Encerre o turno e espere a escolha.
Aguardar OK.
✋ Espere.
Wait for user approval.
STOP and ask the user for approval.
Do NOT proceed until the user approves.
Do not merge without explicit approval from the user.
Proceed only after the user confirms.
Get the host's blessing first.
Hold until the treasurer replies.
Present the three options and let the user choose.
Let the player choose the ending; do nothing until they answer.
Is the menu fine as it stands? (y/n)
Which approach should I take? (1/2/3)
May I send the invitations now?
Type APPROVE to continue.
The librarian has to say yes before anything is ordered.
Send the draft to the editor. Continue once she has answered.
Manual approval required.
Wait for my go.
Não faça push até eu confirmar.
Show summary and ask if it is OK to proceed.
"""
ASKS_NOBODY = """
Aguardar 2 min e repetir.
Espere o container subir.
Wait for CI to pass.
Wait until you see the prompt.
Aguarde a resposta da API (200).
Se algum teste falhar, PARE e corrija.
If it fails three times, ask the user for help.
Em dúvida, consulte o usuário.
Siga sem perguntar.
Continue without asking for approval.
Não é necessária aprovação do usuário aqui.
No user approval is needed.
O plano já foi aprovado no passo 3.
The plan was approved in step 2; do not ask again.
Depois da aprovação do usuário na fase anterior, crie o branch.
O pedido fica aguardando aprovação do gerente no painel.
The order is waiting for approval by the manager.
Users can approve or reject a request.
Quando o usuário clica em "Confirmar", o modal fecha.
Test that the manager must approve refunds above 100.
Verifique se a aprovação do usuário foi registrada.
Confirme que o GATE 13 está aprovado no diário.
Status: aguardando aprovação.
O comando pede confirmação; use --yes.
Does the function have a single responsibility?
Posso reutilizar algum componente existente? Procure em src/.
Choose the simplest option and go on.
Ask the reviewer agent to read the diff.
Nada é mesclado sem os testes verdes.
Only proceed when coverage is above 80%.
Never commit secrets.
Pare o servidor antes de copiar.
Mostre o resumo no chat e siga direto.
O cliente verá isso na próxima versão.
"""
SILENT_HEADINGS = """
Fase 9: Revisão final
Phase 2: Manual review of the diff
Fase 3: Validação de usuários
Approval screen
✅ Checkpoint
Confirmation dialog
User approval flow
Phase 3: Approval queue
Stop words
"""
SPEAKING_HEADINGS = """
🛑 User Approval Required
Fase 4: Aprovação do usuário
Phase 5: Client sign-off
Aceite da cliente
Human review required
Manual approval
"""


def lines(table: str) -> list[str]:
    return table.strip().split("\n")


def gates_of(body: str, heading: str = "Fase 1: Plano", rules: Rules | None = None) -> list[GateFound]:
    text = f"# Title\n\n## {heading}\n\n{body}\n\n## Fase 2: Rest\n\nGo on.\n"
    return list(read_document(text, "f.md", "1", rules or Rules()).gates)


def only(body: str, heading: str) -> GateFound:
    (found,) = gates_of(body, heading)
    return found


@pytest.mark.parametrize("sentence", lines(ASKS))
def test_a_sentence_that_asks_a_person_stops_its_phase(sentence: str) -> None:
    (found,) = gates_of(f"Faça o resumo.\n\n{sentence}")
    assert found.stops
    assert found.trigger in sentence


@pytest.mark.parametrize("sentence", lines(ASKS_NOBODY))
def test_a_sentence_that_asks_nobody_stops_nothing(sentence: str) -> None:
    assert gates_of(f"Faça o resumo.\n\n{sentence}") == []


@pytest.mark.parametrize("heading", lines(SILENT_HEADINGS))
def test_a_heading_that_sounds_like_a_gate_is_none_by_its_name(heading: str) -> None:
    assert gates_of("Junte os números em uma página.", heading) == []


@pytest.mark.parametrize("heading", lines(SPEAKING_HEADINGS))
def test_a_heading_that_asks_for_a_persons_approval_stops(heading: str) -> None:
    assert only("Junte os números em uma página.", heading).trigger == heading


@pytest.mark.parametrize(
    ("question", "type_"),
    [
        ("Approve pushing the branch? (yes/no)", GateType.DEPLOY),
        ("Aprovar o merge? (sim/não)", GateType.DEPLOY),
        ("Posso abrir o pull request?", GateType.DEPLOY),
        ("Aprovar a publicação em homologação? (s/n)", GateType.DEPLOY),
        ("Approve the rollback? (yes/no)", GateType.DEPLOY),
        ("Aprovar a exclusão do branch remoto? (sim/não)", GateType.DEPLOY),
        ("Go live? (yes/no)", GateType.DEPLOY),
        ("Apagar os dados antigos? (sim/não)", GateType.DEPLOY),
        ("Aprovar a subida para produção? (sim/não)", GateType.DEPLOY),
        ("Enviar o aviso a todos os clientes? (sim/não)", GateType.DEPLOY),
        ("Approve the push notification texts? (yes/no)", GateType.HUMAN),
        ("Aprovar a produção de pão da semana? (sim/não)", GateType.HUMAN),
        ("Aprovar o desenho? (sim/não)", GateType.HUMAN),
    ],
)
def test_a_question_about_something_outward_is_a_deploy_gate(question: str, type_: GateType) -> None:
    assert only(f"```\n{question}\n```", "GATE 1: Ask").type is type_


def test_what_follows_a_yes_tells_that_a_bare_question_goes_outside() -> None:
    found = only("Aguardando sua decisão.\n\n- sim: `git push origin main`\n- não: fica", "GATE 7: Última porta")
    assert (found.type, found.why) == (
        GateType.DEPLOY,
        "waits for a decision, about going outside: what follows a yes",
    )


@pytest.mark.parametrize(
    ("body", "merges"),
    [
        ("Approve the merge? (yes/no)", True),
        ("Aguardando sua decisão.\n\n```bash\ngh pr merge --squash\n```", True),
        ("Approve the deploy? (yes/no)", False),
        ("Approve the merged cells of the table? (yes/no)\n", True),
    ],
)
def test_a_deploy_gate_knows_whether_it_merges(body: str, merges: bool) -> None:
    assert only(body, "GATE 1: Ask").merges is merges


@pytest.mark.parametrize(
    ("body", "trigger"),
    [
        ("```bash\n# first\nX=$(pwd)\nnpm test\necho $?\n```", "npm test"),
        ("Checklist:\n\n- [ ] no any\n- [ ] no log", "Checklist:"),
        ("- [ ] no any\n- [ ] no log", "no any"),
        ("`make lint` sai com 0.", "`make lint` sai com 0."),
        ("```bash\na\nb\n```\n\nOs dois saem com 0.", "Os dois saem com 0."),
        ("O estoque não pode ficar negativo.", "O estoque não pode ficar negativo."),
        ("- camelCase\n- no abbreviations", "camelCase"),
        ("| Error | Text |\n|---|---|\n| 404 | Not found |", "Error"),
        ("```bash\npytest\n```\n\nSe falhar 3 vezes, pare e avise o usuário.", "pytest"),
    ],
)
def test_a_gate_where_a_command_or_a_list_decides_is_a_validation(body: str, trigger: str) -> None:
    found = only(body, "GATE 3: Quality")
    assert (found.type, found.trigger) == (GateType.VALIDATION, trigger)


def test_a_command_does_not_hide_the_person_who_is_asked_below_it() -> None:
    found = only("```bash\n./deploy.sh\n```\n\n**Requer aprovação do usuário.**", "GATE 5: Deploy")
    assert (found.type, found.trigger) == (GateType.DEPLOY, "Requer aprovação do usuário.")


@pytest.mark.parametrize("fence", ["```", "~~~", "````text"])
def test_a_plain_fence_is_shown_and_its_question_asks(fence: str) -> None:
    assert only(f"{fence}\nAprovar a lista? (sim/não)\n{fence.rstrip('tex')}", "Fase 1: Lista").stops


@pytest.mark.parametrize("language", ["bash", "python", "json", "yaml", "sql", "js"])
def test_a_question_in_code_asks_nobody(language: str) -> None:
    assert gates_of(f"```{language}\n# Aprovar a lista? (sim/não)\n```") == []


@pytest.mark.parametrize(
    ("intro", "asks"),
    [
        ("Mostre este bloco:", True),
        ("Apresente ao usuário com este template:", True),
        ("Copie o molde para o arquivo:", False),
        ("Exemplo:", False),
        ("This is what step 12 will show; nothing is asked here:", False),
    ],
)
def test_a_markdown_fence_asks_only_where_it_is_shown(intro: str, asks: bool) -> None:
    found = gates_of(f"{intro}\n\n```markdown\n## GATE 9: x\n⏸️ APROVAR? (sim/não)\n```")
    assert bool(found) is asks


@pytest.mark.parametrize(
    ("command", "asks"),
    [
        ('read -p "Deploy? (y/n) " answer', True),
        ('echo "⏸️ Aguardando aprovação do usuário"', True),
        ('echo "Aguardando aprovação do usuário" >> diary.log', False),
        ("# Aguardando aprovação do usuário", False),
        ("read line < file", False),
    ],
)
def test_a_command_asks_where_somebody_has_to_type_or_is_told_to_wait(command: str, asks: bool) -> None:
    assert bool(gates_of(f"```bash\n{command}\n```")) is asks


@pytest.mark.parametrize(
    "body",
    [
        "    APROVAR? (sim/não)",
        "<!--\nAPROVAR? (sim/não)\n-->",
        "| Pergunta | Resposta |\n|---|---|\n| Aprovar? (sim/não) | |",
        "- [ ] Aprovar? (sim/não)",
        "- Tem fonte? (sim/não)",
    ],
)
def test_indented_code_comments_tables_and_checkboxes_ask_nobody(body: str) -> None:
    assert gates_of(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "> Aprovar a lista? (sim/não)",
        "**Aprovar a lista? (sim/não)**",
        "1. Mostre.\n2. Aprovar a lista? (sim/não)",
        "<details>\nAprovar a lista? (sim/não)\n</details>",
    ],
)
def test_quotes_bold_text_lists_and_html_may_ask(body: str) -> None:
    assert only(body, "Fase 1: Lista").trigger == "Aprovar a lista? (sim/não)"


def test_the_plainest_cue_is_the_trigger_and_the_first_among_equals() -> None:
    body = (
        "Ponto de parada obrigatório. Aguarde a decisão.\n\n"
        "Confirma? (sim/não)\n\nConfirma mesmo? (sim/não)\n\nPosso seguir?"
    )
    assert only(body, "Fase 1: Ordem").trigger == "Confirma? (sim/não)"


def test_a_trigger_stays_on_one_line_where_its_sentence_is_wrapped() -> None:
    found = only("Antes de tudo, mande a planilha e\nespere a resposta\nda dona.", "Fase 1: Quebra")
    assert found.trigger == "espere a resposta"


def test_rules_examples_and_retrospects_are_about_other_sections() -> None:
    for heading in ("Regras", "Golden rules", "Notas", "Exemplo de conversa", "Lições aprendidas", "3. FAQ"):
        assert gates_of("Aguarde a aprovação do usuário.", heading) == []


def test_where_a_gate_says_nothing_a_person_decides() -> None:
    found = only("O texto da vez.", "GATE 4: Terceira leitura")
    assert (found.type, found.trigger, found.why) == (
        GateType.HUMAN,
        "GATE 4: Terceira leitura",
        "nothing says who decides",
    )


def test_words_are_found_without_case_and_accents() -> None:
    for sentence in ("AGUARDE A DECISAO", "aguarde a decisão", "Aguarde a Decisão"):
        assert gates_of(sentence)[0].stops

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
PEOPLE_BY_NAME = """
O Tiago precisa responder "pode rodar" com essas palavras.
A Helena tem que dizer "aprovado" por escrito.
A Lúcia decide qual capa vai para a gráfica.
Pergunte à Renata qual dos dois horários fica.
Sem o OK do Sérgio, o lote não sai.
Quando a Carla liberar, imprima os convites.
Não ligue o forno antes da resposta do Caio, pois a palavra do Caio é a que vale.
Espere a dona Neusa escolher a receita.
Ask Tom which of the two schedules stays.
Until Ingrid approves, nothing is printed.
It is Priya's call: wait for Priya.
Nothing leaves the house before Omar, the owner, has agreed.
"""
NO_PEOPLE = """
Aguarde o Stripe confirmar o pagamento.
Espere o Postgres responder.
Wait until Redis replies PONG.
O Playwright confirma que a tela abriu.
A Apple precisa aprovar o aplicativo; nada muda aqui.
O Sérgio aprovou o lote no passo 3.
Lembre do que a Bia escolheu: letra maior.
A Márcia escolhe o plano e confirma o pedido.
Write three lines for Tom in the report.
"""
CHOICES_NAMED = """
Quais turmas posso encerrar? (números, "todas" ou "nenhuma")
Which of these accounts may I close? (numbers, "all" or "none")
Qual das duas rotas eu sigo: norte ou sul?
O que faço com as sobras: guardo, doo ou descarto?
Mantenho o preço antigo ou aplico o novo?
Do I keep the old menu or switch to the new one?
Keep, rename or drop it?
Which one goes live: blue or green?
Mostre cada foto e pergunte: **fica, sai ou refaz?**
For each clause ask: keep, soften or strike?
Escolha uma opção (A, B ou C):
Pick one: A, B or C
Responda com o número da opção.
Aprova (A), Rejeita (R) ou Ajusta (J)?
Ficou bom assim?
Does this look right to you?
"""
QUESTIONS_TO_ONESELF = """
Pergunte-se: isto é mesmo necessário?
Ask yourself: what would the owner complain about?
Para cada sala, pergunte: o que quebra primeiro?
Isto é bug ou gosto?
Posso resolver sem código novo?
Devo extrair uma função? Só se passar de 30 linhas.
Should I split this chapter? Only past 30 pages.
O que o cliente faria se a internet caísse?
Quantas vezes esperamos a resposta do usuário?
Why did we wait for the user that long?
É bug? Corrija. É ideia nova? Vai para o caderno.
"""
PERSON_DOES_THE_WORK = """
Solicitar ao usuário que teste no celular dele.
Pedir à gerente que confira o caixa e registrar o que ela disser.
Convide a professora a usar a tela por cinco minutos.
Ask the nurse to try the form and write down what she says.
Have the owner click through the demo before the next phase.
O dono precisa testar o forno agora.
Hand over to the user for manual testing.
Ação manual do usuário necessária
Anote o que o usuário achar do cardápio.
"""
ONLY_WHAT_IS_PICKED = """
Apague somente os números que ele responder.
Aplique apenas os itens que o usuário marcar.
Só aplique os que eu responder "aplica".
Delete only the ones she names.
Merge only what the owner ticks.
Se o usuário aprovar, siga; se não, volte à fase 1.
If the client says no, go back to phase 2; if she says yes, go on.
✅ Se aprovado pelo usuário: continuar. ❌ Se rejeitado: refazer.
Submeter à aprovação da diretoria.
Confirme o valor com o cliente antes de emitir.
Sem resposta, fica parado.
Trave aqui. Só destrava com a resposta do cliente.
Call notify_user with the summary.
"""
RULES_OF_THE_PRODUCT = """
O cliente precisa confirmar o e-mail antes de entrar.
The player must choose a name before the match starts.
O botão Publicar só aparece depois que o revisor aprova.
O pagamento só é liberado depois que o banco confirma.
Usuário sem permissão não pode publicar sem aprovação do editor.
Se o cliente responder não, o pedido volta para rascunho.
Mostre apenas os pedidos que o gerente marcar.
Aguardar confirmação na tela.
Wait for the confirmation dialog.
Espere o botão aprovar ficar verde.
Crie o botão "Aprovar" e o texto "Aguarde a confirmação".
"""
DECIDED_ELSEWHERE = """
A aprovação do orçamento acontece no 4.5, não aqui.
Só se prepara a frase aqui; a pergunta ao usuário é feita no 3.5.
The owner is asked in 11b, not here.
O próximo workflow pergunta ao usuário se pode fazer o push.
Aguarde a aprovação no 9b antes de sonhar com o forno.
Depois da aprovação do usuário na fase anterior, crie o ramo.
Nenhuma receita sai daqui com alergia grave sem que o médico saiba.
Só pergunte ao usuário se o computador pegar fogo.
Only ask the user if the data is at risk.
Caso o molde seja inválido, aguarde instruções do usuário.
If you feel the urge to ask the user something, write it down and keep going.
Em vez de perguntar ao usuário, leia o caderno.
Errado: "Terminei a mesa 1. Posso seguir para a 2? (s/n)"
❌ "Shall I go on to the next table?"
"""
NOT_ASKED_BODIES = (
    "> **Agente**: Posso publicar a agenda? [sim/não]\n> **Marina**: sim",
    "```\nAgente: Posso publicar? (sim/não)\nUsuário: sim\n```",
    "- **Agent**: May I print? (yes/no)\n- **Host**: yes",
    "1. Abrir a matrícula\n2. Clicar em **Cancelar**\n3. Tem certeza? (sim/não)\n4. Aguardar confirmação",
    "1. Open the booking\n2. Click **Pay**\n3. Wait for approval\n4. See the receipt",
    '- tocar em "Devolver"\n- "Confirma a devolução?" → confirmar\n- ver o recibo',
    "A enfermeira confirma no sistema:\n\n```\nVocê confirma a dose? [Sim] [Não]\n```",
    "O modal mostra:\n\n```\nDeseja excluir a turma? (sim/não)\n```",
    "Texto do modal:\n\n```\nDeseja sair? (sim/não)\n```",
    "```\nApagar o lote? (sim/não)\n```\n\nIsso é tela. Traduzir.",
)
ASKED_BODIES = (
    "Apresente o plano ao usuário.\n\nApós aprovação:\n\n```bash\nmake seeds\n```",
    "1. Montar o resumo\n2. Mostrar ao usuário\n3. Com a resposta, atualizar o caderno",
    "1. Abrir a página\n2. Clicar em cada aba e fotografar\n3. Enviar as fotos ao usuário\n4. Aguardar aprovação",
    "1. Abrir a página\n2. Rolar até o fim\n3. Fotografar\n4. Aguardar aprovação",
    "```\nOpções:\n[A] seguir\n[B] ajustar\nSua escolha:\n```",
    'Marta has to say "ship it".\n\nSend the list to Marta.',
    "Diga no chat:\n\n```\n🤖 Agente: Posso publicar a agenda? (sim/não)\n```",
    "```\nAgente: Forno 2\nReceita: bolo\nPosso assar? (sim/não)\n```",
    "```\nAgente: Posso assar? (sim/não)\nUsuário: [aguardar]\n```",
    "Mostre na tela ao usuário:\n\n```\nApagar o lote? (sim/não)\n```",
)
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


@pytest.mark.parametrize(
    "sentence",
    [*lines(PEOPLE_BY_NAME), *lines(CHOICES_NAMED), *lines(PERSON_DOES_THE_WORK), *lines(ONLY_WHAT_IS_PICKED)],
)
def test_a_name_a_choice_a_favour_or_a_pick_stops_its_phase(sentence: str) -> None:
    (found,) = gates_of(f"Faça o resumo.\n\n{sentence}")
    assert found.stops
    assert found.trigger in sentence


@pytest.mark.parametrize(
    "sentence",
    [*lines(NO_PEOPLE), *lines(QUESTIONS_TO_ONESELF), *lines(RULES_OF_THE_PRODUCT), *lines(DECIDED_ELSEWHERE)],
)
def test_tools_thoughts_the_product_and_other_places_stop_nothing(sentence: str) -> None:
    assert gates_of(f"Faça o resumo.\n\n{sentence}") == []


@pytest.mark.parametrize("body", NOT_ASKED_BODIES)
def test_a_dialogue_a_scenario_and_a_drawn_screen_ask_nobody(body: str) -> None:
    assert gates_of(f"Faça o resumo.\n\n{body}") == []


@pytest.mark.parametrize("body", ASKED_BODIES)
def test_a_list_a_message_or_a_decision_that_follows_may_ask(body: str) -> None:
    (found,) = gates_of(f"Faça o resumo.\n\n{body}")
    assert found.stops


@pytest.mark.parametrize(
    ("heading", "asks"),
    [
        ("Como isso vira conversa", False),
        ("Como falar com o usuário", False),
        ("How to ask the owner", False),
        ("Roteiro de teste", False),
        ("Test scenarios", False),
        ("Tom de voz", False),
        ("Casos de uso", False),
        ("Escolha do dono (no 3.5, não aqui)", False),
        ("Conversa com o usuário", True),
        ("Levar para o dono", True),
        ("Fase 1: Modelo de dados", True),
        ("Phase 1: Test scenarios", True),
    ],
)
def test_a_guide_or_a_script_asks_nobody_unless_it_is_the_phase(heading: str, asks: bool) -> None:
    assert bool(gates_of("Aguarde a aprovação do usuário.", heading)) is asks


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        ("Nada sai daqui sem o OK do dono.", False),
        ("Não publique antes da aprovação do usuário.", False),
        ("Do not go on until the user approves.", False),
        ("Only proceed after the owner confirms.", False),
        ("Pergunte ao usuário o nome da escola e aguarde.", True),
        ("Posso começar? (sim/não)", True),
    ],
)
def test_a_rule_before_the_first_phase_stops_nothing_and_a_question_does(rule: str, asks: bool) -> None:
    text = f"# Title\n\n{rule}\n\n## Fase 1: Plano\n\nFaça o resumo.\n"
    assert bool(read_document(text, "f.md", "1", Rules()).gates) is asks


@pytest.mark.parametrize(
    ("heading", "asks"), [("Fase 1: Merge", True), ("Phase 1: Merge to main", True), ("Fase 1: Plano", False)]
)
def test_a_word_needed_in_general_counts_where_the_heading_names_the_thing(heading: str, asks: bool) -> None:
    assert bool(gates_of("Quem decide o merge é o dono.", heading)) is asks


def test_a_person_who_looks_at_staging_sends_nothing_there() -> None:
    assert only("Peça ao usuário que teste em staging.", "Fase 1: Teste").type is GateType.HUMAN
    assert only("Peça ao usuário o OK para subir em staging.", "Fase 1: Teste").type is GateType.DEPLOY


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

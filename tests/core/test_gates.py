"""What single sentences, fences and headings ask for, in words of many trades."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.core.line import GateFound, Rules, read_document
from orchestrator.core.values import GateType
from orchestrator.core.wording import Pattern, fold

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
WRITER_IS_ASKED = """
Me apresenta o plano resumido e fica no aguardo.
Deixa eu ver o resultado antes de seguir.
Let me see it first, then go on.
Me chama quando terminar que eu valido.
Para e espera eu chegar.
Me passa o link que eu testo e te falo.
Fica esperando eu mandar "segue".
Daqui pra frente só comigo.
Não faz merge antes de eu bater o olho.
Posta o diff aqui e aguarda meu de acordo.
Quando eu responder "fechou", vai pra FASE 5.
Só depois do meu teste manual avança.
Me lista as opções com prós e contras; a escolha é minha.
A decisão é minha, não sua: apresente e pare.
Pare aqui até eu liberar.
Wait here. I'll look at it tonight and get back to you.
Don't start phase 4 before I've signed it.
Send me the summary and wait for my answer.
Pede meu ok antes de rodar a migration.
Não apaga nada sem falar comigo.
Sem falar comigo não mexe no preço.
Só passa daqui com o meu "homologado" por escrito.
Só segue com o meu "fechado".
Daqui só sai com o meu visto.
Monta o texto, me mostra e espera eu dizer que pode.
Me mostra o texto e espera eu dizer "manda".
Antes de trocar a cor do logo, me pergunta.
Me pergunta antes.
Me pergunta qual dos três orçamentos eu quero.
Me manda a lista e espera eu responder.
Só continua depois que eu olhar as fotos.
Não mexe em nada até eu voltar com a resposta.
Me chama pra eu testar e espera.
Quem decide sou eu: mostra as duas versões e para.
Eu leio o contrato e digo se pode.
Eu testo na minha máquina e te respondo; até lá, parado.
Show me the draft and wait until I answer.
Don't touch the pricing until I answer.
Stop here until I say go.
Nothing goes further until I've read it.
Ask me first.
Ask me which of the two menus I want.
I pick the winner; list the three and wait.
I will test it by hand and tell you; wait for me.
Only goes past here with my "signed off" in writing.
Me mostra o print e aguarda eu falar.
Manda pra mim no chat e espera minha resposta.
Eu que aprovo o texto: não publica sem eu ver.
Não publica sem eu ver.
Nada de commit antes de eu ler o diff.
Para tudo e me chama.
Para aqui. Eu volto com a decisão.
Para e me pergunta se pode.
Me apresenta três nomes e eu escolho.
Gera três capas, eu escolho uma, aí você continua.
Só vai pro próximo workflow depois do meu joinha.
Sem o meu "tá bom" não sobe nada.
Sem meu ok a fase não fecha.
Fica parado até eu falar "bora".
Preciso ver o layout antes de você continuar.
Quero ver o texto antes de ir pro ar.
Quero aprovar a paleta antes do CSS.
Eu preciso aprovar isso antes.
I want to see the plan before you write any code.
I need to approve the copy before it goes anywhere.
I approve the schema; nothing is migrated before that.
Don't go on until you hear from me.
Wait till I'm back with an answer.
Run it by me before touching the tables.
Check with me which one to keep.
Nothing ships without me looking at it.
Show it to me and wait.
Me mostra e espera.
Mostra pra mim e só continua se eu gostar.
Só continua se eu disser sim.
Vou testar no celular. Espera meu retorno.
Vou dar uma olhada à noite; não segue antes disso.
Aguarda meu teste no celular.
Homologa comigo antes de fechar.
Passa por mim antes de subir.
Confirma comigo o valor do frete.
Combina comigo o horário antes.
"""
WORD_IS_TYPED = """
Digite **DEPLOY** para liberar, qualquer outra coisa cancela.
> Tudo pronto. Digite **ENVIAR** para mandar as cartas; qualquer outra coisa cancela.
Type PUBLISH to release it; anything else cancels.
Type **ERASE** to go ahead, anything else aborts.
Responda LIBERADO para seguir; qualquer outra resposta cancela.
Escreva "CORTAR" para confirmar o corte. Outra resposta = não.
Espero a sua palavra: digite SOLTAR para abrir a comporta, senão nada acontece.
> Tudo pronto. Digite **ENVIAR** para mandar as cartas; qualquer outra coisa cancela.
Espero a sua palavra: digite SOLTAR para abrir a comporta, senão nada acontece.
Digite `ZERAR` para continuar.
Responda "CONGELAR" para seguir com o estoque parado.
"""
TIME_AND_MACHINES_DECIDE = """
Fora da janela → pare e espere a próxima janela (seg-qui 9h-16h).
Fora do horário → pare e espere o próximo turno.
Depois das 18h: STOP, retome amanhã às 9h.
Outside the window → stop and wait for the next one.
Menos de 400 linhas = backup podre. STOP, refaça o backup.
Disco acima de 90% → pare e limpe o cache.
Coverage under 80% → STOP and write the missing tests.
Memória no limite = pare e espere baixar.
Antes das 24h não tem o que decidir. Aguarde o tempo passar e trabalhe em outra feature.
Se estiver fora da janela, espere a próxima.
Depois das 22h → pare e retome no dia seguinte.
Sexta depois das 14h → pare. Retome segunda.
Load above 4 → pause and wait for the next slot.
CPU > 90% → pare e espere esfriar.
Feriado → pare e espere o próximo dia útil.
Rate limit → pare e espere 60 segundos.
Fila cheia → pare e aguarde esvaziar.
Rode e espere. Nada a fazer.
Deploy só até 16h; depois disso espera amanhã.
"""
QUESTIONS_THE_AGENT_ANSWERS = """
Só passe quando a resposta do 5º porquê for algo que o SEU código muda.
Só avance quando a resposta da pergunta 3 couber em uma frase.
Only go on when the answer to the last why is a line of code.
Só siga quando a resposta a cada item for "sim" no relatório do script.
Só passe se a resposta do "por quê?" apontar para um arquivo.
Só feche a fase quando cada pergunta tiver resposta no documento.
Only continue when every why has an answer in the file.
Responda às 5 perguntas abaixo antes de codar: quem usa? quando? por quê?
Responda por escrito as perguntas do checklist.
"""
CONSENT_IN_THE_PRODUCT = """
Se a feature manda e-mail de marketing, o cliente tem que aprovar (opt-in) antes.
O paciente tem que aceitar o termo antes do envio do resultado; o padrão é desmarcado.
Aguardar a confirmação do double opt-in antes de enfileirar qualquer mensagem: isso é código.
The customer must confirm the double opt-in before any newsletter is queued.
O titular precisa autorizar (checkbox) antes de compartilharmos o cadastro.
Subscribers have to agree to the cookies (opt-out by default) before tracking starts.
O cliente digita o CEP para liberar o frete, qualquer outra coisa mostra erro.
Digite PROMO10 no campo para ver o desconto.
Type the coupon to see the discount.
O usuário precisa aceitar os cookies antes de rodar o analytics.
Sem opt-in do assinante, nenhum e-mail sai da fila.
Sem consentimento do titular, não enviar marketing.
O hóspede tem que confirmar a reserva antes do débito.
Quando o cliente autorizar o débito, o job processa a cobrança.
"""
COMMANDS_TO_TYPE = """
O modal diz: digite EXCLUIR para confirmar.
Digite `npm test` para rodar.
Digite o comando abaixo para liberar a porta 3000.
Type `exit` to leave the shell.
"""
WRITER_IS_NOT_ASKED = """
Eu leio o changelog e respondo os clientes por e-mail.
Preciso ver o antes e depois nas screenshots.
Gere três variações e eu uso a que passar no axe.
Mostra o total e espera 2 segundos antes de sumir.
Meus testes rodam em 2 min; espere terminar.
Se eu não estiver online, siga e anote.
Eu aviso quando mudar a regra; até lá vale esta.
Antes de eu esquecer: o cache fica em .tmp.
Não me mostra log gigante.
Me diz no resumo quanto tempo levou.
Pare de usar any. Eu já falei isso.
Quando eu digo "rápido", quero dizer < 200ms.
Só use meu template, nunca o padrão.
I like small commits and I read every one.
If I'm away, go on.
Quero ver o log completo no arquivo.
Preciso testar offline também: adicione o service worker antes do cache.
I want to see tests before code: TDD.
Janela de manutenção: domingo 3h. Fora dela, aguarde.
O aluno escolhe o plano e digita o cartão para confirmar.
Não me pergunta nada aqui.
Não precisa me mostrar, segue direto.
NUNCA me chame pra testar um ambiente quebrado.
Não espera eu acordar.
Don't ask me anything here.
No need to wait for me.
Eu gosto de commits pequenos.
Me mostra o resumo no final e segue.
Isso me economiza tempo.
Se o teste quebrar, me chama.
Qualquer dúvida, me pergunta.
Na dúvida me pergunta.
Eu uso o terminal escuro.
Eu testei e funciona: não mexa.
Eu já vi isso dar errado antes.
Eu leio os logs de manhã.
Só roda com o meu usuário do Postgres.
Só commita com o meu e-mail "dev@x.com".
Só funciona com o meu `.env`.
Me avisa no final e segue.
Me manda o resumo no progress.md e vai pra próxima.
Não me chama de madrugada.
Se passar, não precisa me perguntar: segue.
I read the logs in the morning.
I tested this on Linux only.
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
# A negation silences the weak cues of its own sentence, and nothing in another block.
NEGATED_BESIDE_A_STOP = (
    "Siga até o fim sem perguntar.\n\nAprova o cardápio? (sim/não)",
    "Não interrompa no meio.\n\nPergunte ao dono qual forno usar.",
    "Sem esperar: ligue o forno.\n\nAguarde o OK da gerente.",
    "Nobody is asked about the fonts.\n\n```\nShip the poster? (yes/no)\n```",
    "O agente preenche a ficha.\n\nA ficha vai para o mural.\n\nO mural fica no corredor: serve assim? (sim/não)",
    "Do not interrupt the print run. Wait for the owner's answer.",
    "Aguarde a resposta do usuário e não interrompa os outros.",
    "Não pergunte de novo depois disso. Agora espere o sim do diretor.",
    "Em dúvida, não pare. Ao fim, peça a aprovação da coordenadora.",
    "**Aprovação do dono:** a planta serve? [sim/não/ajustar]\n\nDepois disso não pare mais.",
    'Espere o "pode rodar" dela.\n\nNão pergunte duas vezes.',
    '**Pergunte antes:** "Troco o fornecedor?"\n\nSem parar a linha.',
)
NEGATED_ITSELF = (
    "Siga sem esperar a resposta do usuário.",
    "Não peça aprovação da gerente.",
    "Mostre o cartaz ao dono e siga sem esperar.",
    "Pergunte ao dono, mas não espere a resposta.",
    "A aprovação do usuário não é necessária.",
    "Waiting for the owner's approval is not needed.",
    "Avise a diretora; ninguém espera resposta.",
    "O OK da cliente já foi dado.",
    "Do not wait for the user to approve.",
    "**SE o molde já estiver limpo:** 🛑 PARE. O molde sobra.",
    "IF the shelf is already full: STOP. Sort it first.",
)
MENDED_OR_FETCHED = """
Com os erros corrigidos, aguarde a aprovação da diretora.
Quando não houver mais conflitos, peça o OK do dono.
After fixing the errors, wait for the owner's approval.
Mostre ao dono o mapa feito na FASE 3 e aguarde a aprovação dele.
Para cada prato, pergunte ao cliente se fica.
"""
STILL_TROUBLE = """
Se houver conflitos, aguarde a aprovação da diretora.
Com erros no mapa, peça ajuda ao dono.
Na FASE 3 aguarda-se a aprovação do dono.
A cada etapa do 7, o dono aprova.
"""
KEYWORD_SECTIONS = (
    ("Screenshot da vitrine", "Tire a foto. Salve na pasta do dia. Nomeie pela data.", False),
    ("Screenshot set", "They are collected and kept in evidence/day-1/.", False),
    ("Screenshot evidence", "The owner sees them in workflow 6b. Don't stop here to show them.", False),
    ("Screenshot da loja", "1. Abrir a vitrine\n2. Fotografar", False),
    ("Screenshot da vitrine", "A vitrine da semana.", True),
    ("Screenshot da vitrine", "Tire a foto, mostre ao dono e aguarde o OK.", True),
)
QUOTED_GO = 'Só imprima com o "pode imprimir" da Bruna.\n\nBruna aprova o cartaz.'
# Whole sections, as they are written for an assistant in an editor.
SECTIONS_THAT_STOP = (
    (
        "FASE 2: REFRAMING",
        '🎯 Reescreva o pedido em uma frase e devolva pro usuário: "É isso mesmo que você quer?" Só avance com a confirmação.',
    ),
    ("FASE 5: ESCOLHA", "**Ação do usuário:** escolher A, B ou C. O agente fica em espera."),
    ("FASE 3: MIGRATION EM PRODUÇÃO", '⏸️ STOP! Preciso do seu "sim" antes de rodar isso no banco de verdade.'),
    ("GATE 2: Screenshot Validation", "Envie as capturas no chat e aguarde o usuário validar cada uma."),
    ("FASE 4: VALIDAR COM O USUÁRIO", "Mostrar protótipo. Ajustar até ele aprovar."),
    ("Phase 7: Ship it", "Ask for permission to push. No answer, no push."),
    ("FASE 6: PR", "Antes de abrir o PR, pedir autorização (o CI gasta crédito)."),
    ("FASE 8: MERGE", "A decisão de mergear é sempre do usuário. Apresente o link e espere."),
    (
        "FASE 1: DÚVIDAS",
        "Liste as dúvidas em aberto e envie todas de uma vez. Continue quando todas tiverem resposta do usuário.",
    ),
    (
        "FASE 9: DEPLOY VPS",
        "🚨 **ATENÇÃO:** produção! Confirmar com o usuário o horário da janela antes de executar o script.\n\n```bash\n./vps-deploy.sh\n```",
    ),
    (
        "FASE 2: BRAINSTORM",
        'Apresentar as 5 soluções numeradas.\n\n**Pergunta ao usuário:** "Qual número você quer que eu detalhe?"',
    ),
    ("FASE 10: LIMPEZA", "Vou apagar: branch local, branch remota, worktree. Confirma? (s/N)"),
    ("Fase 4: Conteúdo", "Os textos legais vão para o jurídico do cliente. Só publique com o de acordo deles."),
    (
        "FASE 3: TEST DRIVING",
        "Passe o celular para o usuário e observe. Pergunte o que achou. Sem o feedback dele a fase não fecha.",
    ),
    ("FASE 5: CHECKPOINT", "✋ Ponto de decisão do usuário: manter o escopo, cortar ou adiar."),
    (
        "FASE 3: APRESENTAÇÃO DO PLANO",
        "**AÇÃO:** Mostrar o resumo do plano na tela.\n\n**SE APROVADO:** ir para a FASE 4.\n\n**SE REJEITADO:** voltar à FASE 1 e refazer.",
    ),
    (
        "FASE 5: DEPLOY",
        '🚨 **REGRA CRÍTICA:** o deploy só roda com o "pode subir" do Marcos.\n\n```bash\n./deploy.sh\n```',
    ),
    (
        "FASE 2: ESCOLHA DA BIBLIOTECA",
        "Monte a tabela comparativa e deixe a decisão com o usuário. Enquanto ele não responder, não instale nada.",
    ),
    (
        "Fase 4: Revisão do texto",
        "Cole o texto no chat. Pergunte se está bom ou se quer mudar alguma coisa. Só depois salve.",
    ),
    ("FASE 6: VALIDAÇÃO MANUAL", "O usuário vai abrir o app no celular e dizer se está ok. Fique parado até lá."),
    ("Phase 3: Review with the owner", "Summarise the diff in ten lines, then hand it to the owner for a go/no-go."),
    (
        "FASE 7: MERGE",
        "**⛔ BLOQUEIO:** merge na main exige OK explícito do usuário nesta conversa.\n\n```bash\ngh pr merge --squash\n```",
    ),
    (
        "FASE 2: MIGRATION",
        "⚠️ Migration destrutiva! Antes de rodar, confirme comigo no chat.\n\n```bash\nnpx supabase db push\n```",
    ),
    (
        "FASE 3: PUSH",
        '> 🤖 "Terminei. 4 commits prontos. Mando pro GitHub?"\n\nSe ele responder que sim:\n\n```bash\ngit push\n```',
    ),
    (
        "GATE 1: Reframing",
        "Apresente o problema reformulado:\n\n```\nPROBLEMA ORIGINAL: ...\nPROBLEMA REAL: ...\n\nEstá correto? [s/n]\n```",
    ),
    (
        "FASE 4: TESTE NO CELULAR",
        "1. Gerar o QR code\n2. Pedir pro usuário escanear e testar no iPhone\n3. Anotar o que ele falar\n4. Se ele curtir, seguir pra FASE 5",
    ),
    ("FASE 5: PRODUÇÃO", "Não suba nada pra VPS sem eu liberar.\n\n```bash\nssh vps deploy\n```"),
    ("Fase 2: Prioridades", "Liste as 10 ideias e peça para o usuário ordenar. A ordem dele é a que vale."),
    (
        "FASE 8: LIMPEZA",
        "Listar as branches antigas e perguntar quais podem ser apagadas.\n\n```bash\ngit push origin --delete $B\n```",
    ),
    ("Phase 6: Sign-off", "**WAIT.** The user reads the report and answers `ok` or `redo`. Nothing moves until then."),
    ("FASE 3: DESIGN", "Mande os 3 mockups no chat e só siga com o que for escolhido."),
    (
        "FASE 9: STAGING",
        'Após 24h em staging:\n\n- [ ] 0 erros no Sentry\n- [ ] usuário testou e aprovou\n\n⏸️ Sem o "ok, produção" do usuário, ficar por aqui.',
    ),
    (
        "FASE 2: COMPRA DO DOMÍNIO",
        "Essa parte é manual: o usuário compra o domínio e cola o DNS aqui. Avise e aguarde.",
    ),
    ("Fase 3: Custos", "Se o custo passar de R$ 50/mês, leve a conta ao usuário e deixe que ele decida se vale."),
    (
        "FASE 4: CHECKPOINT COM O USUÁRIO",
        "Resumo em 5 linhas + próximos passos. Siga sem pressa, mas não interrompa as migrações em andamento.",
    ),
    ("Fase 7: Nome da feature", "Sugira 3 nomes. Qual deles vai para o menu? Quem escolhe é o usuário."),
    (
        "GATE 9: Mudança de preço (SE mexer em plano)",
        "Alterar preço de plano afeta assinante ativo. Precisa do aceite do usuário por escrito antes do commit.",
    ),
    ("FASE 5: RESUMO", 'Termine a mensagem com: "Me diz se posso abrir o PR ou se quer ajustar algo antes."'),
    (
        "FASE 2: PLANO",
        "**QUANDO:** sempre, antes de codar.\n\n**AÇÃO:**\n\n1. Resumir o plano\n2. ⏸️ Parar e esperar o usuário responder\n\n**NUNCA** interrompa os testes que estiverem rodando.",
    ),
    (
        "FASE 4: DADOS",
        'Siga a FASE 3 sem perguntar nada.\n\nNo fim, mostre a contagem e pergunte: "Apago os 312 registros duplicados? (s/n)"',
    ),
    ("FASE 3: ENVIO", "Não peça aprovação para cada e-mail. Peça UMA aprovação do usuário para o lote inteiro."),
    ("FASE 5: UI", "O agente não decide cor. Mande o print e aguarde o usuário escolher."),
    (
        "Phase 2: Scope",
        'No questions during the analysis. At the end, show the scope and ask: "Is this what you want? [yes/no/adjust]"',
    ),
    ("FASE 6: APROVAÇÃO FINAL", '- [ ] testes verdes\n- [ ] screenshots anexados\n- [ ] usuário disse "aprovado"'),
    (
        "PASSO 2.3: Perguntar ao usuário",
        "Qual dos dois provedores ele prefere, e por quê. Registrar em `_decisions.md`.",
    ),
    (
        "FASE 3: COMUNICADO",
        "Escreva o texto do WhatsApp em 3 versões. O usuário escolhe uma, ou manda refazer. Só então siga.",
    ),
    ("FASE 7: RELEASE", '📣 "Versão 2.4 pronta. Publico na Play Store agora ou deixo pra segunda?"'),
    ("FASE 2: HIPÓTESES", "Apresente as 3 causas mais prováveis ao usuário e pergunte qual delas investigar primeiro."),
    (
        "FASE 8: ROLLBACK",
        "Se o erro passar de 1%:\n\n1. Desligar a flag (sem perguntar)\n2. Perguntar ao usuário se faz o rollback do banco",
    ),
    ("🛑 CHECKPOINT HUMANO", "Print das 4 telas + link do preview. Responder com 👍 ou com a lista de ajustes."),
    (
        "FASE 5: VALIDAÇÃO DO USUÁRIO",
        "Enviar o link do preview.\n\n⏳ Prazo: 24h. Sem resposta, mandar um lembrete. Não assuma que silêncio é sim.",
    ),
    ("Phase 4: Pricing", "Prices are the owner's call. Bring him the table and come back with his answer."),
    ("FASE 3: BACKUP", '```bash\nread -p "Backup conferido. Continuar? [s/N] " r\n```'),
    ("FASE 4: AJUSTES", 'Liste os ajustes sugeridos (numerados) e termine com: "Quais eu faço?"'),
    ("FASE 2: SEGREDO VAZADO", "Avise o usuário na hora e espere ele trocar a chave. Não faça mais nada até lá."),
    ("FASE 6: PR", "**User Approval:** abro o PR assim? [sim/não]\n\nDepois do sim, não pare mais até o merge."),
    (
        "Fase 3: Layout",
        "Depois de montar a tela, chame o usuário para ver no navegador. Ele pode pedir mudança; faça e chame de novo até ele dizer que está bom.",
    ),
    ("FASE 9: VPS", 'Me manda o resumo e espera eu responder. Só roda o script depois do meu "vai".'),
    (
        "FASE 1: ENTREVISTA",
        "Faça estas perguntas ao usuário, uma por vez, e espere a resposta de cada uma:\n\n1. Quem usa?\n2. Quando?\n3. O que acontece hoje?",
    ),
    (
        "FASE 3: TRADE-OFFS",
        "Trade-off que muda prazo ou custo → usuário decide. Trade-off técnico → você decide.\n\nMonte a lista do primeiro tipo e aguarde as decisões.",
    ),
)
SECTIONS_THAT_DO_NOT = (
    (
        "FASE 2: IMPLEMENTAR LOGIN",
        "- [ ] usuário confirma o e-mail\n- [ ] usuário escolhe a senha\n- [ ] usuário aceita os termos",
    ),
    (
        "FASE 3: RUNTIME VALIDATION",
        'Suba o app, espere o log "ready" e rode o smoke. Se travar, mate o processo e tente de novo.',
    ),
    (
        "FASE 4: ROOT CAUSE",
        "Responda: o que mudou? Quem é afetado? Por que o teste não pegou? Não pare na primeira resposta.",
    ),
    (
        "FASE 5: APROVAÇÃO DE PAGAMENTO",
        "Mockar o gateway: aprovado, recusado, em análise. O pedido só sai com o pagamento aprovado.",
    ),
    ("GATE 6: Lint", "```bash\nnpm run lint\n```\n\n❌ Falhou? PARE. ✅ Passou? Próximo gate."),
    (
        "FASE 6: STAGING 24H",
        "Deixe rodando 24h. Cron coleta métricas a cada hora. Ao final, anexe o gráfico ao relatório que o usuário vai ler no 11b.",
    ),
    ("FASE 7: DOCUMENTAÇÃO", "Escreva o changelog para o usuário final: o que mudou, como usar, o que confirmar."),
    ("Phase 2: Review bot", "Wait for the review bot. Apply its suggestions or answer why not."),
    ("FASE 8: CHAT", "O bot pergunta se o aluno quer continuar. Se sim, abre o treino; se não, agenda lembrete."),
    ("FASE 1: CARREGAR CONTEXTO", "⚠️ REGRA CRÍTICA: não continue sem ter lido TODOS os arquivos abaixo."),
    (
        "FASE 9: META-LEARNING",
        'Registre: pedidos de aprovação que poderiam ter sido automáticos; esperas acima de 1h; respostas "sim" sem leitura.',
    ),
    ("FASE 3: SEED", "Devo usar dados reais? Nunca. Gere com faker."),
    ("FASE 4: PUSH NOTIFICATION", "Pedir permissão de push só depois do primeiro treino. Sem permissão, usar e-mail."),
    ("FASE 5: AGENTES", "Cada subagente espera o anterior terminar. O orquestrador aprova a saída de cada um."),
    ("FASE 2: COPY", 'Títulos dos modais: "Cancelar plano?", "Apagar treino?", "Sair sem salvar?"'),
    (
        "FASE 3: VALIDATION LOOP",
        "Repita até o lint e os testes passarem. Não pergunte ao usuário entre uma volta e outra.\n\n```bash\nnpm test\n```",
    ),
    (
        "FASE 2: SCREENSHOTS",
        "Tire screenshot de cada tela nos 3 tamanhos. Salve em `.context/screens/`. O usuário vê tudo de uma vez no 6b.",
    ),
    ("Screenshot das telas", "Abra cada rota. Capture em 375, 768 e 1440. Compare com o baseline."),
    (
        "FASE 1: 5 WHYS",
        'Pergunte "por quê?" cinco vezes até chegar à causa raiz.\n\n1. Por que o pagamento falhou?\n2. Por que o retry não rodou?',
    ),
    (
        "FASE 4: ULTRA-THINK",
        "Antes de codar, pergunte-se: existe solução mais simples? O usuário aprovaria isso? Estou resolvendo a causa?",
    ),
    (
        "FASE 2: AUTORIZAÇÃO",
        "Implementar o guard de permissão: usuário sem papel `admin` precisa de aprovação do gestor para excluir treino.",
    ),
    (
        "FASE 5: MONITORAMENTO 24H",
        "Aguardar 24h. A cada 1h, ler o Sentry. Se erro > 1%, executar o rollback automático e avisar o usuário.",
    ),
    ("GATE 8: Build", "🚨 STOP se o build quebrar. Corrija e repita.\n\n```bash\nnpm run build\n```"),
    (
        "FASE 6: META-LEARNING",
        "- O usuário precisou intervir? Quantas vezes?\n- Alguma aprovação demorou mais de 1 dia?\n- O que eu faria diferente?",
    ),
    (
        "FASE 3: NOTIFICAÇÕES",
        "O app pede permissão ao usuário na primeira abertura. Se ele negar, não perguntar de novo por 7 dias.",
    ),
    ("FASE 7: COMMIT", "Commits pequenos, sem esperar aprovação: a revisão acontece no Workflow 10."),
    (
        "Phase 2: Error copy",
        "| Case | Text |\n|---|---|\n| delete | Delete workout? (yes/no) |\n| leave | Leave without saving? |",
    ),
    (
        "FASE 4: REGISTRO",
        "```bash\ncat >> .context/log.md <<'EOF'\n## GATE 3: aguardando aprovação do usuário\nStatus: pendente\nEOF\n```",
    ),
    (
        "FASE 1: LOAD CONTEXT",
        "Leia `_decisions.md`. Confirme que o usuário aprovou o plano (GATE 4). Se não estiver lá, volte ao Workflow 4.",
    ),
    (
        "FASE 5: CODE REVIEW",
        "Peça ao subagente revisor que aprove ou reprove o diff. Se reprovar, corrija e peça de novo.",
    ),
    (
        "FASE 2: TESTE E2E",
        '1. Abrir /login\n2. Preencher usuário e senha\n3. Clicar em "Entrar"\n4. Esperar o dashboard\n5. Confirmar que o nome do usuário aparece',
    ),
    (
        "FASE 6: DEPLOY STAGING",
        "```bash\ndocker compose -f staging.yml up -d\ncurl -f https://staging.app/health\n```\n\nSe o health falhar 3x, PARE e chame o usuário.",
    ),
    (
        "FASE 3: CONSENTIMENTO",
        'Criar a tela de consentimento LGPD: título, texto, botões "Aceito" e "Agora não". Sem aceite, o app não coleta dados de saúde.',
    ),
    (
        "FASE 2: DECISÕES TÉCNICAS",
        "Decida sozinho o que couber na alçada: nome de variável, pasta, lib já usada. Não precisa consultar ninguém.",
    ),
    (
        "GATE 12: Checklist de segurança",
        "- [ ] RLS em toda tabela nova\n- [ ] nenhuma chave no código\n- [ ] usuário anônimo não lê dados de outro usuário",
    ),
    ("FASE 4: RESUMO FINAL", "Mostrar ao usuário o resumo do que foi feito e seguir direto para o Workflow 7."),
    ("FASE 3: FILA", "Pagamentos ficam em `aguardando_aprovacao` até o webhook do gateway confirmar."),
    (
        "Phase 5: Feature flag",
        "Ship behind a flag, off by default. The user turns it on later, in 11b; nothing to ask now.",
    ),
    (
        "FASE 2: RISCO",
        "Para cada risco responda: o que acontece se o usuário não confirmar o e-mail? E se confirmar duas vezes?",
    ),
    ("FASE 1: LEITURA", "⚠️ NUNCA peça confirmação para ler arquivos. Leia tudo antes de falar."),
    (
        "FASE 3: IMPLEMENTAÇÃO",
        "Trabalhe em blocos de 30 min. Não interrompa o usuário. Dúvida pequena: decida e registre.",
    ),
    ("FASE 2: TDD", "Escreva o teste. Veja falhar. Faço passar? Sim, com o mínimo de código. Refatoro? Só com verde."),
    (
        "FASE 4: API",
        "Quando o cliente cancelar, pergunte o motivo (modal com 4 opções) e só depois cancele a assinatura.",
    ),
    (
        "FASE 5: MÁQUINA DE ESTADOS",
        "| Estado | Próximo |\n|---|---|\n| aguardando_aprovacao | aprovado ou rejeitado |\n| aprovado | publicado |\n\nSe aprovado: publica. Se rejeitado: volta para rascunho.",
    ),
    (
        "GATE 14: Cobertura",
        "Se aprovado (≥ 80%): próxima fase. Se reprovado: escreva mais testes.\n\n```bash\nnpm run cov\n```",
    ),
    (
        "FASE 6: PÓS-DEPLOY",
        "Aguarde 10 minutos e leia os logs. Tudo ok? Siga. Algo estranho? Rollback automático e nota no `_attempts.log`.",
    ),
    (
        "FASE 1: LOAD CONTEXT",
        "Confira no `_decisions.md` se o usuário já aprovou. Já aprovou → FASE 2. Não aprovou → este workflow não devia ter começado; volte ao 4.",
    ),
    ("FASE 7: HANDOFF", "Passe o resumo para o próximo workflow. O usuário lê quando quiser."),
    (
        "FASE 2: PROMPTS DO N8N",
        'Prompt do agente de suporte:\n\n```\nVocê é o assistente da academia. Antes de cancelar um plano, pergunte ao cliente: "Tem certeza? (sim/não)" e aguarde.\n```',
    ),
    (
        "FASE 3: TOM DA IA NO APP",
        'O coach virtual pergunta "Posso ajustar sua carga?" e espera o aluno responder antes de mudar o treino.',
    ),
    ("FASE 4: RETRY", "Espere 5s, 15s e 45s entre as tentativas. Depois da terceira, marque como falho e siga."),
    (
        "FASE 5: AUDITORIA",
        "- Quem aprovou? (campo `approved_by`)\n- Quando? (campo `approved_at`)\n- O usuário confirmou por e-mail? (campo `confirmed`)",
    ),
    (
        "Phase 3: Modal",
        "Build the `ConfirmDialog`: title, body, `Cancel` and `Delete`. It waits for the user to confirm before the request is sent.",
    ),
    (
        "FASE 6: SCREENSHOT VALIDATION (AUTOMÁTICA)",
        "O Playwright compara com o baseline (diff < 0,1%). Passou → FASE 7. Não passou → corrija o CSS.",
    ),
    (
        "FASE 2: DEPENDÊNCIAS",
        "Só instale pacote novo se: licença MIT, mantido, < 50 kB. Passou nos três? Instala e registra. Não passou? Escreva na mão.",
    ),
    ("FASE 8: LIÇÕES", "O que eu deveria ter perguntado antes ao usuário? Em que ponto esperei à toa?"),
    (
        "REGRAS DE OURO",
        "1. Nunca faça push sem aprovação\n2. Sempre pergunte antes de apagar\n3. Silêncio não é aprovação",
    ),
    ("FASE 3: LGPD", "O aluno precisa autorizar o uso da foto. Sem autorização, a foto não aparece no ranking."),
    (
        "FASE 4: SELF-REVIEW",
        "Finja que você é o revisor: aprovaria este PR? (sim/não) Se não, o que falta? Corrija e pergunte-se de novo.",
    ),
    ("FASE 5: ATUALIZAR DOCS", "Marcar no INDEX: `GATE 20: aprovado pelo usuário em DD/MM`. Depois commit."),
    ("GATE 22: Acessibilidade", "axe sem violações. STOP se houver alguma: corrigir antes de continuar."),
    ("FASE 2: CRON", "O job roda às 3h e espera confirmação do broker antes de marcar como enviado."),
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
PASSO 4: Confirmar com o dono
Perguntar ao usuário
Step 2: Ask the owner
🛑 Checkpoint humano
Alinhamento com o dono
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


@pytest.mark.parametrize("sentence", [*lines(WRITER_IS_ASKED), *lines(WORD_IS_TYPED)])
def test_the_writers_own_word_or_a_typed_one_stops_the_phase(sentence: str) -> None:
    found = gates_of(f"Faça o resumo.\n\n{sentence}")
    assert [one.stops for one in found] == [True]


@pytest.mark.parametrize(
    "sentence",
    [
        *lines(TIME_AND_MACHINES_DECIDE),
        *lines(QUESTIONS_THE_AGENT_ANSWERS),
        *lines(CONSENT_IN_THE_PRODUCT),
        *lines(COMMANDS_TO_TYPE),
        *lines(WRITER_IS_NOT_ASKED),
    ],
)
def test_the_clock_the_agents_own_answers_and_the_products_consent_stop_nothing(sentence: str) -> None:
    assert gates_of(f"Faça o resumo.\n\n{sentence}") == []


def test_what_runs_on_this_machine_and_a_users_acceptance_go_nowhere() -> None:
    local = "Peça ao usuário que teste.\n\nAmbiente no ar em http://localhost:3100."
    assert only(local, "Fase 1: Teste").type is GateType.HUMAN
    assert only("Eu entro em staging, faço um pedido.\n\nEspere eu responder.", "Fase 1: Teste").type is GateType.HUMAN
    assert only('Só passa com o meu "aceito".', "Fase 1: Homologação pelo usuário").type is GateType.HUMAN
    assert only("Aguarde o OK do usuário.", "Fase 1: Publicar em homologação").type is GateType.DEPLOY


@pytest.mark.parametrize("body", [*NEGATED_BESIDE_A_STOP, *lines(MENDED_OR_FETCHED)])
def test_a_negation_trouble_or_reference_elsewhere_silences_no_stop(body: str) -> None:
    (found,) = gates_of(f"Faça o resumo.\n\n{body}")
    assert found.stops


@pytest.mark.parametrize("body", [*NEGATED_ITSELF, *lines(STILL_TROUBLE)])
def test_a_negation_trouble_or_reference_in_the_sentence_itself_stops_nothing(body: str) -> None:
    assert gates_of(f"Faça o resumo.\n\n{body}") == []


def test_a_heading_that_asks_is_silenced_by_its_own_approval_being_given_and_by_nothing_else() -> None:
    heading = "Fase 1: Aprovação do usuário"
    assert only("Não interrompa no meio.", heading).trigger == heading
    assert only("Depois do sim, siga sem perguntar.", heading).stops
    assert gates_of("A aprovação já foi dada no passo 3.", heading) == []
    assert gates_of("Nenhuma aprovação; siga sem esperar.", heading) == []


def sections_of(heading: str, body: str) -> list[GateFound]:
    return gates_of(body, heading, Rules(keywords=("GATE 1", "screenshot", "staging")))


@pytest.mark.parametrize(("heading", "body"), SECTIONS_THAT_STOP)
def test_a_section_that_needs_a_person_stops(heading: str, body: str) -> None:
    assert any(gate.stops for gate in sections_of(heading, body))


@pytest.mark.parametrize(("heading", "body"), SECTIONS_THAT_DO_NOT)
def test_a_section_that_needs_nobody_stops_nothing(heading: str, body: str) -> None:
    assert [gate for gate in sections_of(heading, body) if gate.stops] == []


@pytest.mark.parametrize(("heading", "body", "stops"), KEYWORD_SECTIONS)
def test_a_heading_with_the_users_keyword_stops_unless_it_gives_the_agent_work(
    heading: str, body: str, stops: bool
) -> None:
    assert [gate.stops for gate in sections_of(heading, body)] == [stops]


def test_a_title_is_no_gate_by_a_keyword_and_may_ask_by_itself() -> None:
    rules = Rules(keywords=("staging",))
    assert read_document("# Staging 24h\n\nTexto.\n\n## Fase 1: a\n\nb\n", "f.md", "1", rules).gates == ()
    (asked,) = read_document("# Staging\n\nPosso subir? (sim/não)\n\n## Fase 1: a\n\nb\n", "f.md", "1", rules).gates
    assert (asked.heading, asked.stops) == ("Staging", True)


@pytest.mark.parametrize(
    "purpose", ["**OBJETIVO:** deixar o usuário escolher.", "Goal: get the owner's approval of the plan."]
)
def test_what_a_document_is_for_stops_nothing_before_its_first_phase(purpose: str) -> None:
    assert read_document(f"# T\n\n{purpose}\n\n## Fase 1: a\n\nb\n", "f.md", "1", Rules()).gates == ()


def test_whose_word_is_quoted_is_a_person_by_name() -> None:
    assert only(QUOTED_GO, "Fase 1: Imprimir a versão (deploy)").stops


def test_rules_are_compiled_when_a_document_is_read_and_not_before() -> None:
    code = (
        "import gc, re, sys, orchestrator.core.line\n"
        "from orchestrator.core.wording import Pattern\n"
        "rooms = [room for name, room in sys.modules.items() if name.startswith('orchestrator.core.')]\n"
        "values = [one for room in rooms if room.__name__[18:] != 'values' for one in vars(room).values()]\n"
        "lazy = [one for one in gc.get_objects() if isinstance(one, Pattern)]\n"
        "print([one for one in values if isinstance(one, re.Pattern)])\n"
        "print(len(lazy) > 100, [one for one in lazy if vars(one).keys() > {'_rules', '_spell'}])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\nTrue []\n", "")


def test_a_rule_whose_words_are_not_there_is_not_compiled_and_what_holds_holds_all_the_same() -> None:
    """Each rule for itself, and only where its words are, finds what all rules together find."""
    rules = [one for one in gc.get_objects() if isinstance(one, Pattern)]
    texts = [fold(line) for line in Path(__file__).read_text(encoding="utf-8").splitlines()[::2]]
    for rule in rules:
        alone = [rule.search(text) for text in texts]
        together = [rule._compiled.search(text) for text in texts]
        assert [one and one.span() for one in alone] == [one and one.span() for one in together], rule._rules
    fresh = [Pattern(*one._rules, spell=one._spell) for one in rules]
    for rule in fresh:
        rule.search("write the file.")
    made = [one for rule in fresh for one in rule._alone]
    assert sum(one._compiled is not None for one in made) < 0.25 * len(made)


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


def stops_at(sentence: str) -> list[str]:
    """Return the headings that stop in a document whose one phase says `sentence` under a neutral heading."""
    text = f"# W\n\n## Fase 1: X\n\n### Passo 2: Conferir\n\n{sentence}\n"
    found = read_document(text, "w.md", "1", Rules())
    return [one.heading for one in found.gates if one.stops]


@pytest.mark.parametrize(
    "sentence",
    [
        "⏸️ PAUSAR e apresentar as perguntas ao usuário.",
        "Só siga depois das respostas.",
        "Apresentar as três soluções ao usuário e pedir que escolha uma.",
        "Enviar os prints para o usuário aprovar.",
        "O usuário valida os screenshots antes do merge.",
        "Responda: APROVAR / REJEITAR / AJUSTAR",
        "Pause and present the options to the user.",
    ],
)
def test_a_pause_a_showing_and_a_choice_put_before_a_person_stop(sentence: str) -> None:
    assert stops_at(sentence) == ["Passo 2: Conferir"]


@pytest.mark.parametrize(
    "sentence",
    [
        "Apresentar os dados na tabela e escolher a cor pelo contraste.",
        "Enviar os prints para a pasta `docs/`.",
        "O script valida os screenshots antes do merge.",
        "Se os testes falharem, pare e corrija.",
        "A tela de aprovação lista os pedidos pendentes.",
    ],
)
def test_the_same_verbs_without_a_person_stop_nobody(sentence: str) -> None:
    assert stops_at(sentence) == []

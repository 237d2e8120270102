"""Documents of other trades than the samples, each with what a careful reader finds in it. Data alone.

`phases` are (id, title); `gates` are (heading, type, words that the trigger holds).
"""

from __future__ import annotations

from typing import NamedTuple

Gate = tuple[str, str, str]


class Own(NamedTuple):
    """A document's text and what is in it."""

    text: str
    phases: tuple[tuple[str, str], ...] = ()
    gates: tuple[Gate, ...] = ()


DOCUMENTS = {
    "clinic": Own(
        """# Agenda da clínica

## Fase 1: Levantar horários

Leia as escalas e monte a grade.

## Fase 2: Grade nova

Mostre a grade à coordenadora e aguarde o de acordo dela.

## Fase 3: Gravar

```bash
./agenda gravar
```
""",
        (("1", "Levantar horários"), ("2", "Grade nova"), ("3", "Gravar")),
        (("Fase 2: Grade nova", "human", "aguarde o de acordo dela"),),
    ),
    "clinic sends": Own(
        """# Lembretes de consulta

## Fase 1: Lista

Separe quem tem consulta amanhã.

### GATE 1: Telefones válidos

```bash
python conferir_telefones.py amanha.csv
```

## Fase 2: Disparo

Mensagem enviada não volta.

> Posso enviar os lembretes a todos os pacientes? (sim/não)
""",
        (("1", "Lista"), ("2", "Disparo")),
        (
            ("GATE 1: Telefones válidos", "validation", "python conferir_telefones.py amanha.csv"),
            ("Fase 2: Disparo", "deploy", "Posso enviar os lembretes a todos os pacientes? (sim/não)"),
        ),
    ),
    "school": Own(
        """# Report cards

## Phase 1 - Collect marks

Read every teacher's sheet. When a sheet is missing, stop and write the name down.

## Phase 2 - Comments

Draft one line per pupil.

### Approval by the head

Nothing is printed before the head teacher has said yes. Hand her the stack and stop.

## Phase 3 - Print

The printer may take a while; wait for it to finish.
""",
        (("1", "Collect marks"), ("2", "Comments"), ("3", "Print")),
        (("Approval by the head", "human", "Hand her the stack and stop"),),
    ),
    "school quiet": Own(
        """# Matrícula on-line

## Fase 1: Formulário

O aluno confirma a matrícula pelo link. O pedido fica aguardando aprovação da secretaria no painel.

## Fase 2: Fila de aprovação

| Estado | Quem age |
|--------|----------|
| aguardando aprovação | a secretária aprova ou recusa |

- [ ] secretária aprova e o aluno recebe o e-mail?
""",
        (("1", "Formulário"), ("2", "Fila de aprovação")),
    ),
    "bank": Own(
        """# Fechamento do dia

## GATE 1: Saldos batem

Diferença maior que zero reprova.

## GATE 2: Tesouraria

O tesoureiro assina o mapa antes de seguirmos. Aguardar a assinatura.

## GATE 3: Remessa (SE houver TED)

Remessa enviada é irreversível.

Aprovar o envio da remessa em produção? (s/n)
""",
        (),
        (
            ("GATE 1: Saldos batem", "validation", "Diferença maior que zero reprova."),
            ("GATE 2: Tesouraria", "human", "Aguardar a assinatura."),
            ("GATE 3: Remessa (SE houver TED)", "deploy", "Aprovar o envio da remessa em produção? (s/n)"),
        ),
    ),
    "bank limits": Own(
        """# Card limits

## Phase 1: Rules

A limit above 5000 needs approval from the branch manager in the app. Cover it with a test.

## Phase 2: Migration

Only continue after the data owner has approved the migration plan.

## Phase 3: Clean up

No approval is needed; delete the temporary files.
""",
        (("1", "Rules"), ("2", "Migration"), ("3", "Clean up")),
        (("Phase 2: Migration", "human", "Only continue after the data owner has approved the migration plan."),),
    ),
    "logistics": Own(
        """# Rota nova do caminhão

## FASE 1: Simular

Aguardar 5 min até o simulador terminar.

## FASE 2: Escolher

Três rotas no mapa, com custo e tempo.

1. litoral
2. serra
3. mista

Qual das três? Fique parado até o gerente responder.

## FASE FINAL: Registrar

Grave a rota escolhida pelo gerente.
""",
        (("1", "Simular"), ("2", "Escolher"), ("FINAL", "Registrar")),
        (("FASE 2: Escolher", "human", "Qual das três?"),),
    ),
    "logistics live": Own(
        """# Depot switch-over

## Phase 1: Dry run

```bash
./switch --dry-run
```

## Phase 2: Cutover

```text
Depot:   [name]
Orders:  [n]

GO or NO-GO? (go/no-go)
```

## Phase 3: Watch

If the error rate rises, stop and call the duty engineer.
""",
        (("1", "Dry run"), ("2", "Cutover"), ("3", "Watch")),
        (("Phase 2: Cutover", "deploy", "GO or NO-GO? (go/no-go)"),),
    ),
    "game": Own(
        """# Level balance

## Phase 1: Numbers

Let the bot play 200 rounds.

## 🎮 Phase 2: Feel

Numbers do not tell whether it is fun. Let the designer decide which curve stays.

## Phase 3: Store page

⏸️ SUBMIT the build to the app store? (yes/no)
""",
        (("1", "Numbers"), ("2", "Feel"), ("3", "Store page")),
        (
            ("🎮 Phase 2: Feel", "human", "Let the designer decide which curve stays."),
            ("Phase 3: Store page", "deploy", "⏸️ SUBMIT the build to the app store? (yes/no)"),
        ),
    ),
    "game quiet": Own(
        """# Placar

## Fase 1: Tela

Quando o jogador clica em "Confirmar", o placar fecha. A tela pergunta "Sair? (sim/não)".

### GATE 1: Placar soma

```bash
cargo test placar
```

Vermelho: PARE e corrija. Ninguém precisa aprovar.
""",
        (("1", "Tela"),),
        (("GATE 1: Placar soma", "validation", "cargo test placar"),),
    ),
    "newsroom": Own(
        """# Matéria da semana

## Apuração

Duas fontes por fato.

## ✋ Leitura do editor

Leve o texto ao editor. Sem o visto dele, nada é publicado.

## Arte

Escolha a foto mais leve.
""",
        (),
        (("✋ Leitura do editor", "deploy", "Sem o visto dele, nada é publicado."),),
    ),
    "library": Own(
        """# New acquisitions

## Phase 1: Wish list

Rank the titles by requests.

### GATE 4: Budget

- total at most 900
- no title twice

## Phase 2: Order

Ask the librarian to confirm the list. An order cannot be cancelled.
""",
        (("1", "Wish list"), ("2", "Order")),
        (
            ("GATE 4: Budget", "validation", "total at most 900"),
            ("Phase 2: Order", "human", "Ask the librarian to confirm the list."),
        ),
    ),
    "law": Own(
        """# Minuta do contrato

## Fase 1 – Redigir

Use o modelo de `docs/minuta.md`.

## Fase 2 – Parecer

Envie à advogada e só prossiga com o parecer favorável.

## Exemplos de parecer

> Aprovado com ressalvas. Aguardo sua confirmação.
""",
        (("1", "Redigir"), ("2", "Parecer")),
        (("Fase 2 – Parecer", "human", "só prossiga com o parecer favorável"),),
    ),
    "kitchen": Own(
        """# Cardápio de inverno

## Regras

- NUNCA sirva sem provar.
- Sempre aguarde a aprovação da chef antes de trocar um prato.

## Fase 1: Testar

Espere o forno aquecer.

## Fase 2: Prova

Monte três pratos. Espere alguém da cozinha provar e aprovar.
""",
        (("1", "Testar"), ("2", "Prova")),
        (("Fase 2: Prova", "human", "Espere alguém da cozinha provar e aprovar."),),
    ),
    "museum": Own(
        """# Etiquetas da exposição

## Fase 1: Textos

```markdown
## GATE 9: modelo
⏸️ APROVAR? (sim/não)
```

O bloco acima é só um modelo para copiar.

## Fase 2: Curadoria

Imprima este bloco para a curadora:

```markdown
## Etiquetas prontas
⏸️ APROVAR as etiquetas? (sim/não)
```
""",
        (("1", "Textos"), ("2", "Curadoria")),
        (("Fase 2: Curadoria", "human", "⏸️ APROVAR as etiquetas? (sim/não)"),),
    ),
    "farm": Own(
        """# Irrigação

## Fase 1: Sensores

Aguarde a leitura de todos os sensores.

## Fase 2: Válvulas

```bash
# Aguardando aprovação do usuário
read -p "Abrir as válvulas? (s/n) " resposta
```
""",
        (("1", "Sensores"), ("2", "Válvulas")),
        (("Fase 2: Válvulas", "human", 'read -p "Abrir as válvulas? (s/n) " resposta'),),
    ),
    "observatory": Own(
        """# Nightly survey

### Phase 0 Prepare

Wait until the dome is closed and the sensor reads zero.

### Phase 1 Observe

Do not ask anybody; the queue decides.

#### GATE 2.1: Seeing

Seeing must be below 1.5.

### Phase 2 Publish

Publishing the catalogue goes live for everyone. Get sign-off from the survey lead first.
""",
        (("0", "Prepare"), ("1", "Observe"), ("2", "Publish")),
        (
            ("GATE 2.1: Seeing", "validation", "Seeing must be below 1.5."),
            ("Phase 2 Publish", "deploy", "Get sign-off from the survey lead first."),
        ),
    ),
    "theatre": Own(
        """# Luzes da peça

## Passo 1

Programe as cenas.

## Parada da diretora

### O que mostrar

O vídeo do ensaio.

### Pergunta

Está bom assim? (sim/não)

## Passo 2

Grave no console.
""",
        (),
        (("Parada da diretora", "human", "Está bom assim? (sim/não)"),),
    ),
    "insurance": Own(
        """# Claims import

## Phase 1: Load

### GATE 1: Row count

| File | Rows |
|------|------|
| a.csv | 100 |

All rows must be there.

### GATE 2: Adjuster sign-off

- [ ] adjuster signed the sample
- [ ] supervisor approved the totals

## Phase 2: Purge

Approve deleting the old records? [y/N]
""",
        (("1", "Load"), ("2", "Purge")),
        (
            ("GATE 1: Row count", "validation", "All rows must be there."),
            ("GATE 2: Adjuster sign-off", "human", "GATE 2: Adjuster sign-off"),
            ("Phase 2: Purge", "deploy", "Approve deleting the old records? [y/N]"),
        ),
    ),
    "mixed tongues": Own(
        """# Release do app

## 🚀 FASE 1: BUILD

Rode o build. Wait for CI to pass.

## 🧪 FASE 2: STAGING

⏸️ **AGUARDAR APROVAÇÃO** do usuário antes do deploy em staging.

## FASE 3: MERGE

**STOP and ask the user**: merge into main?
""",
        (("1", "BUILD"), ("2", "STAGING"), ("3", "MERGE")),
        (
            ("🧪 FASE 2: STAGING", "deploy", "AGUARDAR APROVAÇÃO"),
            ("FASE 3: MERGE", "deploy", "merge into main?"),
        ),
    ),
    "only rules": Own(
        """# Como trabalhamos

## Princípios

- Nunca faça push sem aprovação.
- Wait for the user at every gate.

## Fase 1: Escrever

Escreva o texto. O dono já aprovou o sumário no passo 2; não pergunte de novo.

## Lições aprendidas

Esperamos 3 h pela resposta do cliente.
""",
        (("1", "Escrever"),),
    ),
    "before the first phase": Own(
        """# Migração do arquivo

Antes de começar, confirme com a dona qual arquivo é o certo.

## Fase 1: Copiar

Copie tudo.
""",
        (("1", "Copiar"),),
        (("Migração do arquivo", "human", "confirme com a dona qual arquivo é o certo"),),
    ),
    "group headings": Own(
        """# Conferências

## 3 GATES DO DIA

### GATE 1: Caixa

`./caixa --conferir` sai com 0.

### GATE 2: Cofre

- [ ] porta fechada
- [ ] chave no quadro

## GATES 1 e 2: resumo

Tudo verde.

## GATE 1 a 2: histórico

Nada.
""",
        (),
        (
            ("GATE 1: Caixa", "validation", "`./caixa --conferir` sai com 0."),
            ("GATE 2: Cofre", "validation", "porta fechada"),
        ),
    ),
    "no headings": Own(
        """Faça o resumo do dia.

Mostre ao usuário e espere a resposta.
""",
        (),
        (("no-headings", "human", "Mostre ao usuário e espere a resposta."),),
    ),
    "nothing said": Own(
        """# Vazio

## GATE 1: Terceira leitura

O texto da vez.
""",
        (),
        (("GATE 1: Terceira leitura", "human", "GATE 1: Terceira leitura"),),
    ),
    "rollback": Own(
        """# Watch

## Phase 1: Look

Look at the graph for an hour.

### 🔙 Take it back (WHEN the graph climbs)

Wait for the on-call engineer's decision before you run the rollback.
""",
        (("1", "Look"),),
        (
            (
                "🔙 Take it back (WHEN the graph climbs)",
                "deploy",
                "Wait for the on-call engineer's decision before you run the rollback.",
            ),
        ),
    ),
    "human after commands": Own(
        """# Preview

## Phase 1: Preview

### GATE 3: Preview

```bash
npm run preview
npm run shots
```

Exit code 0 is not enough: open the page with the user and await their verdict.
""",
        (("1", "Preview"),),
        (("GATE 3: Preview", "human", "await their verdict"),),
    ),
    "branch": Own(
        """# Poda

## Fase 1: Listar

Liste os ramos velhos.

## Fase 2: Apagar

Não apague ramo nenhum antes da resposta da mantenedora.

- sim: `git push origin --delete RAMO`
- não: fica
""",
        (("1", "Listar"), ("2", "Apagar")),
        (("Fase 2: Apagar", "deploy", "Não apague ramo nenhum antes da resposta da mantenedora."),),
    ),
}

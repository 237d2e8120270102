"""The rules by which words tell who decides: one table, Portuguese and English. Judges nothing by itself.

All of it is held against folded words, without case and accents. In a list of words an entry is a whole
word, `_` is a space and `*` any ending; `says` explains how a rule is written.
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from functools import cache

from orchestrator.core.values import Value


class Rank(IntEnum):
    """How plainly a cue stops the work for a person. The plainest in a section is its trigger."""

    HINT = 0  # brings something to somebody: counts in a gate where nothing else decides
    POLICY = 1  # says in general who decides: counts where the heading speaks of a gate
    STOP = 2  # says that here is a stop
    WAIT = 3  # waits for somebody's word
    QUESTION = 4  # asks somebody
    CHOICE = 5  # asks somebody and names the answers


class Cue(Value):
    """One rule: what it is called in the answer to "why", how much it weighs, and its pattern."""

    name: str
    rank: Rank
    pattern: str


def fold(text: str) -> str:
    """Return `text` without case and accents, character for character where it is composed (NFC)."""
    return "".join(_fold_one(one) for one in text)


@cache
def _fold_one(one: str) -> str:
    base = unicodedata.normalize("NFD", one)[0]
    return "" if unicodedata.combining(base) else base.lower()[0]


_GLUE = "\0"


def either(*alternatives: str) -> str:
    """Return one group of alternatives."""
    return f"(?:{'|'.join(alternatives)})"


def words(table: str) -> str:
    """Return one group of the whole words in a table."""
    entries = (entry.replace("_", " ").replace("*", r"\w*") for entry in table.split())
    return rf"\b{either(*entries)}\b"


def says(rule: str) -> str:
    """Return the pattern of a rule: `{waits}` a word of that list, `{a|b}` of either list, `<to or>` one of
    these words, `..6` at most six other words between; anything else is a regular expression without blanks.
    """
    kept = re.sub(r"<([^<>]*)>", lambda found: f"<{_GLUE.join(found[1].split())}>", rule)
    return "".join(_spelt(token.replace(_GLUE, " ")) for token in kept.split())


def _spelt(token: str) -> str:
    if token.startswith("<"):
        return words(token[1:-1])
    if re.fullmatch(r"\{[a-z_|]+\}", token):
        return either(*(LISTS[name] for name in token[1:-1].split("|")))
    if re.fullmatch(r"\.\.\d", token):
        return rf"(?:\W+\w+){{0,{token[2:]}}}?\W+"
    return token


def any_of(*rules: str) -> re.Pattern[str]:
    """Return the pattern that holds where one of the rules does."""
    return re.compile(either(*(says(rule) for rule in rules)))


# --- who, what, how: the word lists -------------------------------------------------------------------

NAME_MARK = "ŋ"  # stands, letter for letter, for a name that a document gives a person
ROLES = words("""
    ŋ* usuari[oa]s? users? owners? don[oa]s? pessoas? persons? people human[oa]?s? alguem someone somebody
    clientes? clients? customers? gerentes? gestor* managers? coordena* coordinators? diretor* directors?
    lider* tech_lead chef(?:es?|ia) chief boss responsave(?:l|is) revisor* reviewers? aprovador*
    maintainers? mantenedor* editor[ae]?s? professor* teachers? medic[oa]s? doctors? enfermeir*
    nurses? advogad[oa]s? lawyers? tesoureir* treasurers? contadora accountants? supervisor*
    stakeholders? secretari* president* captain capita officers? analistas? analysts? engineers? engenheir*
    operators? operador(?:es)? designers? author autor[a]? desenvolvedor* developers? sindic* tutor[a]?
    producers? produtor* auditor* pharmacists? farmaceutic* librarians? bibliotecari* solicitantes?
    requesters? sponsors? patrocinador* curador* curators? veterinari* chefs? plantonistas? plantao on-call
    comite committee board conselho diretoria gerencia soci[oa]s? partners? coach treinador[a]? comprador[a]?
    (?:[oa]|d[oa]|ao|the)_po testador(?:a|es)? testers? sponsor arquitet[oa]s? architects?
    """)
OWNERS = words("""
    ŋ* usuari[oa]s? users? owners? don[oa]s? pessoas? persons? people human[oa]?s? (?:[oa]|d[oa]|ao|the)_po maintainers? mantenedor*
    stakeholders? solicitantes? requesters? responsave(?:l|is)
    """)  # those the work is done for, and hardly ever a figure of what is built
THEY = words("eu ele ela eles elas voces? i he she they you")
PRONOUNS = words("her him she me mim o_time the_team [ao]_equipe")  # not those that things have too
PERSON = either(ROLES, PRONOUNS)
MACHINE = words("""
    servidor(?:es)? servers? apis? ci cd pipelines? builds? deploy* jobs? testes? tests? suites? comandos?
    commands? scripts? process* bancos?_de_dados databases? db containers? docker servicos? services?
    operadora gateways? webhooks? filas? queues? caches? robos? bots? sistemas? systems? github gitlab
    vercel dns propaga* minut* mins? segundos? seconds? horas? hours? e-?mails? https? requests? requisic*
    promises? callbacks? locks? travas? downloads? uploads? (?:sub)?agent(?:e?s?) ferramentas? tools?
    provedor* providers? modelos? models? migrations? logs? sensor* workers? clusters? pods? simulador*
    simulators? linters? compilador* compilers? checks? runners? timers? relogio clock endpoints?
    navegador* browsers? impressora printer sincroniza* index* embeddings? replicas? importac* exportac*
    """)
TOOLS = words("""
    supabase postgres* mysql sqlite redis mongo* stripe paypal pix playwright cypress jest vitest pytest eslint
    nginx kubernetes terraform aws azure gcp s3 cloudflare netlify sentry resend twilio firebase next react vite
    node npm pnpm python chrome* firefox safari lighthouse sonar* snyk codecov renovate dependabot figma slack
    telegram whatsapp discord jira openai claude gemini codex cascade windsurf cursor copilot mcp android ios
    meta apple google microsoft facebook instagram linkedin amazon
    """)  # makers and their programs: they answer and approve, and are nobody here
APPROVAL = words("""
    aprovac(?:ao|oes) approvals? confirmac(?:ao|oes) confirmations? aceite acceptance aval
    autorizac(?:ao|oes) authori[sz]ations? permissao permissions? consent* decisao decisions? ok okay
    go[-_]ahead green[-_]light sinal_verde luz_verde sign-?off sign_off de_acordo assinatura signature
    veredit* verdict anuencia concordancia validacao_d[oa] blessing nod thumbs[-_]up (?:my|your|the)_go
    """)
ANSWER = either(
    words("""
    respostas? responses? repl(?:y|ies) answers? escolha choice feedback retorno liberac(?:ao|oes)
    instruc(?:ao|oes) instructions? sim yes palavra word input parecer visto revisao_humana human_review
    manifestac* posicao pick
    """),
    r"\b(?:validac\w+|validation|revisao|review)(?=\W*$|\W+(?:d[oae]s?|by|from|manual|human\w*|final)\b)",
)
DECIDES = words("""
    respond(?:e|em|er|eu|a|am|s|ed)? decid* aprov(?:e|em|ar|arem|a|am|ou) approve[sd]? escolh* chooses? picks?
    confirm(?:e|em|ar|a|s|ed|ou)?
    assin(?:e|ar|a) signs?(?:_off)? autoriz(?:e|ar|a|em) authori[sz]es? liber(?:e|ar|em)
    valid(?:e|ar|em|ates?) repl(?:y|ies|ied) answer(?:s|ed)? says? said disser diga dizer agrees? concord*
    aceit(?:e|ar|em) accepts? opte tenha_dito se_manifest* de_o der_o gives? tells?
    """)
WAITS = either(
    words("""
    aguard(?:e|em|a|ar|ando|amos|a-se|e-se) esper(?:e|em|a|ar|ando|amos|a-se|e-se)
    wait(?:s|ing)? await(?:s|ing)?
    """),
    r"\b(?:hold|holds|holding)\b.{0,20}? (?:for|until)\b",
    r"\b(?:pauses?|stops?|halt|block|blocked|paused|stopped|parked)\b.{0,25}? (?:for|until|pending)\b",
    r"\b(?:par[ae]|parar|parad[oa]|pausa|paus[ae]r?|pausad[oa]|bloquead[oa]|suspens[oa]|suspend[ae]r?|interromp[ae]r?|fique)\b"
    r".{0,25}? (?:ate|aguardando)\b",
)
ASKS = words("""
    pec[ao]m? pedir solicit(?:e|ar|em) request obtenha obter obtain get seek colh(?:a|er) busque buscar ask
    secure colete consiga
    """)
GOES_ON = words("""
    pross* avanc* continu* sig[ao]* segu* comec* inici* execut* rod[ea]* faca fazer mexa crie criar abr[ae]*
    envi* publi* sub[ai]* implement* toque aplique pass[ea]* libere dispar* proceed continue go_on go_any*
    move start begin advance run push deploy create touch write open publish implement do_anything apply
    send ship release anything code carry_on act execute merge goes_out leaves? sai saem retom* resume
    """)
NEVER = words("""
    nao nunca jamais nada nenhum* ninguem do_not don't never nothing not nobody no_one cannot can't
    no_\\w+_(?:is|are|may|can|starts?|runs?|goes|moves?|should|will|gets?|happens?|leaves?)
    """)
UNTIL = words("""sem antes_d* ate enquanto without before until till unless a_menos_que""")

LISTS = {
    "person": PERSON,
    "role": ROLES,
    "owner": OWNERS,
    "they": THEY,
    "machine": MACHINE,
    "approval": APPROVAL,
    "answer": ANSWER,
    "decides": DECIDES,
    "waits": WAITS,
    "asks": ASKS,
    "goes_on": GOES_ON,
    "never": NEVER,
    "until": UNTIL,
}

# --- what stops: an answer to "why", a weight, a rule -------------------------------------------------

CHOICES = any_of(
    r"[(\[]\s*[\w'\s-]{1,24}?(?:\s*[/|]\s*[\w'\s-]{1,24}?){1,5}\s*[)\]]",
    "<sim_ou_nao yes_or_no yes/no sim/nao y/n s/n go/no-go go_or_no-go>",
    r"""[(\[] (?=[^()\[\]]* <ou or> ) (?=[^()\[\]]*(?:["“'«]|
    <todos todas nenhum nenhuma tudo all none both ambos ambas numeros? numbers? ids? letras? letters?> ))
    [^()\[\]]{3,60}[)\]]""",
)
_I_DO = words("""
    sigo faco mantenho troco removo aplico ajusto descarto publico envio mando apago guardo deixo refaco uso crio ligo
    desligo tiro ponho coloco junto subo desfaco reverto abro fecho paro continuo prossigo espero adio corto incluo
    excluo altero mudo libero cancelo arquivo aceito recuso corrijo ignoro reescrevo gero pulo volto doo fica sai sobe publica
    """)
_DO = words("""
    keep drop merge apply adjust discard rename delete remove ship hold wait publish send skip retry revert accept
    reject fix postpone defer soften strike rewrite replace restore stay
    """)
_FIRST = r"^[\W\d_]*(?:(?:pergunte|perguntar|pergunta|ask|question)\W+)?"
QUESTIONS = (
    Cue(
        "asks whether it may go on",
        Rank.QUESTION,
        says(f"""{_FIRST}
        <(?:devo|devemos)(?!_(?:reus|reutil|resolv|simplif|melhor|extra|dividir|combin|usar|evit|refator|test|mock|otimiz))
        (?:should|shall)_(?:i|we)(?!_(?:reuse|solve|simplify|avoid|extract|split|improve|refactor|test|use|mock))
        may_i may_we vamos seguimos prosseguimos sigo prossigo
        (?:posso|podemos)(?!_(?:reus|reutil|resolv|simplif|melhor|extra|dividir|combin|usar|evit|remov))
        can_(?:i|we)(?!_(?:reuse|solve|simplify|avoid|extract|split|improve|find|test|use|remove))
        continuo ok_to okay_to quer_que_eu want_me_to would_you_like deseja* gostaria do_you_want are_you_ok*
        go_ahead proceed prosseguir continuar seguir libero publico envio merge fire send_it
        pode(?:-se|mos)?_(?:seguir|prosseguir|continuar|publicar|subir|enviar|ir|mandar|entrar|liberar|fazer)
        ready_to_(?:go|merge|ship|deploy|push|publish|send|proceed) pront[oa]_para_(?:publicar|subir|enviar)
        (?:is_it|it'?s|are_we|is_this)_(?:ok|okay|fine|good|all_right|safe)_to>"""),
    ),
    Cue(
        "asks what it may do",
        Rank.QUESTION,
        says(f"""{_FIRST}
        <qual quais quant[oa]s which what how_many> ..5 <posso podemos devo devemos (?:may|can|should|shall)_(?:i|we)>
        ..1 <remov* apag* exclu* arquiv* encerr* envi* public* aplic* mant* cancel* junt* descart* fech* delet*
        remove delete close send publish apply keep drop merge archive cancel discard>"""),
    ),
    Cue(
        "asks which of two things to do",
        Rank.QUESTION,
        any_of(
            rf"""^(?:[^?]*[:,]\s)?\W* (?: <eu o_que> \s)? {_I_DO} [^?.]{{0,60}}? <ou> [^?.]{{0,40}} \?""",
            rf"""^(?:[^?]*:\s)?\W* (?: <do_i do_we should_i> \s)? {_DO} [^?.]{{0,60}}? <or> [^?.]{{0,40}} \?""",
            rf"^\W* <qual quais o_que> ..5 (?: <eu> \s)? {_I_DO} [^?]* \?",
            r"^\W* <which qual quais> ..3 <goes stays ships leaves fica sai vai sobe entra> [^?]* <or ou> [^?]* \?",
            r"^\W* <do_i do_we> [^?.]{0,60}? <or> [^?.]{0,40} \?",
        ).pattern,
    ),
    Cue(
        "asks what somebody thinks of it",
        Rank.QUESTION,
        says(f"""{_FIRST}
        <fic(?:ou|aram)_(?:bom|boa|bons|boas|ok) esta_de_acordo pode_ser
        (?:esta|ta)_(?:bom|boa|ok)_(?:assim|para_voce|pra_voce) o_que_(?:voces?_)?ach(?:a|am|ou)
        (?:qual|quais|como|o_que|quando)_(?:voces?_)?(?:prefere|quer|gostaria|escolhe)m? faz_sentido_para_voce
        alguma_(?:objecao|ressalva|alteracao|mudanca|correcao) algo_a_(?:mudar|ajustar|corrigir)
        (?:do|does|is|are)_(?:this|it|that|these|they)_(?:looks?|seems?|sounds?|works?|reads?|feels?|what_you|how_you)
        are_you_(?:happy|ok|okay|fine|satisfied|comfortable) would_you_(?:prefer|rather|change) what_do_you_think
        how_do_you_(?:want|like) any_(?:objections?|concerns)>"""),
    ),
    Cue(
        "asks for approval",
        Rank.QUESTION,
        says(f"""{_FIRST}
        <aprov(?:a|am|ar|ad[oa]s?) approved? confirm(?:a|am|ar|ad[oa]|ed)? autoriza* authori[sz]ed? libera
        liberar liberad[oa] concorda* de_acordo agreed? tudo_certo tudo_ok aceita accept(?:ed)? valida
        todos_de_acordo all_agreed everyone_(?:ok|agreed) go_or_no-go go/no-go
        do_you_(?:approve|agree|accept|confirm) which_\\w+_(?:do_you|should_i|should_we|shall)
        voces?_(?:aprova|concorda|confirma|autoriza|aceita|prefere|quer|deseja)*
        qual_(?:delas|deles|opcao|d[ao]s|voce|abordagem|caminho)
        [oa]s?_\\w+_(?:autoriza|aprova|confirma|concorda) (?:does|do)_(?:the_)?\\w+_(?:approve|agree|accept)>"""),
    ),
)

TYPED_WORD = "waits for a typed word"
NEXT_MOVE = "the next move needs somebody's word"
ONLY_AFTER = "goes on only after somebody's word"
ONLY_THOSE = "does only what somebody picks"
NOTHING_WITHOUT = "nothing happens without somebody's word"
BINDING = (TYPED_WORD, NEXT_MOVE, ONLY_AFTER, ONLY_THOSE, NOTHING_WITHOUT)  # their negation is the stop itself
CUES = (
    Cue(NEXT_MOVE, Rank.WAIT, says("{never} ..2 {goes_on} ..7 {until} ..6 {approval|answer|decides|person}")),
    Cue(
        NEXT_MOVE,
        Rank.WAIT,
        says("{never} ..5 <antes_d* ate before until> ..3 (?: {approval} | <resposta visto answer reply> )"),
    ),
    Cue(NEXT_MOVE, Rank.WAIT, says("<do_nothing nothing_else nao_faca_nada nada_mais> ..0 {until}")),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        says("""
        <so somente apenas only> ..7 <depois apos com quando se after once when with if> ..6
        (?: {approval|decides|person} | <resposta answer reply visto parecer sim yes> )"""),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        says(r"""
        (?:^|,\s)\W* {goes_on} ..3 <once quando after depois apos when assim_que as_soon_as> ..5
        (?: {decides|approval} | <resposta answer reply> )"""),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        says(r"""
        ^\W* <com with> ..3 (?: {approval} | <parecer palavra word> ) ..1 <d[oae]s? of from> ..2 {role}
        ..4 {goes_on}"""),
    ),
    Cue(
        "shows something and asks about it",
        Rank.WAIT,
        says(
            "<show mostr(?:e|ar) present apresent(?:e|ar) lev(?:e|ar) envi(?:e|ar)> ..9 <e and> ..0 <pergunt(?:e|ar) ask>"
        ),
    ),
    Cue(
        ONLY_THOSE,
        Rank.WAIT,
        says(r"""
        (?!\W* <mostr* exib* list* filtr* show display render*> ) ^.* <so somente apenas only just> ..7
        {person|they} ..1
        <responder aprovar escolher confirmar marcar indicar listar disser apontar autorizar liberar pedir mandar
        names? picks? ticks? chooses? approves? confirms? says answers? lists? marks?>"""),
    ),
    Cue(
        "what follows needs somebody's word",
        Rank.WAIT,
        says(r"""
        ^\W* <depois_que assim_que quando once when after as_soon_as se if> ..1 ŋ+ ..2 {decides} |
        ^\W* <depois_que assim_que quando once when after as_soon_as se if> ..2 {owner} ..2 {decides} .{0,20}?
        <sig[ao] seguir prossiga prosseguir avance avancar proxima_(?:fase|etapa) registre proceed continue
        go_on next_phase move_on>"""),
    ),
    Cue(
        "what follows depends on somebody's word",
        Rank.WAIT,
        says(r"""
        ^\W* <se if> ..2 {role} ..0 <diz disser responder says? said answers? replies> ..1 <nao sim no yes ok> .{0,20}?
        <fases? phases? passos? steps? workflow siga pare prossiga publique go_on go_back continue stop>"""),
    ),
    Cue(
        "what follows depends on somebody's word",
        Rank.WAIT,
        says("""
        <se if> ..1 <aprovad[oa]s? approved confirmad[oa]s? confirmed aceit[oa]s? accepted> ..1 <pel[oa]s? by> ..1
        {owner}"""),
    ),
    Cue(
        "somebody has to answer in words",
        Rank.WAIT,
        says("""
        ŋ+ ..2 <must has_to have_to needs?_to deve precisa tem_de tem_que> ..1
        <responder dizer escrever digitar aprovar confirmar escolher decidir autorizar assinar
        reply say type answer write approve confirm choose decide sign>"""),
    ),
    Cue(
        "somebody has to answer in words",
        Rank.WAIT,
        says("""
        {role} ..2 <must has_to have_to needs?_to deve precisa tem_de tem_que> ..1
        <responder dizer escrever digitar reply say type answer write> .{0,40}?
        <por_escrito (?:com|n)_?ess[ae]s_(?:mesmas_)?palavras explicit* in_writing in_(?:those|these|so_many)_words>"""),
    ),
    Cue(
        "keeps what somebody will say",
        Rank.WAIT,
        says(r"""
        <registr(?:e|ar) anot(?:e|ar) guard(?:e|ar) copi(?:e|ar) transcrev(?:a|er) record write_down note log> ..3
        <que what> ..1 {person|they} ..1
        <disser falar responder escolher decidir apontar devolver achar says answers? replies decides? picks?>"""),
    ),
    Cue(
        "asks by a tool made for it",
        Rank.WAIT,
        says(r"<askuserquestion (?:ask[^\W\s]user|notify[^\W\s]user|ask[^\W\s]followup|request[^\W\s]user)*>"),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        says(r"""
        <escolh(?:a|er) choose pick select responda reply answer digite type> ..4
        \b[a-d1-4]\b,?\s(?:(?:ou|or)\s)?\b[a-d1-4]\b(?:,?\s(?:(?:ou|or)\s)?\b[a-d1-4]\b)*"""),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        says("""
        <responda respondam reply answer> ..0 <com with> ..2 <numeros? letras? opcao numbers? letters? option>"""),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        says("""
        <tell_me diga-me me_diga me_diz let_me_know> ..3 <qual quais which what o_que se whether if> ..3
        <you voce prefere quer want prefer>"""),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        says(r"^\W* <sua_(?:escolha|resposta|decisao) your_(?:choice|answer|reply|decision)> \W*[:>]\W*$"),
    ),
    Cue(
        "somebody has to answer in words",
        Rank.WAIT,
        says(r"""
        <confirma aprova confirms approves> ..1 <por_escrito in_writing explicit*> |
        <resposta_esperada expected_(?:answer|reply)> ..2 {owner}"""),
    ),
    Cue(
        "has a person try it",
        Rank.WAIT,
        says(r"""
        {owner} ..2 <must has_to have_to needs?_to precisa deve tem_de tem_que> ..1
        <testar revisar olhar test review look>"""),
    ),
    Cue(
        "has a person try it",
        Rank.WAIT,
        says(r"""
        <hand pass> (?:\s(?:it|this|control|the\s\w+))? \s <over_to> ..1 {owner} |
        <pass(?:e|ar) devolv(?:a|er)> ..1 <controle bola turno palavra> ..1 {owner}"""),
    ),
    Cue(
        "has a person try it",
        Rank.STOP,
        says(r"""
        ^\W* (?: <acao passo tarefa etapa> (?:\smanual)? \s <d[oa]> \s {owner} (?:\smanual)? |
        <manual_step manual_action> \W+(?:for\s(?:the\s)?)? {owner} | {owner} \s <action step> )
        (?: ..0 <necessari* required needed obrigatori*> |
        \W*:\W* <test* valid* revis* respond* aprov* escolh* rod[ea]* confer* review approve answer reply run choose> )"""),
    ),
    Cue(
        "has a person try it",
        Rank.WAIT,
        says(r"""
        <convid(?:e|ar) cham(?:e|ar) invite> ..0 <[oa] the your um uma> ..0 {role} ..0 <a para to> ..0 \w+ | <have> ..1 {role} ..0
        <click try test look review use check read walk go confirm play open sign validate run>"""),
    ),
    Cue("asks for approval", Rank.WAIT, says("<submet(?:a|er) submit> .{0,30}? <a to for para> ..1 {approval}")),
    Cue(
        "somebody has to agree first",
        Rank.WAIT,
        says("""
        {person} ..3 <must has_to have_to needs?_to should deve precisa tem_de tem_que> ..2
        <approve agree confirm choose decide sign say aprovar confirmar escolher decidir autorizar concordar
        assinar> ..5 <antes before para_seguir para_continuar para_prosseguir to_continue to_proceed>"""),
    ),
    Cue(
        "somebody has to look first",
        Rank.WAIT,
        says("""
        <pessoa alguem person human humano someone somebody> ..1
        <must has_to have_to needs?_to deve precisa tem_de tem_que> ..6 <antes before>"""),
    ),
    Cue(
        "asks whether it may go on",
        Rank.WAIT,
        says("""
        <pergunt* ask> ..2 <se if whether> ..3 <pode* may can ok okay should> ..3 {goes_on}"""),
    ),
    Cue(
        "shows something and stops",
        Rank.WAIT,
        says(r"""
        <show mostr* present apresent* envi* send hand entreg* leve levar confirm* ask pergunt*> .{0,70}?
        <and_stop e_pare e_encerre and_end e_espere and_wait e_aguarde e_pause and_pause> \W*$"""),
    ),
    Cue("waits for a decision", Rank.WAIT, says("{waits} ..6 {approval}")),
    Cue("waits for an answer", Rank.WAIT, says("{waits} ..6 {answer}")),
    Cue("waits for a person", Rank.WAIT, says("{waits} ..6 {decides|person}")),
    Cue(
        "asks for approval",
        Rank.WAIT,
        says(r"""
        ^\W*(?:\w+\W+){0,8}? {asks} ..6 (?: {approval} | <(?:um|a|an|o|the)_(?:sim|yes|go)> )"""),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        says(r"""
        <pergunt(?:e|ar|em) question(?:e|ar) ask consulte consultar
        (?:check|review|agree|align)_with confirm(?:e|ar)?_(?:com|with) valid(?:e|ar|ate)_(?:com|with)
        (?:aprov|alinh|combin|revis)(?:e|ar)_com peca pedir solicit(?:e|ar)>
        (?:\W+(?:ao?s?|o|as?|the|com|with|para|que)){0,3}? ..1 (?: {person} | <el[ae]s? them> )
        (?!\W+(?:agent|bot|agente|robo|model|script))"""),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        says(r"""
        ^\W* <confirm(?:e|ar)? valid(?:e|ar|ate) combin(?:e|ar) alinh(?:e|ar) aprov(?:e|ar) revis(?:e|ar) agree check review>
        ..4 <com_[oa]s? with_(?:the|your)> ..0 (?: {owner} | <clientes? clients? customer> )
        (?!\W+(?:http|api|rest|web|mobile|agent|bot))"""),
    ),
    Cue(
        TYPED_WORD,
        Rank.WAIT,
        says(r"""
        <digit(?:e|ar) type respond[ae] reply escreva answer> (?:\swith|\scom)?[\W_]+
        <sim yes ok aprov* approved? confirm* go pode s y> ..2 <para to ou or>"""),
    ),
    Cue(
        "somebody makes the call",
        Rank.WAIT,
        says(r"""
        <let deixe deixar> ..3 (?: {person} | <them> ) ..1 <decid* choose pick make_the_call escolh*>"""),
    ),
    Cue(
        "somebody makes the call",
        Rank.WAIT,
        says("""
        (?: {person} | <el[ae]s? they> ) ..1 <decid*> ..0 <se if whether qual which quando when>"""),
    ),
    Cue(
        "somebody makes the call",
        Rank.WAIT,
        says(r"""
        <decisao escolha palavra decision choice call word> (?:\sfinal)? ..0 <e is cabe belongs fica rests> ..0
        (?: <sua yours> | <d[oae]s? aos? com_[oa] to with the of up_to> ..1 {role} )"""),
    ),
    Cue(
        NOTHING_WITHOUT,
        Rank.STOP,
        says("""
        <sem without until ate enquanto while> ..6 {approval|answer|decides|person} ..6 {never}"""),
    ),
    Cue(
        NOTHING_WITHOUT,
        Rank.STOP,
        says(r"""
        <nada nenhum* nothing no_\w+> ..6 <sem without until ate antes_d* before> ..6 {approval|person}"""),
    ),
    Cue(
        NOTHING_WITHOUT,
        Rank.STOP,
        says("<sem without> ..1 <resposta retorno ok answer reply word> ..2 <parad[oa] fica stays waits nada nothing>"),
    ),
    Cue("needs the reader's word", Rank.STOP, says("<seus? suas? voss[oa] your> ..1 {approval}")),
    Cue(
        "is a stop",
        Rank.STOP,
        says("""
        <ponto_de_parada (?:parada|pausa)_(?:obrigatoria|humana) mandatory_(?:stop|pause) hard_stop
        human_(?:checkpoint|gate) (?:encerr|termin)(?:e|ar)_o_turno end_(?:the|your)_turn
        (?:stop|pause)_and_(?:ask|wait|show) pare_e_(?:pergunte|aguarde|espere|mostre)
        hand_(?:it_|control_)?back_to>"""),
    ),
    Cue(
        "is a stop",
        Rank.STOP,
        says(r"""
        ^\W* <pare parar pause pausa pausar stop halt espere aguarde wait hold>
        (?:\s(?:aqui|agora|here|now|o\sfluxo|a\sexecucao))?\W*$"""),
    ),
    Cue(
        "is a stop",
        Rank.STOP,
        says(r"""
        ^\W* <pausa parada stop pause> ..0 <para pra for> ..2 (?: {approval} | <human[oa]?> ) |
        ^\W* <ponto_de_decisao decision_point> ..2 {owner}"""),
    ),
    Cue("is a stop", Rank.STOP, says("^[⏸🛑✋🙋]\ufe0f? ..5 {approval|role}")),
    Cue(
        "needs approval here",
        Rank.STOP,
        says(r"""
        ^\W*(?:(?:this|est[ae]|o|a|the)\s)?
        (?:(?:step|phase|fase|passo|gate|etapa|avan\w+|segu\w+|pross\w+|continu\w+|proceed\w*|envio
        |publicacao|merge|push|deploy|release)\W+)?
        <requer exige precisa_d* necessita_d* requires? needs? depende_d* mandatory obrigatori*>
        ..3 {approval|role}"""),
    ),
    Cue(
        "needs approval here",
        Rank.STOP,
        says(r"""
        ^\W*(?:\w+\W+){0,4}? (?: {approval} | <validation review validacao revisao> ) ..3
        <required needed mandatory obrigatori* necessari* requerid*>
        (?=\W*$|\W+(?:before|antes|to|para|here|aqui|sim|yes)\b)"""),
    ),
    Cue("a person decides here", Rank.STOP, says(r"^\W*(?:[oa]\s|the\s)? {role} ..0 <decidem? decides?>")),
    Cue(
        "needs approval",
        Rank.POLICY,
        says("""
        <precis* depend* requer* exig* necessit* require[sd]? needs? subject_to sujeit* mediante obrigatori*
        mandatory> ..6 {approval|person}"""),
    ),
    Cue("needs approval", Rank.POLICY, says("{approval} ..4 <obrigatori* required needed mandatory necessari*>")),
    Cue(
        "a person decides",
        Rank.POLICY,
        says("""
        <quem_(?:decide|aprova|diz|escolhe|autoriza|manda|libera) cabe_a is_up_to fica_a_criterio
        a_decisao_e_d* the_call_is palavra_final last_word final_(?:word|say)>"""),
    ),
    Cue(
        "a person decides",
        Rank.POLICY,
        says("""
        {person} ..3 <decid* aprov(?:a|e|ar|am) approves? escolhe* chooses? picks? autoriza* signs? assina*
        agrees? libera (?:has_to|must|needs_to)_(?:agree|approve|decide|confirm|choose|sign|say)
        (?:tem_de|tem_que|precisa|deve)_(?:aprovar|decidir|confirmar|escolher|autorizar|assinar)>"""),
    ),
    Cue(
        "only with somebody's word",
        Rank.POLICY,
        says("""
        <so somente apenas only nunca never nao not proibido jamais> ..6 <com with sem without> ..6
        {approval|answer|person}"""),
    ),
    Cue(
        "brings it to a person",
        Rank.HINT,
        says("""
        <show mostr* present apresent* envi* send hand entreg* leve levar bring submet* submit compartilh*
        share> ..6 <aos? as? a para to with com> ..2 {role}"""),
    ),
)
NAMES_ANSWERS = Cue("asks a person and names the answers", Rank.CHOICE, "")
MARKED = Cue("asks under a pause mark", Rank.QUESTION, "")
TYPED = Cue("a command reads an answer that somebody types", Rank.QUESTION, "")
IN_GENERAL = Cue("says in general where somebody is waited for", Rank.POLICY, "")
WAITING_CHOICE = any_of(r"{waits} .*[(\[](?:sim/nao|yes/no|s/n|y/n)[)\]]")
PAUSE_MARK = re.compile("[⏸🛑✋🚦🙋]")
READS_ANSWER = re.compile(r"(?:^|[;&|]\s*|\bdo\s+)read\b(?=.*-\w*p).*[\"'].*[?\[(:]")
SPEAKS_UP = re.compile(r"^(?:echo|printf)\b(?: -\w+)*")

# --- what takes the force out of a cue ----------------------------------------------------------------

NOBODY = any_of(
    """<sem without no_need_to no_need_for> (?:\\s\\w+){0,2}? ..0
    <esper* aguard* pergunt* paus* parad* parar conversa plateia aprovac* confirmac* ninguem pedir chamar
    intervenc* human* wait* ask* approv* confirm* stop* prompt* anyone anybody interrup*>""",
    "<ninguem nobody no_one no_human no_person> (?!\\s(?:alem|but|except|other))",
    """\\bno\\s(?:(?:further|extra|human|user|manual|one's)\\s)*
    <(?:approval|confirmation|question|answer|decision|sign-?off|stop|permission|pause)s?>""",
    "<nothing> ..0 <is gets will_be to_be> ..0 <asked approved decided confirm*>",
    """<nao nunca jamais> \\s(?:(?:se|e|ha|sao|serao|sera|foi|vai|deve|precisam?|mais|volte\\sa|torne\\sa)\\s)*
    <pergunt* esper* aguard* pec* ped[ie]* precis* necessari* exig* requer* depend* par[ae]r? interromp* paus*
    parada cham[ae]* consult* aprovac* bloque* solicit*>""",
    """<do_not don'?t never needn'?t does_not doesn'?t not no_need_to need_not isn'?t is_not are_not aren'?t>
    \\s(?:(?:be|to|have\\sto|need\\sto|need|require|stop\\sto|stop\\sand)\\s)*
    <ask* wait* stop* pause* prompt* request* need* requir* necessary block* interrupt* hold approval
    confirmation await*>""",
    """<ja already> ..3 <aprovad* confirmad* decidid* respondid* autorizad* dad[oa]* liberad* combinad* aceit*
    assinad* approved given confirmed decided agreed answered granted signed accepted>""",
    """<foi foram fora was were been tinha_sido> ..1 <aprovad* confirmad* decidid* respondid* autorizad*
    dad[oa]* liberad* aceit* approved given confirmed decided agreed answered granted signed accepted>""",
    "(?<!nao\\s) <dispensa(?:m|d[oa]s?)?> (?!\\sgente)",
    "<(?:aprovacao|confirmacao|approval|confirmation)_automatic* auto(?:matic)?[-_]?(?:approv|aprov)*>",
    "<ficou ficaram estava estavam abandonad* deixou_de no_longer used_to formerly antigamente em_desuso ja_nao>",
    "<nao> .{0,12} <mais>",
    r"^\W* <quant[oa]s? how_many how_long how_often por_que why> .*\?",
    """<urge tempted vontade tentacao tentad[oa] impulso em_vez_de instead_of rather_than em_lugar_de ao_inves_de> ..3
    <pergunt* ask* pedir esper* aguard* wait* par[ae]r? stop* confirm* consult*>""",
    "<(?:esperamos|aguardamos|waited)_\\d*>",
    "\\bawait\\s\\w+[.(]",
)
ELSEWHERE = any_of(
    """<no na nos nas in at during durante_[oa]> (?:\\s\\w+)?\\s
    <passos? steps? workflows? documentos? documents? roteiros? fases? phases? gates?> \\s[\\d.]+\\w*""",
    """<passo step workflow document documento> \\s[\\d.]+\\w*\\s <will vai ira asks pergunta mostra shows>""",
    r"<no in> \s(?!\d+(?:h|s|d|min|am|pm|x)\b)\d+(?:\.\d+)*(?:[a-z]\d*)*(?![\wº°%]|\s(?:dias?|min|hor|days?|sec|week)|\.\d)",
    "<(?:na|da|no|do|in_the|of_the)_(?:fase|etapa|passo|workflow|step|phase)_(?:anterior|previous|seguinte|last|next)>",
    """^\\W*(?:\\w+\\s)? <proxim[oa] next following outr[oa]> ..0
    <workflow documento passo fase etapa step document phase> \\s""",
    "<nao_aqui not_here (?:feit[ao]|perguntad[ao])_la asked_there>",
)
# What is built may wait for people too: a wait that is told of a thing is none of the agent's.
DESCRIBED = any_of(
    "<aguarda aguardam espera esperam waits>",
    "<is are stays? remains?> ..1 <waiting awaiting pending>",
    "<ficam? estao?> ..2 <aguardando esperando em>",
    "<enquanto> ..0 <aguarda espera>",
)
THE_WORK = any_of("""
    <fluxo workflow execucao agente? passo step fase phase run trabalho work tudo everything linha line aqui
    here nada nothing it we turno turn deploy push merge ramo branch release pr>
    """)
_ON_SCREEN = words("""
    tela modal dialogo? popup toast pagina page screen botao button banner spinner loading snackbar drawer overlay
    """)
MACHINE_WAIT = any_of(
    "{waits} ..7 {machine}",
    f"{{waits}} (?:\\s(?:for|until|pel[oa]|ate|que|[oa]|the|d[oa]))* \\s {TOOLS}",
    f"{{waits}} ..5 <n[ao] on in> (?:\\sthe)?\\s {_ON_SCREEN}",
    f"{{waits}} (?:\\s(?:for|until|pel[oa]|ate|que|[oa]|the|um|uma))* \\s {_ON_SCREEN}",
    """<(?:confirmation|approval)_(?:dialog|modal|screen|page|e-?mail|message|toast)
    (?:dialogo|modal|tela|mensagem|e-?mail|botao|pagina)_de_(?:confirmac|aprovac)*>""",
)
# What a person has to do in the thing that is built, and what somebody is only to know of.
IN_THE_PRODUCT = any_of(
    """<must has_to have_to needs?_to deve precisa tem_de tem_que> ..0
    <confirm* aceit* accept* escolh* choose digit* type assin* sign> ..1
    <e-?mail senha password termos terms nome name username conta account telefone phone endereco address cadastro
    pin codigo code captcha idade age avatar cpf cnpj cep>""",
    r"^\W* (?: <os? as? the um an?> \s)? {role} \b(?:(?!\b(?:se|que|if|whether)\b).){0,30}? <podem? can cannot can't>",
    "<so only> ..1 <aparec* habilit* fica appears? shows? enabled visible visiv*>",
    "<sem_que without> ..5 <saib* perceb* knowing noticing>",
)
MACHINE_SAYS = any_of(
    f"<que when after once until if apos quando se> (?:\\s(?:[oa]s?|the|all))* ..1 (?: {MACHINE} | {TOOLS} | <bancos? banks?> )"
)
A_PERSON = any_of("{person}", "<eu voces? i you>")
A_ROLE = any_of("{role}")
AN_OWNER = any_of("{owner}")
A_WAIT = any_of("{waits}")
# The agent stops to mend what went wrong, or calls for help then: that is no gate.
TROUBLE = any_of(
    """^\\W*(?:\\w+\\W+){0,2}?
    <se if caso when whenever quando em_caso_de on upon apos after havendo in_case_of should com with> .{0,60}?
    <falh* fail* erro errors? quebr* break* broken reprov* vermelh* red conflit* conflict* duvid* unclear ambig*
    doubt* nao_pass* timeout* travar* stuck tentativas attempts tres_vezes three_times saida_(?:1|diferente)
    exit_(?:code_)?(?:[1-9]|non)* codigo_(?:[1-9]|diferente) negativ* problem* inesperad* unexpected* impossiv*
    wrong incomplet* missing falt* hit violac* violation* mismatch* regress* divergen* leak* blocked
    bloquead* ajuda help unsure insecure invalid* corromp* corrupt*>""",
    """<stop pare parar parada pausa pause> .{0,20}? <on_an? on_any em_caso_de em_qualquer>""",
    """<so somente apenas only> ..1
    <pergunt* ask interromp* interrupt* stop pare parar pause cham* call* consult* aguard* wait peca> ..4
    <se if when quando em_caso caso>""",
    """^\\W* <falhou failed failure vermelho red reprovad[oa]s? on_failure em_caso_de conflito erro error
    (?:em_|in_)?duvidas? exit_[1-9] saida_1 blocked>""",
)
GENERAL = any_of(
    "<cada every each whenever sempre_que toda_vez nunca jamais never>",
    """<os nos the at todos_os todas_as all duas tres two three [2-9]> ..0
    <gates paradas stops checkpoints pausas>""",
)
STATE = re.compile(r"\b(?:status|estado|state)\b\W*[:=]")
FILLED_BY_AGENT = any_of(
    "<agente? robo script> ..3 <preench* respond* marca fills? answers? ticks? soma confer*>",
    "<preenchid* respondid* filled answered ticked> ..2 <agente? itself sozinh*>",
)

# --- headings -----------------------------------------------------------------------------------------

OVERVIEW = any_of(r"""
    ^\W*(?:\d[\d.]*\W+)?(?:\w+\W+)??
    <regras? rules? principios? principles? visao_geral overview objetivos? goals? notas? notes? referencias?
    references? erros_comuns common_mistakes glossario glossary troubleshooting quando_usar when_to_use
    como_(?:usar|ler|funciona) how_(?:to_use|to_read|it_works|this_works) indice index contents sumario
    lembretes? reminders? convenc* conventions? papeis roles background contexto legendas? legend key>
    """)
SAMPLES = any_of("""
    <exemplos? examples? samples? templates? modelos? moldes? anti-?padroes anti-?patterns? faq historico
    history changelog hindsight retrospect* lessons_learned licoes_aprendidas dialogos? dialogues?
    como_(?:isso_vira|falar|perguntar|conversar|pedir|escrever) how_to_(?:talk|ask|speak|phrase|write) tom_de_voz
    tone_of_voice conversas?_(?:com_)?(?:\\w+_)?(?:\\w+_)?durante roteiros?_de_testes? cenarios?
    casos_de_(?:testes?|uso) test_(?:scripts?|cases?|scenarios?) scenarios? microcopy user_stor* nao_aqui not_here>
    """)
GATE_WORDS = any_of(
    PAUSE_MARK.pattern,
    """
    <gates? approvals? approved? aprovac* aprovar aprova sign-?off checkpoint parada pausa pause stop hold
    confirmac* confirmation confirmar confirm decisao decision decide decidir autoriz* authori[sz]* consent*
    aval aceite acceptance liberac* go[/_-]+no[-_]go permissao permission validacao_d[oa] user_validation
    human[oa]? review_by revisao_d[oa] pergunta ask aguardar espera wait* palavra>
    """,
)
_TITLE_ENDS = r"(?=\W*$|\W*[(:,–—-]|\W+(?:required|needed|gate|checkpoint|obrigatori\w*|mandatory|before|antes|of"
ABOUT_APPROVING = any_of(
    rf"""(?:
    <(?:user|owner|human|client|customer|stakeholder|team|lead|manager)(?:'s)?_(?:approval|validation|ok|sign-?off|acceptance|review|decision|checkpoint|gate|stop)
    (?:manual|final|explicit)_(?:approval|sign-?off|confirmation)>
    | <aprovacao validacao confirmacao aceite decisao revisao autorizacao aval ok> (?:\s\w+)?\s <d[oa]> ..0 {{person}}
    | <aprovacao_(?:humana|manual|explicita|final) (?:validacao|revisao|decisao)_humana>
    | <(?:checkpoint|parada|pausa)_d[eoa]_(?:usuari[oa]|don[oa]|pessoa|gente|cliente)> )
    {_TITLE_ENDS}|d[oae]s?|on|for|para)\b)""",
)
APPROVAL_TITLE = any_of(
    rf"(?!permiss) {{approval}} {_TITLE_ENDS}|to|d[oae]s?|para|final)\b)",
    "<aprovar approve escolher choose decidir decide>",
)
SIGNED = any_of(
    "{role} ..2 <signed approved agreed confirmed aprovou assinou confirmou autorizou concordou>",
    "<signed approved confirmed aprovad[oa] assinad[oa] confirmad[oa]> ..0 <by por pel[oa]s?> ..1 {role}",
)
PRODUCT_APPROVAL = any_of("""
    <fila tela botao status fluxo rota tabela modulo historico registro> ..0 <d[eao]> ..0
    <aprovac* confirmac* autorizac*>
    """)

# --- talk that is shown and not held, steps in the product, names --------------------------------------

SPECIMEN = any_of(
    r"^\W* <errado wrong ruim ruins bad evite evitar avoid certo right good exemplo example nao_diga> \W*:",
    r"^[\s>*_-]*[❌✗🚫👎✅👍]\W*[\"“]",
)
AGENT_SPEAKS = re.compile(r"^[\W_]*(?:agente?|assistente|assistant|ia|ai|bot|robo|claude|cascade)[*_ ]*:")
SPEAKS = re.compile(r"^[\W_]*[^\W\d_]+(?: [^\W\d_]+)?[*_ ]*:[*_ ]*(?=\S)(?![\[(])")
CLICK = any_of(r"""^\W*
    <cli(?:que|car|ca) toc(?:ar|que|a) digit(?:e|ar|a) preench(?:a|er|e) selecion(?:e|ar|a) arrast(?:e|ar|a) click tap
    type fill drag press>""")
UI_STEP = any_of(r"""^\W*
    <abr(?:a|ir|e) naveg(?:ue|ar|a) acess(?:e|ar|a) rol(?:e|ar|a) volt(?:e|ar|a) recarreg(?:ue|ar|a) log(?:ue|ar)
    entr(?:e|ar|a) open select navigate visit scroll enter reload log_in sign_in go_to>""")
SCRIPTED_ANSWER = re.compile(r"^\W*[\"“«][^\"“”«»]*\?[\"”»]\W*(?:→|->|=>)")
_SURFACE = words(
    "sistema app aplicativo tela pagina site painel modal dialogo? interface ui system screen page dialog form"
)
MOCKED_UP = any_of(
    f"<textos? copy mensage(?:m|ns) rotulos? labels? titulos? texts? messages?> ..0 <d[oa]s? of> (?:\\sthe)?\\s {_SURFACE}",
    f"<confirm* aprov* aceit* approv* accept* v[ei]> ..2 <n[ao] in on> (?:\\sthe)?\\s {_SURFACE}",
    rf"\b(?:o|a|the)\s {_SURFACE} ..0 <pergunta mostra exibe diz abre asks shows says displays opens>",
    f"<isso isto this> ..0 <e is> ..1 {_SURFACE}",
)
SAYS_WHAT_IT_IS = any_of(r"^\W* <isso isto this these> ..0 <e is are sao>")

# How a document says that a name is a person's: of what is asked and decided, none of it a machine's.
_NAME = r"(?:[Dd]on[ao]\s+)?(?P<name>[A-ZÀ-Þ][a-zà-ÿ]{2,})\b"
_MODALS = r"(?:(?:ainda|não|vai|precisa|deve|tem (?:de|que)|quem|has to|must|needs to|will)\s+)*"
_CHOOSES = (
    r"(?:respond|aprov|decid|confirm|escolh|autoriz|liber|diss?er|dizer|diga|concord|assin|approv|choos|pick|say|sign"
    r"|repl|answer|agree|authori)\w*"
)
_WORD_OF = (
    r"(?:[Oo][Kk]|aprovação|palavra|aval|aceite|visto|autorização|escolha|parecer|joinha"
    r"|approval|word|go-ahead|sign-off|yes)"
)
_OWNS = r"(?:don[oa]|owner|mantenedora?|maintainer|PO)"
NAMES = (
    re.compile(rf"\b(?:[oaOA]|until|once|after|when|if|whether|[Ll]et)\s+{_NAME}\s+{_MODALS}{_CHOOSES}"),
    re.compile(rf"\b(?:[Pp]ergunt|[Pp]e[çc]|[Ss]olicit|[Cc]onsult)\w+\s+(?:para\s+)?(?:ao?|à|o)\s+{_NAME}"),
    re.compile(rf"\b(?:[Aa]sk|[Cc]onsult)\s+{_NAME}"),
    re.compile(rf"\b{_WORD_OF}\s+(?:d[oa]|of|from|by)\s+{_NAME}"),
    re.compile(rf"\b{_NAME}['’]s\s+(?:{_WORD_OF}|call|decision|choice)\b"),
    re.compile(rf"\b{_OWNS}\s*(?:,|\(|é [oa]|is)\s*(?:[oa]\s+)?{_NAME}"),
    re.compile(rf"\b{_NAME}\s*(?:\(|,\s|\sé\s|\sis\s)\s*(?:[oa]\s+|the\s+)?{_OWNS}\b"),
)
NAME_FIRST = re.compile(rf"^\W*{_NAME}\s+{_MODALS}{_CHOOSES}", re.MULTILINE)
NAME_INSIDE = re.compile(r"[a-zà-ÿ,]\s+(?P<name>[A-ZÀ-Þ][a-zà-ÿ]{2,})\b")
NO_NAME = any_of(f"^ (?: {MACHINE} | {TOOLS} | {ROLES} | <agente? agent fase gate phase workflow> ) $")
# What is done with what somebody was shown, once he has spoken.
ANSWERED = any_of(
    r"""^\W*(?:\d\W+)? <com with apos depois_d[aeo] once after se if> ..2
    (?: {approval} | <resposta answer reply retorno aprovad[oa]s? approved confirmad[oa]s? confirmed> )
    (?=\W*$|\W*[:,])""",
    r"^\W*(?:\d\W+)? <se if> ..1 <el[ae] he she they> ..1 <aprovar confirmar concordar approves? confirms? agrees?>",
)

# --- fences -------------------------------------------------------------------------------------------

SHOWN_LANGUAGES = ("", "text", "txt", "plain", "plaintext")
DOCUMENT_LANGUAGES = ("markdown", "md")
SHELL_LANGUAGES = ("bash", "sh", "shell", "zsh", "console", "shell-session", "fish")
SHOWS = any_of("""
    <mostr(?:e|ar) apresent(?:e|ar) exib(?:a|ir) pergunt(?:e|ar) envi(?:e|ar) mand(?:e|ar) lev(?:e|ar) diga
    imprim(?:a|ir) poste publique_no_chat entregue encerre_com show present ask display print send post say
    bring hand put end_with tell output write_to_the>
    """)
TEMPLATE = any_of("""
    <moldes? templates? exemplos? examples? samples? amostra ilustra* illustrat* lembrete reminder formato
    copi(?:e|ar) copy esperad[oa] expected saida registr* grava* anote cole paste looks?_like parecid[oa]
    changelog historico history old antig[oa] will_show vai_mostrar modelo rascunho draft arquivo log>
    """)
POINTS_BACK = any_of("<acima above>")

# --- what goes outside, and is a deploy gate where a person approves it -------------------------------

OUTWARD = {
    "rollback": any_of(
        r"\broll(?:ing|s)?(?:\s\w+){0,3}\sback\b",
        r"\bvolta(?:r|mos)?\s(?:\w+\s){0,3}atras\b",
        "<rollback revert*>",
    ),
    "pull request": any_of("<pull[-_]?requests? merge_requests? prs? mrs?>"),
    "merge": any_of(
        "<merg(?:e|ed|es|ing|ear) junt(?:ar|a|amos|ada) juncao mescl*>",
        "<integra(?:r|cao)_(?:n[ao]|com_a)_(?:main|master|trunk|develop|principal)>",
    ),
    "push": any_of(
        r"<push(?:es|ing|ar)?> (?!\W+(?:notif|messag|button))",
        "<envi(?:ar|o) mandar subir> ..3 <ramo main master branch remoto origin commits?>",
    ),
    "tag": any_of(r"<(?:git_|release_)?tag> (?!\sd[eo]\s(?:html|preco))", "<etiqueta_(?:git|d[ae]_versao)>"),
    "branch deletion": any_of("<apag* exclu* delet* remov* remoc* elimin*> ..4 <ramos? branch(?:es)? remot*>"),
    "data deletion": any_of("""
        <apag* exclu* delet* remov* remoc* drop* purg* destruir destroy wipe* eras*> ..4
        <dados data tabelas? tables? registros records banco database buckets? backups? dumps? contas? accounts?>
        """),
    "staging": any_of("<staging homologacao pre-?prod*>"),
    "production": any_of(
        r"<(?:em|para|pra|na|de|in|to|on|into|for)_(?:a_|the_)?(?:producao|production)> (?!\sd[eao]s?\b)",
        r"<prod production_(?:deploy|release|server|database|environment|rollout)>",
        r"\bproducao\W*\?",
    ),
    "release": any_of(r"""
        <deploy* implant* releas(?:e|es|ing) lanca(?:r|mento) public(?:ar|acao|a|amos|ad[oa]|o) publish*
        sub(?:ir|ida|imos|o) no_ar go(?:ing|es)?[-_]live live_(?:shop|site|system|server|environment|users)
        live_(?:customers|traffic) ship shipping promo(?:te|ver) roll_?out canary cutover virada
        (?:app|play)_store liberar_para
        (?:loja|site|app|sistema)_(?:de_verdade|no_ar|public[oa]) flip*_the_switch ring_\d*
        open(?:ing)?_(?:it_)?to_(?:the_)?(?:customers|public|users) abrir_(?:para|ao)_(?:publico|clientes)>
        """),
    "sending": any_of(
        "<dispar* broadcast blast>",
        """<envi* mand* send* notif* email* mail* avis*> ..4 <a o os as aos the todos todas all every real> ..1
        <clientes pacientes alunos pais usuarios assinantes familias jogadores patients customers users
        subscribers parents players students members clients donors readers socios leitores doadores>""",
    ),
}
# A person who looks at what is out there sends nothing.
LOOKED_AT_THERE = any_of("""
    <test* valid* olh* naveg* us[ea]r? try tries look* check* review*> ..4 <em no na in on> ..1
    <staging homologacao pre-?prod*>""")
OUTWARD_COMMAND = any_of(
    """<git_push git_branch_-D gh_pr_(?:create|merge) gh_release glab_mr twine_upload docker_push
    (?:npm|pnpm|yarn|cargo|poetry|uv)_publish kubectl_(?:apply|rollout|set) helm_(?:upgrade|install|rollback)
    terraform_(?:apply|destroy) ansible-playbook rsync scp deploy rollback
    (?:fly|flyctl|vercel|netlify|firebase|wrangler|serverless|cdk|eb|cap|kamal)_(?:deploy|publish|--prod)>""",
    r"\bgit\s(?:merge\s(?!--abort|--no-commit)|tag\s\S)|--env\sproduction",
    "<supabase_db_push prisma_migrate_deploy>",
)
MERGE_COMMAND = any_of(r"<gh_pr_merge glab_mr_merge> | \bgit\smerge\s(?!--abort|--no-commit|-base)")
OUTWARD_PROSE = any_of(
    r"<(?:em|para|pra|to|in|into)_(?:a_|the_)?(?:producao|production)> (?!\sd[eao]s?\b)",
    """<git_push pull_request no_ar go(?:es)?_live deploy staging publica(?:r|do|da|cao) irreversi*
    cannot_be_undone nao_tem_volta>""",
    "<merge junt* mescl*> ..4 <na into to em in> (?:\\sthe)?\\s`?(?:main|master|trunk)",
    """<customers clientes users usuarios patients pacientes players jogadores everyone todo_mundo> ..1
    <see notice veem ver perceb*>""",
)
NOT_YET = any_of(r"""
    <nao nada ainda not yet later depois nunca never sem without before antes nothing ja already until ate
    passo_[\d.]+ step_[\d.]+ fase_[\d.]+ phase_[\d.]+ (?:ta|esta|estao)_no_ar (?:is|are)_live>
    """)
YES = any_of(r"""
    ^\W*(?:(?:if|se|on|com|with)\s(?:(?:a|o)\s)?["“]?)? <sim yes ok aprovad[oa] approved aprovou go>
    """)

# --- what decides where nobody does: the plainest criterion is the trigger of a validation -------------

CRITERIA = (
    any_of("<check-?list* lista_de_(?:verificacao|conferencia)>"),
    any_of(
        "<(?:sair?|saem|exits?|retorn\\w+|returns?)_(?:com_|with_)?(?:codigo_|code_)?0>",
        "<codigo_de_saida exit_(?:code|status) saida_(?:0|zero)>",
    ),
    any_of("""
        <reprov* falh* fail* pass(?:a|am|es|ed|ing|ou)? verdes? green vermelh* bloque* block(?:s|ed)? reject*>
        """),
    any_of(
        r"""<deve(?:m|ra|rao)? must precisam? nao_podem? cannot can't no_(?:maximo|minimo) menos_de mais_de
        at_(?:most|least) below above under limite? threshold zero nenhum* no_\w+_(?:left|found) all tod[ao]s>""",
        r">=|<=|≥|≤|\d\s?%",
    ),
    any_of("""
        <scripts? automatic* maquina machine mecanic* sozinh[oa] agente? comandos? commands? testes? tests?
        lint* ci robo exist* confer* verific* checks? verify>
        """),
)
PLAIN = 2  # the places of the criteria up to here decide also where a person is mentioned
EXITS = 1  # the place of the criterion about exit codes
IDLE_COMMAND = re.compile(
    r"^\$?\s*(?:#|\w+=\S*(?:\s|$)|\w+=\$\(|(?:echo|printf|cat|cd|ls|export|set|mkdir|source|done|fi|then|else"
    r"|esac|if|for|while|do|\.|\}|\{|EOF|FIM|tail|head)\b)"
)

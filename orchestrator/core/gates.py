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

ROLES = words("""
    usuari[oa]s? users? owners? don[oa]s? pessoas? persons? people human[oa]?s? alguem someone somebody
    clientes? clients? customers? gerentes? gestor* managers? coordena* coordinators? diretor* directors?
    lider* tech_lead chef(?:es?|ia) chief boss responsave(?:l|is) revisor* reviewers? aprovador*
    maintainers? mantenedor* editor[ae]?s? professor* teachers? medic[oa]s? doctors? enfermeir*
    nurses? advogad[oa]s? lawyers? tesoureir* treasurers? contadora accountants? supervisor*
    stakeholders? secretari* president* captain capita officers? analistas? analysts? engineers? engenheir*
    operators? operador(?:es)? designers? author autor[a]? desenvolvedor* developers? sindic* tutor[a]?
    producers? produtor* auditor* pharmacists? farmaceutic* librarians? bibliotecari* solicitantes?
    requesters? sponsors? patrocinador* curador* curators? veterinari* chefs? plantonistas? plantao on-call
    comite committee board conselho diretoria gerencia soci[oa]s? partners? coach treinador[a]? comprador[a]?
    """)
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
)
_FIRST = r"^[\W\d_]*(?:(?:pergunte|perguntar|pergunta|ask|question)\W+)?"
QUESTIONS = (
    Cue(
        "asks whether it may go on",
        Rank.QUESTION,
        says(f"""{_FIRST}
        <devo devemos may_i may_we shall_i shall_we should_i should_we vamos seguimos prosseguimos sigo prossigo
        (?:posso|podemos)(?!_(?:reus|reutil|simplif|melhor|extra|dividir|combin|usar|evit|remov))
        can_(?:i|we)(?!_(?:reuse|simplify|avoid|extract|split|improve|find|test|use|remove))
        continuo ok_to okay_to quer_que_eu want_me_to would_you_like deseja* gostaria do_you_want are_you_ok*
        go_ahead proceed prosseguir continuar seguir libero publico envio merge fire send_it
        pode(?:-se|mos)?_(?:seguir|prosseguir|continuar|publicar|subir|enviar|ir|mandar|entrar|liberar|fazer)
        ready_to_(?:go|merge|ship|deploy|push|publish|send|proceed) pront[oa]_para_(?:publicar|subir|enviar)
        (?:is_it|it'?s|are_we|is_this)_(?:ok|okay|fine|good|all_right|safe)_to>"""),
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
NOTHING_WITHOUT = "nothing happens without somebody's word"
BINDING = (TYPED_WORD, NEXT_MOVE, ONLY_AFTER, NOTHING_WITHOUT)  # their negation is the stop itself
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
        <pergunt(?:e|ar|em) ask consulte consultar check_with confirm(?:e|ar)?_(?:com|with)
        valid(?:e|ar|ate)_(?:com|with) aprov(?:e|ar)_com peca solicite>
        (?:\W+(?:ao?s?|o|as?|the|com|with|para|que)){0,3}? ..1 (?: {person} | <el[ae]s? them> )
        (?!\W+(?:agent|bot|agente|robo|model|script))"""),
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
        (?=\W*$|\W+(?:before|antes|to|para|here|aqui)\b)"""),
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
    "<(?:esperamos|aguardamos|waited)_\\d*>",
    "\\bawait\\s\\w+[.(]",
)
ELSEWHERE = any_of(
    """<no na nos nas in at during durante_[oa]> (?:\\s\\w+)?\\s
    <passos? steps? workflows? documentos? documents? roteiros? fases? phases? gates?> \\s[\\d.]+\\w*""",
    """<passo step workflow document documento> \\s[\\d.]+\\w*\\s <will vai ira asks pergunta mostra shows>""",
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
MACHINE_WAIT = any_of("{waits} ..7 {machine}")
A_PERSON = any_of("{person}")
A_ROLE = any_of("{role}")
# The agent stops to mend what went wrong, or calls for help then: that is no gate.
TROUBLE = any_of(
    """^\\W*(?:\\w+\\W+){0,2}?
    <se if caso when whenever quando em_caso_de on upon apos after havendo in_case_of should com with> .{0,60}?
    <falh* fail* erro errors? quebr* break* broken reprov* vermelh* red conflit* conflict* duvid* unclear ambig*
    doubt* nao_pass* timeout* travar* stuck tentativas attempts tres_vezes three_times saida_(?:1|diferente)
    exit_(?:code_)?(?:[1-9]|non)* codigo_(?:[1-9]|diferente) negativ* problem* inesperad* unexpected* impossiv*
    wrong incomplet* missing falt* hit violac* violation* mismatch* regress* divergen* leak* blocked
    bloquead* ajuda help unsure insecure>""",
    """<stop pare parar parada pausa pause> .{0,20}? <on_an? on_any em_caso_de em_qualquer>""",
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
    history changelog hindsight retrospect* lessons_learned licoes_aprendidas>
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
OUTWARD_COMMAND = any_of(
    """<git_push git_branch_-D gh_pr_(?:create|merge) gh_release glab_mr twine_upload docker_push
    (?:npm|pnpm|yarn|cargo|poetry|uv)_publish kubectl_(?:apply|rollout|set) helm_(?:upgrade|install|rollback)
    terraform_(?:apply|destroy) ansible-playbook rsync scp deploy rollback
    (?:fly|flyctl|vercel|netlify|firebase|wrangler|serverless|cdk|eb|cap|kamal)_(?:deploy|publish|--prod)>""",
    r"\bgit\s(?:merge\s(?!--abort|--no-commit)|tag\s\S)|--env\sproduction",
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
    passo_[\d.]+ step_[\d.]+ fase_[\d.]+ phase_[\d.]+>
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

"""The cues by which words tell that a person decides, plainest first: one table. Judges nothing by itself."""

from __future__ import annotations

import re
from enum import IntEnum

from orchestrator.core.values import Value
from orchestrator.core.wording import Pattern, any_of, words


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
    pattern: Pattern | None = None  # None for one that several signs make together

    def found(self, folded: str) -> re.Match[str] | None:
        """Return the first place of a folded text where it holds."""
        return self.pattern.search(folded) if self.pattern else None


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
_I_DO_IT = words("""
    faco publico envio mando apago subo disparo libero mergeio junto aplico reverto desfaco desligo removo excluo
    descarto prossigo continuo sigo rodo ativo executo arquivo fecho corto volto cancelo
    """)
_DO = words("""
    keep drop merge apply adjust discard rename delete remove ship hold wait publish send skip retry revert accept
    reject fix postpone defer soften strike rewrite replace restore stay
    """)
_FIRST = (
    r"(?:^[\W\d_]*(?:[^\W\d_]+,\s)?(?:(?:pergunte|perguntar|pergunta|ask|question)\W+)?"
    r"|\b(?:e|and)\s(?:pergunte|perguntar|pergunta|ask)\W+(?<=[\"“«])(?:\w+,\s)?)"
)
QUESTIONS = (
    Cue(
        "asks whether it may go on",
        Rank.QUESTION,
        any_of(f"""{_FIRST}
        <(?:devo|devemos)(?!_(?:reus|reutil|resolv|simplif|melhor|extra|dividir|combin|usar|evit|refator|test|mock|otimiz))
        (?:should|shall)_(?:i|we)(?!_(?:reuse|solve|simplify|avoid|extract|split|improve|refactor|test|use|mock))
        may_i may_we vamos seguimos prosseguimos sigo prossigo
        (?:posso|podemos)(?!_(?:reus|reutil|resolv|simplif|melhor|extra|dividir|combin|usar|evit|remov))
        can_(?:i|we)(?!_(?:reuse|solve|simplify|avoid|extract|split|improve|find|test|use|remove))
        continuo ok_to okay_to quer_que_eu want_me_to would_you_like deseja* gostaria do_you_want are_you_ok*
        go_ahead proceed prosseguir continuar seguir libero publico envio merge fire send_it
        pode(?:-se|mos)?_(?:seguir|prosseguir|continuar|publicar|subir|enviar|ir|mandar|entrar|liberar|fazer)
        pode(?:-se|mos)?_(?:apagar|excluir|deletar|remover|arquivar|limpar|mergear|juntar|fechar|abrir|disparar)
        pode(?:-se|mos)?_(?:aplicar|ligar|desligar|reverter|descartar|trocar)
        ready_to_(?:go|merge|ship|deploy|push|publish|send|proceed) pront[oa]_para_(?:publicar|subir|enviar)
        (?:is_it|it'?s|are_we|is_this)_(?:ok|okay|fine|good|all_right|safe)_to>"""),
    ),
    Cue(
        "asks what it may do",
        Rank.QUESTION,
        any_of(f"""{_FIRST}
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
            rf"^\W* (?: (?: <entao ok certo e> \W+ )? {_I_DO_IT} \b (?!\s(?:um|uma)?\s?(?:novo|nova)\b) [^?.]* \?)",
            r"^\W* <which qual quais> ..3 <goes stays ships leaves fica sai vai sobe entra> [^?]* <or ou> [^?]* \?",
            r"^\W* <do_i do_we> [^?.]{0,60}? <or> [^?.]{0,40} \?",
            r"^\W* <which what> ..2 <do_i do_we should_i> ..0 <go_with take pick do keep drop> [^?]* \?",
        ),
    ),
    Cue(
        "asks what somebody thinks of it",
        Rank.QUESTION,
        any_of(f"""{_FIRST}
        <(?:isso_|tudo_)?(?:esta|ta)_(?:correto|certo)(?!_que) is_(?:this|it|that)_(?:correct|right)
        fic(?:ou|aram)_(?:bom|boa|bons|boas|ok) esta_de_acordo pode_ser
        (?:esta|ta)_(?:bom|boa|ok)_(?:assim|para_voce|pra_voce) o_que_(?:voces?_)?ach(?:a|am|ou)
        (?:qual|quais|como|o_que|quando)_(?:voces?_)?(?:prefere|quer|gostaria|escolhe)m? faz_sentido_para_voce
        alguma_(?:objecao|ressalva|alteracao|mudanca|correcao) algo_a_(?:mudar|ajustar|corrigir)
        (?:do|does|is|are)_(?:this|it|that|these|they)_(?:looks?|seems?|sounds?|works?|reads?|feels?|what_you|how_you)
        are_you_(?:happy|ok|okay|fine|satisfied|comfortable|willing) would_you_(?:prefer|rather|change) what_do_you_think
        how_do_you_(?:want|like) any_(?:objections?|concerns)>"""),
    ),
    Cue(
        "asks what somebody wants",
        Rank.QUESTION,
        any_of(rf"""{_FIRST}
        <qual quais quando como quanto o_que which what how> ..3 <voces? you> ..0
        <quer querem prefere preferem gostaria escolhe want prefer choose pick would_(?:like|prefer)>"""),
    ),
    Cue(
        "asks for approval",
        Rank.QUESTION,
        any_of(f"""{_FIRST}
        <aprov(?:a|am|ar|ad[oa]s?) approved? confirm(?:a|am|ar|ad[oa]|ed)? autoriza* authori[sz]ed? libera
        liberar liberad[oa] concorda* de_acordo agreed? tudo_certo tudo_ok aceita accept(?:ed)? valida
        todos_de_acordo all_agreed everyone_(?:ok|agreed) go_or_no-go go/no-go
        do_you_(?:approve|agree|accept|confirm) which_\\w+_(?:do_you|should_i|should_we|shall)
        voces?_(?:aprova|concorda|confirma|autoriza|aceita|prefere|quer|deseja)(?!ria)*
        qual_(?:delas|deles|opcao|d[ao]s|voce|abordagem|caminho)
        [oa]s?_\\w+_(?:autoriza|aprova|confirma|concorda) (?:does|do)_(?:the_)?\\w+_(?:approve|agree|accept)>"""),
    ),
)

TYPED_WORD = "waits for a typed word"
NEXT_MOVE = "the next move needs somebody's word"
ONLY_AFTER = "goes on only after somebody's word"
ONLY_THOSE = "does only what somebody picks"
NOTHING_WITHOUT = "nothing happens without somebody's word"
UNTIL_THEN = "goes on only then"
BARE_STOP = "is a stop"
BINDING = (
    TYPED_WORD,
    NEXT_MOVE,
    ONLY_AFTER,
    ONLY_THOSE,
    NOTHING_WITHOUT,
    UNTIL_THEN,
)  # their negation is the stop itself
CUES = (
    Cue(NEXT_MOVE, Rank.WAIT, any_of("{never} ..2 {goes_on} ..7 {until} ..6 {approval|answer|decides|person}")),
    Cue(
        NEXT_MOVE,
        Rank.WAIT,
        any_of(
            r"""{never} ..6 <avanc* continu* sig[ao] seguir segue prossig* prosseguir proceed continue go_on move_on> ..1
            <sem without> ..1 (?: {approval|answer} | <uma? an? o the> \s+ (?: [\"“«][\w-]+[\"”»] | \s{3,} ) )""",
        ),
    ),
    Cue(
        NEXT_MOVE,
        Rank.WAIT,
        any_of(
            "{never} ..5 <antes_d* ate before until> ..3 (?: {approval} | <respostas? visto answers? repl(?:y|ies)> )"
        ),
    ),
    Cue(
        NEXT_MOVE,
        Rank.WAIT,
        any_of("<nao do_not don't never> ..0 <escolha decida choose decide pick> ..0 <por_mim for_me>"),
    ),
    Cue(NEXT_MOVE, Rank.WAIT, any_of("<do_nothing nothing_else nao_faca_nada nada_mais> ..0 {until}")),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        any_of(r"""
        <so somente apenas only> ..7 <depois apos com quando se after once when with if>
        (?!\s(?:(?:me|te|nos|tell)\s(?:conta|avisa|fala|diz|manda|mostra|me|us)|teve|houve|tiver|houver|there)\b) ..6
        (?: {approval|decides|person} | <respostas? answers? repl(?:y|ies) visto parecer sim yes> )"""),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        any_of(r"""
        (?:^|,\s)\W* {goes_on} ..3 <once quando after depois apos when assim_que as_soon_as> ..5
        (?: {decides|approval} | <respostas? answers? repl(?:y|ies)> )"""),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        any_of(r"""
        <so somente apenas only> ..2 <com with> ..1 <uma? an?> \s+ (?: [\"“«][\w-]+[\"”»] | \s{3,} )
        .{0,20}? <d[oae]s? pel[oa]s? from by of> ..1 {role}"""),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        any_of(r"""
        ^\W* <com with> ..3 (?: {approval} | <parecer palavra word> ) ..1 <d[oae]s? of from> ..2 {role}
        ..4 {goes_on}"""),
    ),
    Cue(
        "shows something and asks about it",
        Rank.WAIT,
        any_of(
            "<show mostr(?:e|ar) present apresent(?:e|ar) lev(?:e|ar) envi(?:e|ar)> ..9 <e and> ..0 <pergunt(?:e|ar) ask>"
        ),
    ),
    Cue(
        ONLY_THOSE,
        Rank.WAIT,
        any_of(r"""
        (?!\W* <mostr* exib* list* filtr* show display render*> ) ^.* <so somente apenas only just> ..7
        {person|they} ..1
        <responder aprovar escolher confirmar marcar indicar listar disser apontar autorizar liberar pedir mandar
        names? picks? ticks? chooses? approves? confirms? says answers? lists? marks?>"""),
    ),
    Cue(
        "what follows needs somebody's word",
        Rank.WAIT,
        any_of(r"""
        ^\W* <depois_que assim_que quando once when after as_soon_as se if> ..1 ŋ+ ..2 {decides} |
        ^\W* <depois_que assim_que quando once when after as_soon_as se if> ..2 {owner} ..2 {decides} .{0,20}?
        <sig[ao] seguir prossiga prosseguir avance avancar proxima_(?:fase|etapa) registre proceed continue
        go_on next_phase move_on>"""),
    ),
    Cue(
        "what follows depends on somebody's word",
        Rank.WAIT,
        any_of(r"""
        ^\W* <se if> ..2 (?: {role} | <el[ea]s? he she they> ) ..0 <diz disser responder says? said answers? replies> ..1 <nao sim no yes ok> .{0,20}?
        <fases? phases? passos? steps? workflow siga pare prossiga publique go_on go_back continue stop>"""),
    ),
    Cue(
        "what follows depends on somebody's word",
        Rank.WAIT,
        any_of("""
        <se if> ..1 <aprovad[oa]s? approved confirmad[oa]s? confirmed aceit[oa]s? accepted> ..1 <pel[oa]s? by> ..1
        {owner}"""),
    ),
    Cue(
        "somebody has to answer in words",
        Rank.WAIT,
        any_of("""
        ŋ+ ..2 <must has_to have_to needs?_to deve precisa tem_de tem_que> ..1
        <responder dizer escrever digitar aprovar confirmar escolher decidir autorizar assinar
        reply say type answer write approve confirm choose decide sign>"""),
    ),
    Cue(
        "somebody has to answer in words",
        Rank.WAIT,
        any_of("""
        {role} ..2 <must has_to have_to needs?_to deve precisa tem_de tem_que> ..1
        <responder dizer escrever digitar reply say type answer write> .{0,40}?
        <por_escrito (?:com|n)_?ess[ae]s_(?:mesmas_)?palavras explicit* in_writing in_(?:those|these|so_many)_words>"""),
    ),
    Cue(
        "keeps what somebody will say",
        Rank.WAIT,
        any_of(r"""
        <registr(?:e|ar) anot(?:e|ar) guard(?:e|ar) copi(?:e|ar) transcrev(?:a|er) record write_down note log> ..3
        <que what> ..1 {person|they} ..1
        <disser falar responder escolher decidir apontar devolver achar says answers? replies decides? picks?>"""),
    ),
    Cue(
        "asks by a tool made for it",
        Rank.WAIT,
        any_of(r"<askuserquestion (?:ask[^\W\s]user|notify[^\W\s]user|ask[^\W\s]followup|request[^\W\s]user)*>"),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        any_of(r"""
        <escolh(?:a|er) choose pick select responda reply answer digite type> ..4
        \b[a-d1-4]\b,?\s(?:(?:ou|or)\s)?\b[a-d1-4]\b(?:,?\s(?:(?:ou|or)\s)?\b[a-d1-4]\b)*"""),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        any_of("""
        <responda respondam reply answer> ..0 <com with> ..2 <numeros? letras? opcao numbers? letters? option>"""),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        any_of("""
        <tell_me diga-me me_diga me_diz me_fala me_conta me_avisa let_me_know> ..3
        <qual quais which what o_que se whether if> ..3
        <you voce prefere quer want prefer posso devo i_may i_can i_should>"""),
    ),
    Cue(
        "asks for a choice",
        Rank.WAIT,
        any_of(r"^\W* <sua_(?:escolha|resposta|decisao) your_(?:choice|answer|reply|decision)> \W*[:>]\W*$"),
    ),
    Cue(
        "somebody has to answer in words",
        Rank.WAIT,
        any_of(r"""
        <confirma aprova confirms approves> ..1 <por_escrito in_writing explicit*> |
        <resposta_esperada expected_(?:answer|reply)> ..2 {owner}"""),
    ),
    Cue(
        "has a person try it",
        Rank.WAIT,
        any_of(r"""
        {owner} ..2 <must has_to have_to needs?_to precisa deve tem_de tem_que> ..1
        <testar revisar olhar test review look>"""),
    ),
    Cue(
        "has a person try it",
        Rank.WAIT,
        any_of(r"""
        <hand pass> (?:\s(?:it|this|control|the\s\w+))? \s <over_to> ..1 {owner} |
        <pass(?:e|ar) devolv(?:a|er)> ..1 <controle bola turno palavra> ..1 {owner}"""),
    ),
    Cue(
        "has a person try it",
        Rank.STOP,
        any_of(r"""
        ^\W* (?: <acao passo tarefa etapa> (?:\smanual)? \s <d[oa]> \s {owner} (?:\smanual)? |
        <manual_step manual_action> \W+(?:for\s(?:the\s)?)? {owner} | {owner} \s <action step> )
        (?: ..0 <necessari* required needed obrigatori*> |
        \W*:\W* <test* valid* revis* respond* aprov* escolh* rod[ea]* confer* review approve answer reply run choose> )"""),
    ),
    Cue(
        "has a person try it",
        Rank.WAIT,
        any_of(r"""
        <convid(?:e|ar) cham(?:e|ar) invite> ..0 <[oa] the your um uma> ..0 {role} ..0 <a para to> ..0 \w+ | <have> ..1 {role} ..0
        <click try test look review use check read walk go confirm play open sign validate run>"""),
    ),
    Cue("asks for approval", Rank.WAIT, any_of("<submet(?:a|er) submit> .{0,30}? <a to for para> ..1 {approval}")),
    Cue(
        "has a person choose or approve",
        Rank.WAIT,
        any_of(r"""
        ^\W* <apresent(?:e|ar) mostr(?:e|ar) envi(?:e|ar) lev(?:e|ar) show present send bring> ..5 {owner} ..3
        <escolh(?:a|er) aprov(?:e|ar) decid(?:a|ir) approve choose pick decide> |
        ^\W* <[oa] the> ..0 {owner} ..0 <valida aprova confirma escolhe validates approves confirms chooses> ..4 <antes before> |
        ^\W* <respond(?:a|er) reply answer> \W{1,4} <aprovar approve sim yes> \s*[/|]"""),
    ),
    Cue(
        "somebody has to agree first",
        Rank.WAIT,
        any_of("""
        {person} ..3 <must has_to have_to needs?_to should deve precisa tem_de tem_que> ..2
        <approve agree confirm choose decide sign say aprovar confirmar escolher decidir autorizar concordar
        assinar> ..5 <antes before para_seguir para_continuar para_prosseguir to_continue to_proceed>"""),
    ),
    Cue(
        "somebody has to look first",
        Rank.WAIT,
        any_of("""
        <pessoa alguem person human humano someone somebody> ..1
        <must has_to have_to needs?_to deve precisa tem_de tem_que> ..6 <antes before>"""),
    ),
    Cue(
        "asks whether it may go on",
        Rank.WAIT,
        any_of("""
        <pergunt* ask> ..2 <se if whether> ..3 <pode* may can ok okay should> ..3 {goes_on}"""),
    ),
    Cue(
        "asks a question",
        Rank.WAIT,
        any_of(r"""
        (?: ^\W*(?:\d\W+)? | <e and> \s ) <pergunt(?:e|ar) ask> \s (?: <se if whether> \s(?:\w+\s)?
        <(?:es)?ta pode(?:mos)? posso quer ficou falta prefere aprova concorda devo devemos faz_sentido el[ea] tudo may
        can they he she you it_is this_is>
        | <quais quant[oa]s which> (?! .* <pior acontece faria quebra causa worst happens breaks> ) )"""),
    ),
    Cue(
        "shows something and stops",
        Rank.WAIT,
        any_of(r"""
        <show mostr* present apresent* envi* send hand entreg* leve levar confirm* ask pergunt*
        avis* notif* notify tell diga dizer cole colar list[ea]r? paste post> .{0,70}?
        <and_stop e_(?:aguardar|esperar|parar|pausar) e_pare e_encerre and_end e_espere and_wait e_aguarde e_pause and_pause> \W*$"""),
    ),
    Cue(
        "shows something and stops",
        Rank.WAIT,
        any_of(r"""
        ^\W*(?:[^:]{0,40}:\s)?(?:me\s)? <mostra apresenta manda lista cola list> .{0,70}? <e_para e_espera e_aguarda
        e_fica_no_aguardo and_wait and_stop> \W*$"""),
    ),
    Cue("waits for a decision", Rank.WAIT, any_of("{waits} ..6 {approval}")),
    Cue(
        "waits for somebody's words",
        Rank.WAIT,
        any_of("{waits} ..2 <dele dela deles delas his hers? theirs?>"),
    ),
    Cue("waits for an answer", Rank.WAIT, any_of("{waits} ..6 {answer}")),
    Cue("waits for a person", Rank.WAIT, any_of("{waits} ..6 {decides|person}")),
    Cue(
        "asks for approval",
        Rank.WAIT,
        any_of(r"""
        ^\W*(?:\w+\W+){0,8}? {asks} ..6 (?: {approval} | <(?:um|a|an|o|the)_(?:sim|yes|go)> )"""),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(r"""
        <pergunt(?:e|ar|em) question(?:e|ar) ask consulte consultar
        (?:check|review|agree|align)_with confirm(?:e|ar)?_(?:com|with) valid(?:e|ar|ate)_(?:com|with)
        (?:aprov|alinh|combin|revis)(?:e|ar)_com peca pedir solicit(?:e|ar)>
        (?:\W+(?:ao?s?|o|as?|the|com|with|para|que)){0,3}? ..1 (?: {person} | <el[ae]s? them> )
        (?!\W+(?:agent|bot|agente|robo|model|script))"""),
    ),
    Cue("asks a person", Rank.WAIT, any_of(r"^\W* <perguntas? questions?> ..0 <ao aos a para to for> ..1 {person}")),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of("<fac[ao] fazer ask> ..4 <perguntas? questions?> ..3 <ao aos a to> ..1 {person}"),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(r"^\W* <pergunt(?:e|ar) ask> (?:\s\w+){0,2}? \s <antes first before primeiro> (?=\W*$|[*_]*:)"),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(r"""
        ^\W* <confirm(?:e|ar)? valid(?:e|ar|ate) combin(?:e|ar) alinh(?:e|ar) aprov(?:e|ar) revis(?:e|ar) agree check review>
        ..4 <com_[oa]s? with_(?:the|your)> ..0 (?: {owner} | <clientes? clients? customer> )
        (?!\W+(?:http|api|rest|web|mobile|agent|bot))"""),
    ),
    Cue(
        TYPED_WORD,
        Rank.WAIT,
        any_of(r"""
        <digit(?:e|ar) type respond[ae] reply escreva answer> (?:\swith|\scom)?[\W_]+
        <sim yes ok aprov* approved? confirm* go pode s y> ..2 <para to ou or>"""),
    ),
    Cue(
        TYPED_WORD,
        Rank.WAIT,
        any_of(r"""
        <digit(?:e|ar) type responda reply escreva> (?:\swith|\scom|\sa\spalavra|\sthe\sword)?[\W_]+(?:\w+[\W_]+)? <para to> ..1
        <liber(?:ar|e) confirmar seguir prosseguir continuar release proceed go_ahead go_on confirm continue authori[sz]e>"""),
    ),
    Cue(
        TYPED_WORD,
        Rank.WAIT,
        any_of(r"""
        <digit(?:e|ar) type responda reply escreva> .{0,60}?
        <(?:qualquer_)?outra_(?:coisa|resposta|palavra) anything_else (?:any_)?other_(?:word|answer|reply)
        senao otherwise> ..1 <cancel* abort* encerra para desiste stops? nao e_nao means_no is_a_no nada nothing>"""),
    ),
    Cue(
        "hands it to a person to decide",
        Rank.WAIT,
        any_of("""
        <hand send give submit bring take entreg* envi* mand* lev[ea]r? pass[ea]r? submet*> ..6 <to aos? a para> ..2 {role}
        ..1 <for para> ..2 (?: {approval} | <aprovar decidir escolher review revisao review validar> )"""),
    ),
    Cue(
        "asks the writer of the document",
        Rank.WAIT,
        any_of(r"""
        <confirm(?:e|ar) valid(?:e|ar) combin(?:e|ar) alinh(?:e|ar) (?:confirm|valid|combin|alinh|homolog|revis)a homolog(?:ue|ar) fal[ea]r? convers[ea]r? check align agree confirm> ..2
        <comigo with_me> | <me_pergunt(?:e|a|ar) me_consult(?:e|a|ar) me_pe[cd](?:e|a|ir) pergunte-me consulte-me ask_me run_it_by_me check_with_me
        pass[ae]_por_mim>"""),
    ),
    Cue(
        "somebody makes the call",
        Rank.WAIT,
        any_of(r"""
        <let deixe deixar> ..3 (?: {person} | <them> ) ..1 <decid* choose pick make_the_call escolh*>"""),
    ),
    Cue(
        "somebody makes the call",
        Rank.WAIT,
        any_of("""
        (?: {person} | <el[ae]s? they> ) ..1 <decid*> ..0 <se if whether qual which quando when>"""),
    ),
    Cue(
        "somebody makes the call",
        Rank.WAIT,
        any_of(r"""
        <decisao escolha palavra decision choice call word> (?:\sfinal)? ..0 <e is cabe belongs fica rests> ..0
        (?: <sua yours minha mine> | <d[oae]s? aos? com_[oa] to with the of up_to> ..1 {role} )"""),
    ),
    Cue(
        NOTHING_WITHOUT,
        Rank.STOP,
        any_of("""
        <sem without until ate enquanto while> ..6 {approval|answer|decides|person} ..6 {never}"""),
    ),
    Cue(
        NOTHING_WITHOUT,
        Rank.STOP,
        any_of(r"""
        <nada nenhum* nothing no_\w+> ..6 <sem without until ate antes_d* before> ..6 {approval|person}"""),
    ),
    Cue(
        NOTHING_WITHOUT,
        Rank.STOP,
        any_of(
            "<sem without> ..1 <resposta retorno ok answer reply word> ..2 <parad[oa] fica stays waits nada nothing>"
        ),
    ),
    Cue(
        "waits for the writer's word",
        Rank.WAIT,
        any_of(
            "{waits} ..0 <eu i me> ..0 {decides}",
            r"{waits} ..1 <meu minha my> \s+ (?: [\"“«] | \s{3,} )",
            r"{waits} ..0 <(?:que_)?(?:eu|voces?|you_to)> \s\w+(?:[aei]r|t|w|st)\b",
        ),
    ),
    Cue(
        NEXT_MOVE,
        Rank.WAIT,
        any_of("{never} ..7 <ate until till antes_de before sem without> ..0 {writer} ..2 {does}"),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        any_of(
            "<so somente apenas only> ..5 <depois_que quando se after when once if> ..0 {writer} ..2 (?: {does} | {decides} )"
        ),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        any_of(r"""
        <so somente apenas only> ..0 <pass* segu* seg* avanc* continu* prosseg* sai libera go* proceed* move*> ..3 <com with> ..1
        <meu minha my> \s+ (?: (?:[*_]*["“”«»*][\w-]+["“”«»*]) | \s{3,} | [*_]*[\w-]+[*_]*\s <por_escrito in_writing> )"""),
    ),
    Cue(
        "waits for the writer's word",
        Rank.WAIT,
        any_of(r"""
        {waits} ..0 {writer} ..2 {does} | {waits} ..0 <meus? minhas? my> ..0
        <testes? test retorno olhada revisao look review resposta answer palavra word> |
        <esperando aguardando> ..0 {writer} ..2 {does} | <me_cham[ae] cham[ae]-me call_me> ..0 <pra para to> ..0 (?:eu\s)? {does} |
        <me_cham[ae] cham[ae]-me call_me> .{0,40}? <que_eu pra_eu para_eu so_i and_i> ..1 {does}"""),
    ),
    Cue(
        "asks the writer of the document",
        Rank.WAIT,
        any_of(r"^\W* <para pare stop> .{0,20}? <e and> \W+ <me_cham[ae] cham[ae]-me call_me get_me>"),
    ),
    Cue(
        "what follows needs the writer's word",
        Rank.WAIT,
        any_of(r"""
        ^\W* <quando depois_que assim_que once when after as_soon_as> ..0 {writer} ..1 {does} .{0,30}? , .{0,10}?
        <vai va siga segue avance prossiga continue continua go_on go_to move proceed start> |
        <so somente only> ..2 <depois_d[oae] apos after> ..0 <meu minha my> ..0 <teste retorno olhada revisao test review look> |
        <so only> ..0 <comigo with_me>"""),
    ),
    Cue(
        "the writer makes the call",
        Rank.WAIT,
        any_of(r"""
        ^\W*(?:me\s)? <mostr[ae] pass[ae] envi[ae] apresent[ae] ger[ae] list[ae] mand[ae] tra[zg]a? mont[ae] cri[ae] propoe proponha fa[zc]a? desenh[ae]
        show list propose generate draft make bring give> .{0,60}? \W+ (?:e|and|que)?\W* <eu i i'll>
        ..0 <escolho decido aprovo testo olho leio vejo valido pick choose decide approve test>"""),
    ),
    Cue(
        "the writer makes the call",
        Rank.WAIT,
        any_of(
            "^\\W* <quero want_to i_want_to> ..0 <decidir escolher aprovar decide choose approve> ..0 <eu myself se if which qual>"
        ),
    ),
    Cue(
        "the writer looks first",
        Rank.WAIT,
        any_of(r"""
        ^\W*(?:(?:eu|i)\s)? <preciso quero need_to want_to have_to> ..0 {does} ..0
        <o a os as isso ist[oae] ess[ae] the it this that every tudo> .{0,60}? <antes before> (?!\s(?:e|and)\b) |
        (?: ^ | , | <e and> ) \W* <deixa_eu let_me me_deix[ae]> ..0 {does} .{0,60}? <antes before first primeiro>"""),
    ),
    Cue(
        NOTHING_WITHOUT,
        Rank.STOP,
        any_of(
            r"<sem without> ..1 <meu minha my> \s+ (?: [\"“«][\w-]+[\"”»] | \s{3,} ) .{0,20}? {never}",
            r"<com with sem without> ..1 <meu minha my> \s+ [\"“«][\w-]+[\"”»]",
            r"{never} .{0,60}? <antes_d[oa] before> ..0 <meu minha my> \s+ (?: [\"“«][\w-]+[\"”»] | {answer|approval} )",
            r"{never} ..4 <sem without> ..1 <meu minha my> \s+ (?: [\"“«][\w-]+[\"”»] | \s{3,} )",
        ),
    ),
    Cue(
        "the writer does it and answers",
        Rank.WAIT,
        any_of(r"""
        ^\W* {writer} \s {does} .{0,60}? <e and> ..1 <digo respondo aviso falo decido tell say answer reply decide>
        (?=\W*$|[;,.]|\W+(?:se|qual|o\sque|you|whether|if|which)\b)"""),
    ),
    Cue(
        TYPED_WORD,
        Rank.WAIT,
        any_of(r"""
        <digit(?:e|ar) type responda reply escreva> (?:\s+with|\s+com)?
        (?: \s+[*_"“”«]{1,3}[\w-]+[*_"“”»]{1,3}\s+ | \s{4,} ) <para to> ..1
        <mandar enviar publicar apagar abrir disparar trocar send publish delete open fire>"""),
    ),
    Cue(
        "a person decides",
        Rank.STOP,
        any_of(
            "<quem> ..0 <decide escolhe aprova libera bate> .{0,30}? <sou_eu>", "<it's is> ..0 <my_call my_decision>"
        ),
    ),
    Cue("needs the writer's word", Rank.STOP, any_of(r"<meu my> \W+ <ok vai pode sim go yes joinha visto aval>")),
    Cue(
        "comes back with somebody's word",
        Rank.WAIT,
        any_of(
            "<come_back return volt(?:e|ar)> ..1 <with com> ..2 (?: {approval} | <answer resposta escolha choice> )"
        ),
    ),
    Cue(
        "needs the reader's word", Rank.STOP, any_of(r"<seus? suas? voss[oa] your> (?!\s(?:own|propri)) ..1 {approval}")
    ),
    Cue(
        BARE_STOP,
        Rank.STOP,
        any_of(r"""
        <ponto_de_parada (?:parada|pausa)_(?:obrigatoria|humana) mandatory_(?:stop|pause) hard_stop
        human_(?:checkpoint|gate) (?:encerr|termin)(?:e|ar)_o_turno end_(?:the|your)_turn
        (?:stop|pause)_and_(?:ask|wait|show|present)
        (?:pare|parar|pause|pausar|pausa)\W{1,4}e_(?:pergunt|aguard|esper|mostr|apresent)(?:e|ar)
        hand_(?:it_|control_)?back_to>"""),
    ),
    Cue(
        BARE_STOP,
        Rank.STOP,
        any_of(r"""
        ^\W* <pare parar pause pausa pausar stop halt espere aguarde wait hold>
        (?:\s(?:aqui|agora|here|now|o\sfluxo|a\sexecucao))?\W*$ | ^\W* <para_aqui para_tudo> \W*$"""),
    ),
    Cue(
        BARE_STOP,
        Rank.STOP,
        any_of(r"""
        ^\W* <pausa parada stop pause> ..0 <para pra for> ..2 (?: {approval} | <human[oa]?> ) |
        ^\W* <ponto_de_decisao decision_point> ..2 {owner}"""),
    ),
    Cue(BARE_STOP, Rank.STOP, any_of("^[⏸🛑✋🙋]\ufe0f? ..5 {approval|role}")),
    Cue(
        "needs approval here",
        Rank.STOP,
        any_of(r"""
        ^\W*(?:(?:this|est[ae]|o|a|the)\s)?
        (?:(?:step|phase|fase|passo|gate|etapa|avan\w+|segu\w+|pross\w+|continu\w+|proceed\w*|envio
        |publicacao|merge|push|deploy|release)\W+)?
        <requer exige precisa_d* necessita_d* requires? needs? depende_d* mandatory obrigatori*>
        ..3 {approval|role}"""),
    ),
    Cue(
        "needs approval here",
        Rank.STOP,
        any_of(r"""
        ^\W*(?:\w+\W+){0,4}? (?: {approval} | <validation review validacao revisao> ) ..3
        <required needed mandatory obrigatori* necessari* requerid*>
        (?=\W*$|\W+(?:before|antes|to|para|here|aqui|sim|yes)\b)"""),
    ),
    Cue("a person decides here", Rank.STOP, any_of(r"^\W*(?:[oa]\s|the\s)? {role} ..0 <decidem? decides?>")),
    Cue(
        "needs approval",
        Rank.POLICY,
        any_of("""
        <precis* depend* requer* exig* necessit* require[sd]? needs? subject_to sujeit* mediante obrigatori*
        mandatory> ..6 {approval|person}"""),
    ),
    Cue("needs approval", Rank.POLICY, any_of("{approval} ..4 <obrigatori* required needed mandatory necessari*>")),
    Cue(
        "a person decides",
        Rank.POLICY,
        any_of("""
        <quem_(?:decide|aprova|diz|escolhe|autoriza|manda|libera) cabe_a is_up_to fica_a_criterio
        a_decisao_e_d* owner's_(?:call|decision|choice) user's_(?:call|decision|choice) the_call_is palavra_final last_word final_(?:word|say)>"""),
    ),
    Cue(
        "a person decides",
        Rank.POLICY,
        any_of("""
        {person} ..3 <decid* aprov(?:a|e|ar|am) approves? escolhe* chooses? picks? autoriza* signs? assina*
        agrees? libera (?:has_to|must|needs_to)_(?:agree|approve|decide|confirm|choose|sign|say)
        (?:tem_de|tem_que|precisa|deve)_(?:aprovar|decidir|confirmar|escolher|autorizar|assinar)>"""),
    ),
    Cue(
        "only with somebody's word",
        Rank.POLICY,
        any_of("""
        <so somente apenas only nunca never nao not proibido jamais> ..6 <com with sem without> ..6
        {approval|answer|person}"""),
    ),
    Cue(
        "brings it to a person",
        Rank.HINT,
        any_of("""
        <show mostr* present apresent* envi* send hand entreg* leve levar bring submet* submit compartilh*
        share> ..6 <aos? as? a para to with com> ..2 {role}"""),
    ),
)
# These say nothing by themselves, and enough in the paragraph that names the person.
BESIDE_A_PERSON = (
    Cue(
        UNTIL_THEN,
        Rank.STOP,
        any_of(r"^\W* <ate_la ate_entao until_then till_then> ..0 {never}"),
    ),
    Cue(
        UNTIL_THEN,
        Rank.STOP,
        any_of(r"""
        ^\W*(?:\w+\W+){0,3}? (?: <fiqu?[eo]? ficar parad[oa] pare parar pause espere aguarde stay stop wait hold> |
        {never} ..2 {goes_on} ) ..3 <ate_la ate_entao ate_isso until_then till_then> \W*$"""),
    ),
    Cue(UNTIL_THEN, Rank.STOP, any_of("{never} ..3 <antes_disso before_that>")),
    Cue(UNTIL_THEN, Rank.STOP, any_of(r"^\W* <so_entao so_depois(?:_disso)? only_then> ..1 {goes_on}")),
    Cue("waits for a person", Rank.WAIT, any_of("{waits} ..0 <el[ae]s? him her them> ..0 \\w+")),
)
NAMES_ANSWERS = Cue("asks a person and names the answers", Rank.CHOICE)
BRANCHED = Cue("shows something and says what follows a yes and a no", Rank.STOP)
MARKED = Cue("asks under a pause mark", Rank.QUESTION)
TYPED = Cue("a command reads an answer that somebody types", Rank.QUESTION)
IN_GENERAL = Cue("says in general where somebody is waited for", Rank.POLICY)
WAITING_CHOICE = any_of(r"{waits} .*[(\[](?:sim/nao|yes/no|s/n|y/n)[)\]]")
PAUSE_MARK = any_of("[⏸🛑✋🚦🙋]")
SPOKEN_ASK = any_of("""[\"“«] (?:[^\"”»]*[.!]\\s)?
    <me_(?:diz|diga|fala|conta|avisa) tell_me let_me_know aguardo fico_no_aguardo fico_esperando>""")
READS_ANSWER = any_of(r"(?:^|[;&|]\s*|\bdo\s+)read\b(?=.*-\w*p).*[\"'].*[?\[(:]")
SPEAKS_UP = any_of(r"^(?:echo|printf)\b(?:\s-\w+)*")

"""The cues of everyday speech: "mostra pra ela e espera", "get a yes from them first": one table. Judges nothing.

In each a person is named and decides; what takes their force away is in `vetoes`, as for the plainer ones in `gates`.
"""

from __future__ import annotations

from orchestrator.core.gates import ONLY_AFTER, TYPED_WORD, Cue, Rank
from orchestrator.core.wording import any_of

# Who is asked: somebody with a role or a name, the writer himself, and whom a pronoun points back at.
_WHO = "(?: {role} | <mim comigo el[ae]s? dele dela deles delas me us him her she he they them a_gente o_time> )"
_OF_WHO = """(?: <from> ..0 <me us him her them> | <dele dela deles delas his her their meu minha my>
    | <d[oae]s? of from by pel[oa]s?> ..2 {role} )"""
_FROM_WHO = "(?: <from> ..0 <me us him her them> | <d[ae]l[ae]s?> | <d[oae]s? of from by pel[oa]s?> ..2 {role} )"
_NO_THING = r"(?!\s(?:api|page|panel|table|token|id|service|endpoint|screen|app|pagina|tela)\b)"
_TO = "<ao? aos as pra pro pras pros para to from with com>"
_ASK = """<pergunt(?:e|a|ar|em) pec[ae]m? pede pedir solicit(?:e|a|ar) requisit(?:e|ar) request ask
    consult(?:e|a|ar) submet(?:a|er|id[oa]s?)>"""
_SHOW = """<mostr(?:e|a|ar) apresent(?:e|a|ar) mand(?:e|a|ar) envi(?:e|a|ar) lev(?:e|a|ar) tra(?:z|ga|zer)
    pass(?:e|a|ar)
    cham(?:e|a|ar) avis(?:e|a|ar) list(?:e|a) col(?:e|a|ar) post(?:e|a|ar)? show present send bring give share
    submit>"""
_SAYS = """(?: {decides} | <dizer diz fal(?:a|e|o|ar) mand(?:a|ar|o) devolv(?:e|er|o) respond(?:o|ido) dig[ao]
    bat(?:e|o|er)
    decid* escolh* apont(?:a|ar|e|o) marc(?:a|ar|o|ou) topa(?:r)? avis(?:a|ar|e) volta(?:r)? retorn(?:a|ar|e)
    inform(?:a|ar|e)
    signed signs? picks? picked calls? tells? told happy okays? manifest* conferir confer[ei] testar test(?:ou|a|ed)
    relat(?:e|ar|a) libero aprovo escolho decido olhar ler cri(?:e|ar) veto> )"""
_SPOKEN_WORD = """(?: {approval|answer} | <retorno visto sinal_verde joinha veto aval ok okay yes sim liberacao
    concordancia go-ahead sign-off feedback resposta palavra> | [\"“«][^\"”»]{1,30}[\"”»] )"""
_WORD = f"(?: {_SPOKEN_WORD} | \\s{{3,}} )"  # or a word that was quoted, and is blank by now
_MUST = "<precis(?:a|am|e) tem_(?:que|de) deve devera must needs?_to has_to have_to should>"
_TEAM = "<time_de equipe_de marketing_team qa juridico compliance financeiro comercial redator[a] social_media legal>"
_UNTIL = "<ate until till sem without antes_d* before enquanto while unless>"

CUES = (
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(f"{_ASK} ..6 <ao? aos as pra pro pras pros para to from> ..1 {_WHO} {_NO_THING}"),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(f"{_ASK} .{{0,70}}? <e_espera e_aguarda e_espere e_aguarde and_wait and_stop>"),
    ),
    Cue("asks a person", Rank.WAIT, any_of(r"^\W* <pergunte pergunta ask> \s <e_siga e_siga and_go and_carry>")),
    Cue("asks a person", Rank.WAIT, any_of("<pergunta pergunte ask> ..2 <no_chat na_conversa in_chat in_the_chat>")),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(r"""
        (?: ^\W*(?:(?:\d|em\sseguida|depois|then|entao|ai|no\sfim|ao\sfinal|por\sfim|vai|finally)\W+){0,2}
        | <e and> \s | ,\s(?:\w+\s)? ) <pergunt(?:e|a|ar|ando)> ..3 <se como qual quais o_que> ..3
        <quer prefere deve pode posso continuar el[ea] ta esta topa vale apagar>"""),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(r"""
        <cheque check confirm(?:a|e|ar) valid(?:a|e|ar) fal(?:a|e|ar) sent(?:a|e|ar) alinh(?:a|e|ar) combin(?:a|e|ar)
        conferir confere descubra descobrir> ..4 (?: <com with> ..1 (?: {owner} | <clientes? client customer
        juridico> ) | <comigo com_a_galera com_o_time with_the_team> )"""),
    ),
    Cue(
        "asks a person",
        Rank.WAIT,
        any_of(
            "<pec[ao] solicit(?:e|ar) ask> ..0 <que that> ..5 <marque diga confirme aprove escolha valide revise"
            " teste responda envie>",
            "<submet(?:a|er)> ..0 <a ao> ..1 <apreciacao aprovacao analise revisao validacao> ..0 <d[oa]s?> ..1 {role}",
            "<pec[ao] pedir ask_for> ..0 <permissao permission> ..0 <para pra to>",
            "<ping call> ..0 (?: {role} | <him her them me> )",
            "<(?:re)?tom(?:e|ar) resume volt(?:e|ar) pick_up> ..1 <quando when once assim_que> ..0 (?: {role} |"
            " <el[ae]s? he she they> )",
            r"^\W* <pergunte ask> \W+ <por_favor please>",
        ),
    ),
    Cue("asks a person", Rank.WAIT, any_of("<lig(?:a|ue|ar) call ping> ..0 <pro pra para> ..1 ŋ+")),
    Cue(
        "asks for approval",
        Rank.WAIT,
        any_of(f"<get obter obtenha peg(?:a|ue|ar) consig(?:a|uir)> ..4 {_WORD} ..2 {_OF_WHO}"),
    ),
    Cue(
        "asks for approval",
        Rank.WAIT,
        any_of(
            f"<obtenha obter get> ..0 <d[oa] from> ..2 {{role}} .{{0,40}}? {_WORD}",
            f"<obtenha obter get> ..1 {_WORD} ..1 <por_escrito in_writing>",
            r"<obtenha obter get> \s\w{1,3} \s{3,} <d[oa]s? from>",
        ),
    ),
    Cue(
        "asks for approval",
        Rank.WAIT,
        any_of(f"<exij(?:a|ir) exige require> ..1 <confirm* aprovac* approval> ..2 {_OF_WHO}"),
    ),
    Cue(
        "asks a person to do it",
        Rank.WAIT,
        any_of(
            r"<instrua instruir orient(?:e|ar) instruct> ..0 <o a the> ..0 {owner} ..0 <a to>",
            r"<solicit(?:e|ar) peca pedir> ..0 <que> ..0 <execut* crie rode abra test* confir* relat*>",
            rf"{_SHOW} .{{0,40}}? {_TO} ..1 {{owner}} ..1 <instalar abrir testar clicar navegar try install open test>",
            r"<me_cham[ae] cham[ae]_(?:o|a|\w+)> ..0 <pra para> ..0 \w+r\b",
        ),
    ),
    Cue(
        "hands it to a person to decide",
        Rank.WAIT,
        any_of(
            f"{_SHOW} .{{0,60}}? {_WHO} .{{0,40}}? <decid* escolh* diss?e* liber* aprov(?!aria)* confirm* choose"
            f" pick approve decide dar>",
            f"{_SHOW} ..6 {_TO} ..1 {_WHO} \\W+(?:e|and|,)\\W+(?:\\w+\\s)? <eu espera aguarda espere aguarde usa use>",
            f"<deix(?:e|a|ar) let leave> ..6 {_WHO} ..1 <decid* escolh* choose pick decide answer strike respond*"
            f" ouvir eleger opinar>",
            f"<deix(?:e|a|ar) leave> ..1 <decisao escolha decision choice> .{{0,30}}? <com with to para> ..1 {_WHO}",
        ),
    ),
    Cue(
        "the writer makes the call",
        Rank.STOP,
        any_of(
            "<eu i> .{0,60}? <e_te and> ..0 <conto digo falo aviso respondo tell>",
            "<preciso need> ..0 <que> ..0 <voces? you> | <i_need> ..0 <you_to your>",
            "<ve see> ..0 <se if> ..0 <eu i> ..0 <curto gosto concordo aprovo like agree>",
            "<eu> ..0 <que quem> ..0 <libero decido aprovo faco mando>",
            "<a_gente we> ..0 <decide resolve ve define> ..1 <juntos? juntas? together se qual if>",
            "<eu i> ..8 <decido escolho respondo falo digo aprovo bato marco confirmo pick decide choose approve"
            " answer>"
            " ..1 <se whether if o_martelo qual which com one uma um>",
            "<eu i> ..0 <decido escolho aprovo pick decide choose bato respondo mudo>",
            "<until ate> ..0 <i eu> ..0"
            " <write escrever voltar mandar say dizer falar responder aprovar confirmar approve confirm>",
            "<call decision decisao escolha> ..0 <is e> ..0 <mine minha>",
            r"<merge deploy push aprovacao publicacao decisao> ..0 <e is> ..0 <comigo with_me minha mine>",
        ),
    ),
    Cue(
        "what follows needs the writer's word",
        Rank.STOP,
        any_of(r"""
        <se quando qdo assim_que once when if after depois_q depois_que> ..0 <eu i> ..0
        <curtir gostar responder falar disser mandar der liberar aprovar escrever marcar say reply answer
        type approve> (?! .*
        <que_nao> )"""),
    ),
    Cue(
        "goes on only with somebody's word",
        Rank.WAIT,
        any_of(
            "<sem without> ..0 <eu meu minha my> ..0 (?!saber|perceber|ver\\b|knowing) \\w+",
            "<so somente only> ..2 <comigo com_meu com_minha depois_d[oe]_meu depois_da_minha quando_eu se_eu"
            " with_my after_my>",
            "<no> ..1 {approval} ..0 <from_me>",
            f"{{never}} ..8 {_UNTIL} ..3 {_WHO} (?:\\s\\([^)]*\\))? (?:'s)? ..3 {_SAYS}",
            f"{{never}} ..8 {_UNTIL} ..2 {_WORD} ..2 {_OF_WHO}",
            f"{{never}} ..8 {_UNTIL} ..2 <[\\w]+'s> ..1 {_WORD}",
            f"{{never}} ..8 <enquanto while> ..0 (?: {_WHO} | <eu i> ) ..0 <nao not hasn't haven't>",
            f"<sem without> ..1 {_WORD} ..1 {_OF_WHO} .{{0,40}}? <parad[oa] nao nada trava* bloque* stays nothing"
            f" stops>",
        ),
    ),
    Cue(
        ONLY_AFTER,
        Rank.WAIT,
        any_of(
            f"<so somente apenas unicamente only> ..6 <se quando depois apos com after once when if with mediante>"
            f" ..3 {_WHO}"
            f" (?:\\s\\([^)]*\\))? (?:\\sd[oa]\\s\\w+)? ..1 {_SAYS}",
            f"<so somente apenas unicamente only> ..6 <se quando depois apos com after once when if with mediante>"
            f" ..2 {_WORD} ..2 {_FROM_WHO}",
            f"<comeca starts begins> ..3 <depois_que after once quando when> ..2 {_WHO} .{{0,30}}? {_SAYS}",
            "<unicamente apenas somente only> ..0 <mediante upon> ..1 {approval|answer}",
            f"<so> ..0 <o a os as> ..0 {_WORD} ..0 <d[oa]> ..1 {{role}}",
        ),
    ),
    Cue(
        "goes on with what somebody picks",
        Rank.WAIT,
        any_of(
            r"""
        <o as? os what whatever texto versao opcao lista nome numero> ..0 (?: <que> ..0 )? <eu el[ae]s? voce she he
        they i ŋ+> ..1
        <devolver apontar escolher marcar responder disser mandar definir indicar picks? says? returns? chooses?
        marks?>""",
            "<com with> ..0 <o_que what> ..0 <for foi was is> ..0 <respondid[oa] escolhid[oa] definid[oa] answered"
            " chosen picked>",
        ),
    ),
    Cue(
        "somebody has to answer in words",
        Rank.STOP,
        any_of(
            f"{{role}} (?:\\s\\([^)]*\\))? ..2 {_MUST} ..2 <dizer responder dar informar manifestar assinar conferir"
            f" escolher"
            " aprovar confirmar bater say answer reply give sign read check decide tell> .{0,60}? <antes before"
            " sem_el[ae] without por_escrito se if"
            " pare aguarde espere e_assinar quando when pra_seguir \\w+>",
            f"<el[ae] she he they> ..0 {_MUST} ..1 <dizer responder dar assinar aprovar say answer reply give sign"
            f" read> ",
        ),
    ),
    Cue(
        "needs somebody's word",
        Rank.STOP,
        any_of(
            f"<precisa precisam depende requer needs? requires? tem_que_ter> ..2 {_WORD} ..2 <d[oae]s? from of> ..2"
            f" {{role}}",
            "<precisa tem_que> ..2 <joinha visto aceite ok> ..1 <d[oae]s? de_um>",
            "<passar passa> ..0 <por_mim por_el[ae]> ..2 <antes before>",
            f"<depende depends> ..2 <assinatura palavra resposta ok aval> ..0 {_OF_WHO}",
        ),
    ),
    Cue(
        "a person decides here",
        Rank.STOP,
        any_of(
            f"<quem> (?!\\s(?:decide|aprova|manda)) ..5 <e sou> ..1 (?: {{role}} | <el[ae] eu> | {_TEAM} )",
            "<vez turn> ..0 <d[oa] of> ..0 {owner}",
            "<your_turn seu_turno> ..0 <ends termina acaba>",
            "{role} ..0 <testa tests executa plays> .{0,20}? <e and> ..0 <reporta relata reports devolve diz volta>",
            "<you_wait voce_espera voce_aguarda>",
            "{role}'s <call decision choice pick>",
            "<pick call choice decision decisao escolha palavra> ..1 <is e> ..0 <the o a d[oa]> ..0 {role}",
            "<decisao escolha decision choice> .{0,40}? <e is> ..0 <d[oa] of the> ..0 {role}",
            "<sao e are is> ..0 <decisao escolha> ..0 <d[oa]> ..1 {role}",
            "{role} ..0 <calls gives> ..1 <go no-go the_shots>",
            f"(?: {{role}} | {_TEAM} ) (?:\\s\\([^)]*\\))? ..4 <revis* le ler confere testa valida testar olha"
            f" reads? checks? reviews?> ..4 <e and> ..2"
            " <devolve responde diz libera volta manda bate dar_o says? answers?>",
            "{owner} (?:\\s\\([^)]*\\))? ..1 <diz fala libera decide> ..0 <se qual quando>",
        ),
    ),
    Cue(
        "waits for somebody's words",
        Rank.WAIT,
        any_of(
            f'{{waits}} ..1 (?: \\s{{3,}} | ["“«][^"”»]{{1,30}}["”»] ) ..1 <d[oa] de from> ..1 {_WHO}',
            "<parad[oa] stay hold retid[oa] bloquead[oa]> ..4 <ate until> ..1 (?: <receber ouvir get hear> | {role} )",
            "<paus(?:e|ar) par[ae]r? pause stop> .{0,30}? <enquanto while> ..2 {role}",
            "<paus(?:e|ar) pause stop> ..0 <para for> ..1 <revisao review validacao teste> ..0"
            " <d[oa] by from of> ..1 {role}",
            "<par[ae]r? stop espere wait> ..0 <ate until> ..1 <ter have> ..1 <respostas? answers?>",
            "{waits} ..0 <por for> ..0 (?: {role} | <el[ae]s? her him them> )",
            "<interromp(?:a|er) par[ae]r? suspend(?:a|er) paus(?:e|ar) stop> .{0,30}? <ate until> .{0,20}?"
            " <volte voltar comes_back come_back revisad[oa] preenchid[oa] respond* respost*>",
            "{waits} ..2 <pelo_menos at_least> ..3 <responder reply answer>",
            "<enquanto while> ..0 <el[ae] she he ŋ+> ..0 <nao not hasn't> ..0 \\w+",
            "<until ate> ..0 <she el[ae] he they> ..0 <does do decid* respond* confirm* liber* says?>",
        ),
    ),
    Cue(
        "goes on only with somebody's word",
        Rank.STOP,
        any_of(
            "<sem without> ..0 (?: <ess[ae]> ..0 <conversa resposta declaracao aprovacao confirmacao assinatura>"
            " | <el[ae]s? her him them o_item as_duas os_dois> ) ..5 {never}"
        ),
    ),
    Cue(
        "somebody's word is named",
        Rank.POLICY,
        any_of("{approval} ..1 <d[oa] of by from> ..1 {role}"),
    ),
)
# A word that is typed for it.
TYPED = Cue(
    TYPED_WORD,
    Rank.STOP,
    any_of(
        "<type digite> .{0,60}? <to_confirm para_confirmar to_continue para_continuar>",
        r"<digite type enter> \s [\d,\s]+ (?:ou|or) \s \d \W*$",
        r"<digite type> \s [\"“«] \w+ [\"”»] \W*$",
        r"<digite type enter> ..0 <o a the sua your> ..0 <numero opcao letra number option> \W*$",
        r"^\W* <digite informe escolha> ..0 <sua a_sua> ..0 <opcao escolha resposta>",
        r"\? \W{1,4} <aguardando> ..0 <sua> ..0 <resposta decisao escolha>",
    ),
)
# A box or a step that only a person's deed ticks.
TICKED = Cue(
    "is ticked by what somebody does",
    Rank.STOP,
    any_of(
        r"""^\W*(?:\[.\]\s)?(?:\d\W+)?(?:(?:o|a|the)\s)? (?: {role} | <eu i> ) (?:\s\([^)]*\))? .{0,60}?
        <respond(?:eu|i) diss[ei]* confirm(?:ou|ei) aprov(?:ou|ei) assinou escolheu decidiu liberou deu_[oa] replied
        confirmed approved answered agreed signed chose decided reported said>""",
        r"^\W*(?:\[.\]\s)?(?:\d\W+)? .{0,30}? <perguntad[oa] asked> ..1 <ao a a to> ..1 {role}",
        r"^\W*(?:\[.\]\s)?(?:\d\W+)? .{0,30}? {approval} ..2 <d[oae] from by pel[oa]> ..1 {owner}",
        r"^\W*(?:\[.\]\s)?(?:\d\W+)? .{0,40}? <respondid[oa]s? aprovad[oa]s? confirmad[oa]s? answered approved"
        r" signed_off> ..0 <pel[oa]s? by> ..1 {owner}",
    ),
)
# A row of a table that names a person and what he says.
IN_A_ROW = Cue(
    "a row says who decides",
    Rank.STOP,
    any_of(f"{{owner}} .{{0,80}}? (?: {_WORD} | {_SAYS} | <preenche fills waits> )", f"{_WORD} .{{0,60}}? {{owner}}"),
)
# A question to somebody, in the words that he will read.
SPOKEN = Cue(
    "asks in so many words",
    Rank.QUESTION,
    any_of(
        r"""[\"“«] [^\"“”«»]{0,200}? <voces? you your seu sua posso devo shall_i should_i can_i may_i did_i quer queres
        prefere topa
        tem_algo alguma_coisa anything_else me_diz me_fala> [^\"“”«»]{0,200}? \?""",
        r"[\"“«] [^\"“”«»]{0,200}? <me_(?:diz|diga|fala|avisa|conta) tell_me let_me_know fico_no_aguardo"
        r" aguardando_(?:sua?|seu)> [^\"“”«»]{0,200}? [\"”»]",
        r"[\"“«]\W* <reply responda responde> \s",
        r"<pergunt(?:e|a|ar|ando) ask> \W* [\"“«] (?!por\sque|why|o\sque\spode) [^\"“”«»]{0,200} \?",
        r"^\W* <type digite> .{0,60}? <to_confirm para_confirmar to_continue para_continuar>",
        r"^\W* <reply responda> \s (?: \s+ | [\"“«`*]+\w ) .{0,30}? <to para or ou>",
    ),
)
TOGETHER = Cue("somebody answers, and the work holds until then", Rank.STOP)
# What somebody does in answer, and what holds the work: the two stand in one block.
ANSWERS = any_of(
    f"(?: {{role}} | <el[ae]s? he she they> ) (?:\\s\\([^)]*\\))? ..6 {_SAYS}",
    "<te you> ..0 <conto falo digo aviso respondo passo>",
    "<eu i> ..6 (?: {decides} | <testo olho confiro vejo leio digo conto falo report back test look check> )",
    "<me> ..0 <mostr[ae] mand[ae] pass[ae] ping[ae] grit[ae] cham[ae] avis[ae] tra[zg]a? pergunt[ae] envi[ae] show"
    " send give>",
    "<me> ..0 <faz faca da> ..3 <perguntas? toque>",
    "<vou quero preciso> ..1 <conferir ler olhar ver testar responder bater dar>",
    f"<d[oae]l[ae]s? his her their meu minha my> ..0 {_SPOKEN_WORD}",
    f"{_SPOKEN_WORD} ..1 <d[oae]l[ae]s? from_me from_him from_her meu minha>",
)
HOLDS = any_of("""
    <ate_la ate_entao until_then hold sit_tight wait espera espere esperar aguarda aguarde aguardar segura segure
    segurar
    pausa pause pausar pare parar para_tudo suspens* parad[oa] bloquead[oa] permanece stays nothing_moves
    nothing_happens
    leave_\\w+_alone so_entao only_then only_starts once_he once_she once_they depois_que when_he when_she condicionad*
    pauses
    nao_passou unmerged nao_dispar* nao_avanc* nao_segu* nao_sig* nao_continu* do_not_(?:proceed|continue|start)
    nem_adianta nessa_ordem meanwhile enquanto_(?:eu|el[ae]) sem_el[ae] sem_(?:eu|meu|minha) so_\\w+_com
    so_\\w+_depois>""")
WHEN = any_of(r"\W* <quando when se if caso>")
# What is told of another place or time, or asked of nobody.
TOLD = any_of(
    "<so somente only> ..1 <pergunt* ask cham* interromp* call> .{0,40}? <se if quando when>",
    r"<workflow fase gate phase documento> \s\d",
    r"^\W* <qual que which what> ..0 <pergunta question>",
    "<aprovaria aprovariam would_approve>",
)
# A row, a box or a heading of what was decided before, or of all that will be.
OF_OTHERS = any_of("<ultim[oa]s? last anterior* previ[oa]s? previous gates tabela table mapa que_valem>")
NOT_SAID = any_of(r"{never} [^\"“«,;:.)]{0,30}$")
BINDING = frozenset({"goes on only with somebody's word", ONLY_AFTER})
ALONE = any_of("""
    <posso devo shall_i should_i can_i may_i quer queres prefere topa me_diz me_fala me_avisa tell_me let_me_know
    aguardo
    aguardando reply responda> | <voce you> .{0,40}? <bom boa ok certo good fine sure> | <bom boa ok good fine>
    .{0,30}? <voce you>
    """)
OF_THE_PRODUCT = any_of("""
    <no_modal in_the_modal
    no_app in_the_app no_painel in_the_panel na_tela on_screen no_sistema in_the_system primeira_abertura
    first_launch no_cadastro at_checkout no_checkout>""")
LEADS_IN = any_of(r"""(?: (?:^|[.;:,]\s)\W*(?:(?:\d|em\sseguida|depois|then|entao|ai|vai|finally)\W+){0,2} | <e and
    a_mensagem> \s )
    <pergunt(?:e|a|ar|ando) ask end_with finish_with termin(?:e|a|ar) encerr(?:e|a|ar) post(?:e|a|ar)? diga diz say
    mand(?:e|a|ar)
    mostr(?:e|a|ar) ao_final no_fim no_final at_the_end show escrev(?:a|e|er) write>""")

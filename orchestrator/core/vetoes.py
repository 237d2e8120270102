"""What takes the force out of a cue, and which headings speak of a gate: one table. Judges nothing by itself."""

from __future__ import annotations

from orchestrator.core.wording import MACHINE, TOOLS, any_of, words

# --- what takes the force out of a cue ----------------------------------------------------------------

NOBODY = any_of(
    """<sem without no_need_to no_need_for> (?:\\s\\w+){0,2}? ..0
    <esper* aguard* pergunt* paus* parad* parar conversa plateia aprovac* confirmac* ninguem pedir chamar
    intervenc* human* wait* ask* call* approv* confirm* stop* prompt* anyone anybody interrup*>""",
    "<ninguem nobody no_one no_human no_person> (?!\\s(?:alem|but|except|other))",
    """\\bno\\s(?:(?:further|extra|human|user|manual|one's)\\s)*
    <(?:approval|confirmation|question|answer|decision|sign-?off|stop|permission|pause)s?>""",
    "<nada_de> ..0 <chamar incomodar esperar aguardar pedir perguntar interromper parar>",
    "<nothing> ..0 <is gets will_be to_be> ..0 <asked approved decided confirm*>",
    """<nao nunca jamais> \\s
    (?:(?:se|me|e\\scaso\\sde|e|ha|sao|serao|sera|foi|vai|fica|fique|deve|precisam?|mais|volte\\sa|torne\\sa)\\s)*
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
    "<nao> ..0 <adianta> ..1 <me>",
    "(?<!nao\\s) <dispensa(?:m|d[oa]s?)?> (?!\\sgente)",
    "<(?:aprovacao|confirmacao|approval|confirmation)_automatic* auto(?:matic)?[-_]?(?:approv|aprov)*>",
    "<ficou ficaram estava estavam abandonad* deixou_de no_longer used_to formerly antigamente em_desuso ja_nao>",
    r"<nao> (?!\s(?:houver|restar|sobrar)) .{0,12} <mais>",
    r"^\W* <quant[oa]s? how_many how_long how_often por_que why> .*\?",
    """<urge tempted vontade tentacao tentad[oa] impulso em_vez_de instead_of rather_than em_lugar_de ao_inves_de> ..3
    <pergunt* ask* pedir esper* aguard* wait* par[ae]r? stop* confirm* consult*>""",
    "<(?:esperamos|aguardamos|waited)_\\d*>",
    "\\bawait\\s\\w+[.(]",
)
# Of these only what comes after them is taken back: not the wait that stands before.
DISTURB = any_of("<pergunt* ask* interromp* interrup* interrupt* cham[ae]* call disturb* incomod* par[ae]r?>")
LATER = any_of("""
    <depois apos after once a_partir daqui afterwards then se if caso ate until antes before sem without enquanto while
    except exceto salvo unless>""")
ELSEWHERE = any_of(
    """<no na nos nas in at during durante_[oa]> (?:\\s\\w+)?\\s
    <passos? steps? workflows? documentos? documents? roteiros? fases? phases? gates?> \\s[\\d.]+\\w*""",
    """<passo step workflow document documento> \\s[\\d.]+\\w*\\s <will vai ira asks pergunta mostra shows>""",
    r"""<no in> \s(?!\d+(?:h|s|d|min|am|pm|x)\b)\d+(?:\.\d+)*(?:[a-z]\d*)*
    (?![\wº°%]|\s(?:dias?|min|hor|days?|sec|week)|\.\d)""",
    r"^\W* <workflow documento document> \s[\d.]+\w*\W*[,:→—–-]",
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
    r",\s <aguardando esperando awaiting> \s\w+\s*(?:,|$)",
    r"\d+\s\w+(?:\s\w+)?\s <waiting aguardando esperando pending>",
    r"\w\s\( <aguardando esperando pendente awaiting waiting pending> [^)]*\)",
)
THE_WORK = any_of("""
    <fluxo workflow execucao agente? passo step fase phase run trabalho work tudo everything linha line aqui
    here nada nothing it we eu me mim meu minha comigo my turno turn deploy push merge ramo branch release pr>
    """)
_SURFACE = words(
    "sistema app aplicativo tela pagina site modal formulario api backend frontend system screen page form"
)
_ON_SCREEN = words("""
    tela modal dialogo? popup toast pagina page screen botao button banner spinner loading snackbar drawer overlay
    """)
MACHINE_WAIT = any_of(
    "{waits} ..7 {machine}",
    r"{waits} ..4 <resposta answer reply response> ..3 \d+\s?(?:s|ms|min|seg\w*)\b",
    f"{{waits}} (?:\\s(?:for|until|pel[oa]|ate|que|[oa]|the|d[oa]))* \\s {TOOLS}",
    f"{{waits}} ..5 <n[ao] on in> (?:\\sthe)?\\s {_ON_SCREEN}",
    f"{{waits}} (?:\\s(?:for|until|pel[oa]|ate|que|[oa]|the|um|uma))* \\s {_ON_SCREEN}",
    """{waits} ..1 <proxim[ao] next> ..0
    <janelas? turnos? dia horario expediente manha semana noite hora windows? shift day morning slot week hour>""",
    "{waits} ..3 <aprovac* confirmac*> ..0 <d[oa]> ..0 <pagamento pix boleto compra cartao pedido cobranca>",
    "{waits} ..3 <payment order purchase charge> ..0 <approval confirmation>",
    "{waits} ..0 <amanha tomorrow baixar cair esfriar esvaziar diminuir>",
    """<(?:confirmation|approval)_(?:dialog|modal|screen|page|e-?mail|message|toast)
    (?:dialogo|modal|tela|mensagem|e-?mail|botao|pagina)_de_(?:confirmac|aprovac)*>""",
)
# The agent asks itself why until it knows, and answers the points of a list.
OWN_QUESTION = any_of("""
    <respostas? answers?> ..4 <porques? por_que por_ques whys? (?:perguntas?|questions?)_\\d+ cada_item each_item> |
    <cada every each tod[ao]s? all> ..2 <perguntas? porques? questions? whys?> ..3 <tiver tiverem tem has have> ..2
    <respostas? answers?>""")
AGENT_ROLE = any_of(
    "<(?:sub-?)?agente?s? bots? robos?> [-\\s] {role} | {role} [-\\s]\\(? <(?:sub-?)?agente?s? bots? robos?>"
)
BUSINESS_RULE = any_of(r"<regras?_de_negocio business_rules?> \W*:")
BUILDING = any_of(r"""^\W*
    <implement(?:e|ar)? cri(?:e|ar) adicion(?:e|ar) constru(?:a|ir) desenh(?:e|ar) codar program(?:e|ar) create add
    build write_the> ..4
    <\w*(?:dialog|modal|button|screen|guard) guard(?:a|s)? tela botao endpoint fluxo componente modal tabela coluna
    regra trigger policy middleware hook api rota pagina formulario screen button flow component table column
    rule route page form>""")
# What a person has to do in the thing that is built, and what somebody is only to know of.
IN_THE_PRODUCT = any_of(
    """<must has_to have_to needs?_to deve precisa tem_de tem_que> ..0
    <confirm* aceit* accept* escolh* choose digit* type assin* sign> ..1
    <e-?mail senha password termos terms nome name username conta account telefone phone endereco address cadastro
    pin codigo code captcha idade age avatar cpf cnpj cep>""",
    r"^\W* (?: <os? as? the um an?> \s)? {role} \b(?:(?!\b(?:se|que|if|whether)\b).){0,30}? <podem? can cannot can't>",
    "<so only> ..1 <aparec* habilit* fica appears? shows enabled visible visiv*>",
    """{role} ..1 <must has_to have_to needs?_to deve precisa tem_de tem_que> ..0
    <aprovar aceitar autorizar confirmar concordar consentir confirm accept approve agree consent> .{0,40}?
    <opt-?in opt-?out checkbox caixinha newsletter cookies?>""",
    """<consent*> ..1 <d[oa]s? of from> ..1
    <titular* assinantes? visitantes? consumidor* data_subjects? subscribers? visitors? consumers?>""",
    "<meus? minha my> ..0 <usuario user> ..0 <d[oae] of on in>",
    "<double_opt-?in duplo_opt-?in>",
    f"<sem without ate until enquanto while before antes> .{{1,40}}? , \\s?(?:(?:o|a|the)\\s) {_SURFACE}",
    "<nao not never> ..0 <aparec* exib* carreg* acess* loga ve appears? shows? loads? sees?>",
    """<permissao_(?:de|d[oa]) permission_for> ..1
    <push camera localizacao location notific* microfone microphone contatos contacts fotos photos galeria gps>""",
    "{role} ..0 <nao not never cannot> ..0 {decides}",
    "<sem_que without> ..5 <saib* perceb* knowing noticing>",
)
THEIR_WORD = any_of("{waits} ..0 <seu sua your meu minha my>")
BEFOREHAND = any_of("<antes_d* before>")  # what is done after a wait is not what is waited for
# What stands behind a stop and a colon, or leads into a fence: the agent mends, or fills in.
REDO = any_of(r"""^\W*
    <(?:re)?escrev(?:a|er) corrij(?:a)? corrigir consert(?:e|ar) arrum(?:e|ar) volt(?:e|ar) refa[cz](?:a|er)
    apag(?:ue|ar) remov(?:a|er) rod(?:e|ar) revert(?:a|er) desfa[cz](?:a|er)
    fix rewrite mend repair go_back undo revert remove>""")
FORM = any_of("<(?:para|pra)_cada for_each for_every preench* fill_(?:in|out)>")
MACHINE_SAYS = any_of(
    f"""<que when after once until if apos quando se> (?:\\s(?:[oa]s?|the|all))* ..1
    (?: {MACHINE} | {TOOLS} | <bancos? banks?> )"""
)
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
    (?:em_|in_|na_|qualquer_)?duvidas? any_doubts? exit_[1-9] saida_1 blocked>""",
)
# Trouble that is over is no reason to stop, and no reason not to.
MENDED = any_of(
    "<corrigid[oa]s? resolvid[oa]s? consertad[oa]s? fixed solved mended resolved>",
    "<apos depois_de after> ..1 <corrigir resolver consertar tratar fixing solving mending>",
    "<sem nenhum zero no without 0> ..1 <falh* fail* erros? errors? conflit* conflict* problem* pendenc*>",
    "<nao> ..2 <houver restar(?:em)? sobrar(?:em)?> ..3 <falh* erros? conflit* problem* pendenc*>",
)
CONDITION = any_of(r"^\W* <if se caso quando when unless while enquanto on in_case em_caso> .{1,80}? [:,]")
STOP_AFTER_QUESTION = any_of(r"\? [^\w?]* <pare parar stop pausa halt> \W")
STOP_ON_TROUBLE = any_of(r"""
    <pare parar parada stop pausa pause halt> \W{1,6} <se if quando when caso> ..2
    <falh* fail* erros? errors? exit saida vermelh* red quebr* break* broken>""")
DO_ASK = any_of("""
    <aguard(?:e|ar) esper(?:e|ar) wait await pause pausar pausa pare parar stop hold pergunt(?:e|ar) ask peca pedir
    solicit(?:e|ar) request get obtenha obter>""")
GENERAL = any_of(
    "<whenever sempre_que toda_vez (?:nunca|jamais|never)(?!.*\\b(?:sem|without|until|ate)\\b)(?![^,]*,)>",
    """<cada every each> ..0 <fases? gates? passos? etapas? workflows? documentos? steps? phases? commits? vez time
    mudanca decisao parada stops? push merge deploy changes?>""",
    """<os nos the at todos_os todas_as all duas tres two three [2-9]> ..0
    <gates paradas stops checkpoints pausas>""",
)
STATE = any_of(
    r"\b(?:status|estado|state)\b\W*[:=]",
    r"\b(?:isso|isto|this)\s(?:e|is)\s(?:o\s|a\s)?(?:status|estado|state)\b",
)
FILLED_BY_AGENT = any_of(
    "<agente? robo script> ..3 <preench* respond* marca fills? answers? ticks? soma confer*>",
    "<preenchid* respondid* filled answered ticked> ..2 <agente? itself sozinh*>",
)

# --- headings -----------------------------------------------------------------------------------------

PURPOSE = any_of(r"""^\W*
    <objetivos? goals? proposito purpose meta resultado(?:_esperado)? outcome output saida entrega descricao description
    quando quando_usar when when_to_use para_que o_que_faz what_it_does resumo summary em_uma_frase> [*_\s]*:""")
_OVERVIEWS = words("""
    regras? rules? principios? principles? visao_geral overview objetivos? goals? notas? notes? referencias?
    references? erros_comuns common_mistakes glossario glossary troubleshooting quando_usar when_to_use
    como_(?:usar|ler|funciona) how_(?:to_use|to_read|it_works|this_works) indice index contents sumario
    lembretes? reminders? convenc* conventions? papeis roles background contexto legendas? legend key
    """)
OVERVIEW = any_of(rf"^\W*(?:\d[\d.]*\W+)? (?: {_OVERVIEWS} | \w+\W+ {_OVERVIEWS} (?=\W*$|\W*[(:,–—-]|\s\w{{1,3}}\s) )")
SAMPLES = any_of("""
    \\( <contexto context produto product> [^()]* \\) |
    <exemplos? examples? samples? templates? modelos? moldes? anti-?padroes anti-?patterns? faq historico
    history changelog hindsight retrospect* lessons_learned licoes_aprendidas dialogos? dialogues?
    como_(?:isso_vira|falar|perguntar|conversar|pedir|escrever) how_to_(?:talk|ask|speak|phrase|write) tom_de_voz
    tone_of_voice conversas?_(?:com_)?(?:\\w+_)?(?:\\w+_)?durante roteiros?_de_testes? cenarios?
    casos_de_(?:testes?|uso) test_(?:scripts?|cases?|scenarios?) scenarios? microcopy user_stor* nao_aqui not_here>
    """)
GATE_WORDS = any_of(
    "[⏸🛑✋🚦🙋]",
    """
    <gates? approvals? approved? aprovac* aprovar aprova sign-?off checkpoint parada pausa pause stop hold
    confirmac* confirmation confirmar confirm decisao decision decide decidir autoriz* authori[sz]* consent*
    aval aceite acceptance liberac* go[/_-]+no[-_]go permissao permission validacao_d[oa] user_validation
    human[oa]? review_by revisao_d[oa] pergunta ask aguardar espera wait* palavra>
    """,
)
_TITLE_ENDS = r"(?=\W*$|\W*[(:,–—-]|\W+(?:required|needed|gate|checkpoint|obrigatori\w*|mandatory|before|antes|of"
# A heading that says what is to be told, and no piece of the work: what it holds is the phase's.
A_PART = any_of(r"""^\W*(?:\d[\d.]*\W+)?(?:(?:a|the)\s)? <pergunta question mensagem message
    o_que_me_mostrar o_que_mostrar what_to_show como_perguntar how_to_ask apresentacao resposta answer> \W*$""")
ABOUT_APPROVING = any_of(
    rf"""(?:
    <(?:user|owner|human|client|customer|stakeholder|team|lead|manager)(?:'s)?_(?:approval|validation|ok|sign-?off|acceptance|review|decision|checkpoint|gate|stop)
    (?:manual|final|explicit)_(?:approval|sign-?off|confirmation)>
    | <aprovacao validacao confirmacao aceite decisao revisao autorizacao aval ok> (?:\s\w+)?\s <d[oa]> ..0 {{person}}
    | <aprovacao_(?:humana|manual|explicita|final) (?:validacao|revisao|decisao)_humana>
    | <(?:checkpoint|parada|pausa)_d[eoa]_(?:usuari[oa]|don[oa]|pessoa|gente|cliente)>
    | <(?:checkpoint|gate|parada|pausa)_(?:human[oa]|manual) (?:human|manual)_(?:checkpoint|gate|stop|pause)>
    | <checkpoint parada pausa alinhamento revisao validacao aprovacao review sync> \s <com with> ..1 {{owner}} )
    {_TITLE_ENDS}|d[oae]s?|on|for|para)\b)""",
)
ASKING_TITLE = any_of(r"""
    ^[\W\d_]*(?:(?:passo|step|etapa|fase|phase|gate)\W+[\w.]+\W+)?
    <confirm(?:e|ar)? valid(?:e|ar|ate) pergunt(?:e|ar) ask consult(?:e|ar)? apresent(?:e|ar) present mostr(?:e|ar) show
    aprov(?:e|ar) approve solicit(?:e|ar) pedir peca request escolh(?:a|er) choose decid(?:a|ir|e) combin(?:e|ar)
    alinh(?:e|ar) agree lev(?:e|ar) aguard(?:e|ar) esper(?:e|ar) wait await get obter obtenha> ..4
    <com with a ao o for the> ..1 {owner}""")
APPROVAL_TITLE = any_of(
    rf"(?!permiss) {{approval}} {_TITLE_ENDS}|to|d[oae]s?|para|final)\b)",
    "<aprovar approve escolher choose decidir decide>",
)
FOR_SOMEBODY = any_of("<para pelo pela for by ao a_o to with com> ..1 {owner} \\W*$")
SIGNED = any_of(
    "{role} ..2 <signed approved agreed confirmed aprovou assinou confirmou autorizou concordou>",
    "<signed approved confirmed aprovad[oa] assinad[oa] confirmad[oa]> ..0 <by por pel[oa]s?> ..1 {role}",
)
PRODUCT_APPROVAL = any_of("""
    <fila tela botao status fluxo rota tabela modulo historico registro> ..0 <d[eao]> ..0
    <aprovac* confirmac* autorizac*> |
    \\( [^()]* <(?:funcao|feature|regra|fluxo|tela)_d[oa]_produto product_(?:feature|rule|flow|screen)> [^()]* \\)
    """)

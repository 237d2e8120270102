"""Talk that is shown and not held, steps in what is built, and what fences are for: one table. Judges nothing."""

from __future__ import annotations

from orchestrator.core.wording import any_of, words

_SURFACE = words(
    "sistema app aplicativo tela pagina site painel modal dialogo? interface ui system screen page dialog form"
)
SPECIMEN = any_of(
    r"^\W* <errado wrong ruim ruins bad evite evitar avoid certo right good exemplo example nao_diga> \W*:",
    r"^[\s>*_-]*[❌✗🚫👎✅👍]\W*[\"“]",
    rf"\b(?:o|a|the)\s {_SURFACE} ..0 <pergunta asks>",
    "<tem_certeza_(?:de_)?que_(?:deseja|quer) are_you_sure_you_want_to>",
)
AGENT_SPEAKS = any_of(r"^[\W_]*(?:agente?|assistente|assistant|ia|ai|bot|robo|claude|cascade)[*_\s]*:")
SPEAKS = any_of(r"^[\W_]*[^\W\d_]+(?:\s[^\W\d_]+)?[*_\s]*:[*_\s]*(?=\S)(?![\[(])")
CLICK = any_of(r"""^\W*
    <cli(?:que|car|ca) toc(?:ar|que|a) digit(?:e|ar|a) preench(?:a|er|e) selecion(?:e|ar|a) arrast(?:e|ar|a) click tap
    type fill drag press>""")
UI_STEP = any_of(r"""^\W*
    <abr(?:a|ir|e) naveg(?:ue|ar|a) acess(?:e|ar|a) rol(?:e|ar|a) volt(?:e|ar|a) recarreg(?:ue|ar|a) log(?:ue|ar)
    entr(?:e|ar|a) open select navigate visit scroll enter reload log_in sign_in go_to>""")
SCRIPTED_ANSWER = any_of(r"^\W*[\"“«][^\"“”«»]*\?[\"”»]\W*(?:→|->|=>)")
MOCKED_UP = any_of(
    f"""<textos? copy mensage(?:m|ns) rotulos? labels? titulos? texts? messages?> ..0 <d[oa]s? of> (?:\\sthe)?\\s
    {_SURFACE}""",
    f"<confirm* aprov* aceit* approv* accept* v[ei]> ..2 <n[ao] in on> (?:\\sthe)?\\s {_SURFACE}",
    rf"\b(?:o|a|the)\s {_SURFACE} ..0 <pergunta mostra exibe diz abre asks shows says displays opens>",
    f"<isso isto this> ..0 <e is> ..1 {_SURFACE}",
)
SAYS_WHAT_IT_IS = any_of(r"^\W* <isso isto this these> ..0 <e is are sao>")

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
    system_prompt prompts?_(?:d[oae]|for|of) changelog historico history old antig[oa] will_show
    vai_mostrar modelo rascunho draft arquivo log>
    """)
POINTS_BACK = any_of("<acima above>")

IF_APPROVED = any_of(r"""^\W*(?:\d\W+)? <se if quando when> \W+(?:(?:o|a|for|it|is|tudo)\s)?
    <aprovad[oa]s? aprovar approved approves? aceit[oa]s? accepted confirmad[oa]s? confirmed sim yes ok> (?=\W)""")
IF_REJECTED = any_of(r"""^\W*(?:\d\W+)? <se if quando when> \W+(?:(?:o|a|for|it|is|pedir|houver|wants)\s)?
    <rejeitad[oa]s? rejeitar recusad[oa]s? recusar negad[oa]s? negar rejected declined rejects? nao no ajustes?
    mudancas? changes not_approved nao_aprovad[oa]s?> (?=\W*$|\W*[:,→-])""")
SHOWN_FIRST = any_of(r"""^\W*(?:\d\W+)?(?:(?:acao|passo|action|step)\W+)?
    <mostr(?:e|ar) apresent(?:e|ar) exib(?:a|ir) envi(?:e|ar) cole colar poste resum(?:a|ir) entreg(?:ue|ar)
    list(?:e|ar) show present display post summari[sz]e paste send>""")

# A question that is no question: the next sentence answers it, or somebody is played.
OWN_ANSWER = any_of(r"""^\W*
    (?: <sim nao yes no> , | <siga segue go_on instala instale corrija conserte rollback> (?!\W*[:→]) |
    <so only> \s <se com quando if with when> (?! .* ["“] ) )""")
ROLE_PLAY = any_of("<finja imagine pretend faca_de_conta aja_como act_as como_se_fosse coloque-se no_lugar_d[aeo]>")

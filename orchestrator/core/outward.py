"""What goes outside when somebody agrees, and what decides where nobody does: one table. Judges nothing."""

from __future__ import annotations

from orchestrator.core.wording import any_of

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
        r"<go/no-go go_or_no-go> ..2 <producao production>",
    ),
    "release": any_of(r"""
        <deploy* implant* releas(?:e|es|ing) lanca(?:r|mento) public(?:ar|acao|a|amos|ad[oa]|o) publish*
        sub(?:ir|ida|imos|o) no_ar go(?:ing|es)?[-_]live live_(?:shop|site|system|server|environment|users)
        live_(?:customers|traffic) ship shipping promo(?:te|ver) roll_?out canary cutover virada
        (?:app|play)_store liberar_para (?:ligar|ativar|enable|turn_on)_(?:a_|o_|the_)?(?:feature_)?flag
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
    <entr[aoe]r? abr[ioae]r? mex[eo]r? open* click*
    test* valid* olh* naveg* us[ea]r? try tries look* check* review*> ..4 <em no na in on> ..1
    <staging homologacao pre-?prod*> | <homologacao> ..0 <pel[oa] d[oa] com_[oa]> ..0 {role}""")
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
    passo_[\d.]+ step_[\d.]+ fase_[\d.]+ phase_[\d.]+ (?:ta|esta|estao)_no_ar (?:is|are)_live
    localhost ambiente_(?:local|de_testes?) test_environment>
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
        stop_(?:if|on) pare_se stop_se sem_(?:violac\w+|erros?|falhas?|avisos)
        at_(?:most|least) below above under limite? threshold zero nenhum* no_\w+_(?:left|found) all tod[ao]s>""",
        r">=|<=|≥|≤|\d\s?%",
    ),
    any_of("""
        <scripts? automatic* maquina machine mecanic* sozinh[oa] agente? comandos? commands? testes? tests?
        lint* ci robo exist* confer* verific* checks? verify>
        """),
)
STATE_TITLE = any_of(r"<verdes? green limp[oa]s? clean sem_erros? zero passando passing passed passou> \W*$")
PLAIN = 2  # the places of the criteria up to here decide also where a person is mentioned
EXITS = 1  # the place of the criterion about exit codes
TASK = any_of(
    r"""
    ^\W*(?:\w+\W+){0,3}? <deix(?:e|ar) monitor(?:e|ar) acompanh(?:e|ar) leia ler
    tir(?:e|ar) captur(?:e|ar)? salv(?:e|ar) guard(?:e|ar) anex(?:e|ar) rod(?:e|ar) ger(?:e|ar)
    abr(?:a|ir) compar(?:e|ar)? colet(?:e|ar) fotograf(?:e|ar) registr(?:e|ar) nome(?:ie|ar) coloc(?:ar|que) commit
    copi(?:e|ar) mov(?:a|er) execut(?:e|ar) verifi(?:que|car) naveg(?:ue|ar) arquiv(?:e|ar) remov(?:a|er) repit[ae]
    take save store attach collect run open grab put name copy move shoot record check upload keep repeat> """,
    r"<is are sao sera serao> ..1 <collected stored saved taken kept coletad[oa]s? guardad[oa]s? salv[oa]s?>",
)
PLACE = any_of(r"[\w.-]+/[\w./-]+", r"\.(?:png|jpe?g|webp|gif|md|log|json|txt)\b")
IDLE_COMMAND = any_of(
    r"^\$?\s*(?:#|\w+=\S*(?:\s|$)|\w+=\$\(|(?:echo|printf|cat|cd|ls|export|set|mkdir|source|done|fi|then|else"
    r"|esac|if|for|while|do|\.|\}|\{|EOF|FIM|tail|head)\b)"
)

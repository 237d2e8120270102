"""The words of the rules, Portuguese and English, and how a rule is written. Judges nothing.

All of it is held against folded words, without case and accents. In a list of words an entry is a whole
word, `_` is a space and `*` any ending; `says` explains how a rule is written.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, cached_property


class Pattern:
    """A regular expression, compiled when it is first asked: most commands read no document.

    To compile one takes a hundred times as long as to search with it, so `search` asks each of its rules for itself,
    and first whether the words without which the rule cannot hold are there at all.
    """

    def __init__(self, *rules: str, spell: Callable[[str], str]) -> None:
        self._rules = rules
        self._spell = spell

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(either(*(self._spell(rule) for rule in self._rules)))

    @cached_property
    def _alone(self) -> list[_Rule]:
        return [_Rule(rule, self._spell) for rule in self._rules]

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Return the first place from `start` on where it holds; of rules that hold there, the first one's."""
        first = None
        for rule in self._alone:
            found = rule.search(text, start)
            if found and (first is None or found.start() < first.start()):
                first = found
        return first

    def match(self, text: str) -> re.Match[str] | None:
        """Return the place at the beginning where it holds."""
        return self._compiled.match(text)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Return the match with the whole text."""
        return self._compiled.fullmatch(text)

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[re.Match[str]]:
        """Yield the places where it holds."""
        return self._compiled.finditer(text, start, end)

    def sub(self, other: str | Callable[[re.Match[str]], str], text: str) -> str:
        """Return `text` with `other` wherever it holds."""
        return self._compiled.sub(other, text)


class _Rule:
    def __init__(self, rule: str, spell: Callable[[str], str]) -> None:
        self._rule = rule
        self._spell = spell
        self._compiled: re.Pattern[str] | None = None
        self._needs = list(_needs(rule)) if spell is says else []

    def search(self, text: str, start: int) -> re.Match[str] | None:
        if self._compiled is None:
            if not all(need(text) for need in self._needs):
                return None
            self._compiled = re.compile(self._spell(self._rule))
        return self._compiled.search(text, start)


def fold(text: str) -> str:
    """Return `text` without case and accents, character for character where it is composed (NFC)."""
    return text.lower() if text.isascii() else "".join(map(_fold_one, text))


@cache
def _fold_one(one: str) -> str:
    base = unicodedata.normalize("NFD", one)[0]
    return "" if unicodedata.combining(base) else base.lower()[0]


_GLUE = "\0"
_LITERAL = r"\\.|\[[^\]]*\]"  # in which a bracket or bar is no more than that
_LIST = r"\{[a-z_|]+\}"
_PLAIN = r"(?:[\w'/:-](?![?*{]))*"


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
    return "".join(_spelt(token.replace(_GLUE, " ")) for token in _tokens(rule))


def _tokens(rule: str) -> list[str]:
    return re.sub(r"<([^<>]*)>", lambda found: f"<{_GLUE.join(found[1].split())}>", rule).split()


def _needs(rule: str) -> Iterator[Callable[[str], object]]:
    """Yield what tells of a text, at little cost, that `rule` cannot hold there: a list of its words has none in it."""
    needed: list[Callable[[str], object]] = []
    depth = 0
    for token in _tokens(rule):
        if depth == 0 and token.startswith("<"):
            needed.append(_begins(token))
        elif depth == 0 and re.fullmatch(_LIST, token):
            needed.append(_listed(token))
        elif not token.startswith("<"):
            depth, has_choice = _nested(token, depth)
            if has_choice:
                return
    yield from needed


@cache
def _listed(token: str) -> Callable[[str], object]:
    return re.compile(_spelt(token)).search


@cache
def _begins(token: str) -> Callable[[str], bool]:
    beginnings = [_beginning(entry) for entry in token[1:-1].split(_GLUE)]
    return lambda text: any(one in text for one in beginnings)


def _nested(token: str, depth: int) -> tuple[int, bool]:
    """Return how many groups are open behind `token`, and whether it says "or" outside all of them."""
    has_choice = False
    for mark in re.sub(_LITERAL, "", token):
        depth += (mark == "(") - (mark == ")")
        has_choice = has_choice or (mark == "|" and depth == 0)
    return depth, has_choice


def _beginning(entry: str) -> str:
    """Return what the words of an entry begin with; nothing where they begin in several ways."""
    found = re.match(_PLAIN, entry)
    return found.group().replace("_", " ") if found and not _nested(entry, 0)[1] else ""


def _spelt(token: str) -> str:
    if token.startswith("<"):
        return words(token[1:-1])
    if re.fullmatch(_LIST, token):
        return either(*(LISTS[name] for name in token[1:-1].split("|")))
    if re.fullmatch(r"\.\.\d", token):
        return rf"(?:\W+\w+){{0,{token[2:]}}}?\W+"
    return token


def any_of(*rules: str) -> Pattern:
    """Return the pattern that holds where one of the rules does."""
    return Pattern(*rules, spell=says)


def regex(written: str) -> Pattern:
    """Return the pattern that a regular expression is, blanks and all; its flags go in `(?s:...)`."""
    return Pattern(written, spell=str)


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
    founders? fundador* administrador* admins? product_owner encarregad[oa]s? atendentes? po
    testador(?:a|es)? testers? sponsor arquitet[oa]s? architects?
    """)
OWNERS = words("""
    ŋ* usuari[oa]s? users? owners? don[oa]s? pessoas? persons? people human[oa]?s? (?:[oa]|d[oa]|ao|the)_po
    maintainers? mantenedor* stakeholders? solicitantes? requesters? responsave(?:l|is) founders? fundador*
    product_owner po
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
    meta apple google microsoft facebook instagram linkedin amazon asaas omie bling correios totvs sap hubspot
    salesforce zendesk intercom notion trello asana mercado_pago pagseguro cielo
    """)  # makers and their programs: they answer and approve, and are nobody here
APPROVAL = words("""
    aprovac(?:ao|oes) approvals? confirmac(?:ao|oes) confirmations? aceite acceptance aval
    autorizac(?:ao|oes) authori[sz]ations? permissao permissions? consent* decis(?:ao|oes) decisions? ok okay
    go[-_]ahead go/no-go go_or_no-go green[-_]light sinal_verde luz_verde sign-?off sign_off de_acordo
    (?<!cancele_a_)(?<!cancelar_a_)(?<!renovar_a_)assinatura signature veredit*
    verdict anuencia concordancia validacao_d[oa] blessing nod thumbs[-_]up (?:my|your|the)_go
    """)
ANSWER = either(
    words("""
    respostas? responses? repl(?:y|ies) answers? escolha choice feedback retorno liberac(?:ao|oes)
    instruc(?:ao|oes) instructions? sim yes palavra word input parecer visto revisao_humana human_review
    manifestac* posicao pick devolutiva
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

WRITER = words("eu i i've i_have i'll i_will")  # who wrote the document, and says so in his own person
DOES = words("""
    olh(?:o|ar|ei) vej[oa] ver vi le(?:io|r|ia) li test(?:o|ar|ei|e) confir[oa] conferir mex(?:o|er) us(?:o|ar)
    valid(?:o|ar) revis(?:o|ar) prov(?:o|ar) fal(?:o|ar) mand(?:o|ar) liber(?:o|ar) gost(?:o|ar|ei) chegar voltar
    respond(?:o|er) dizer dig[ao] aprov(?:o|ar) assin(?:o|ar) decid(?:o|ir) escolh(?:o|er) escut(?:o|ar) ou[vc](?:o|ir)
    look(?:ed)?_at read seen see test(?:ed)? tr(?:y|ied)(?:_it)? checked check reviewed review answer(?:ed)? said say
    approved? sign(?:ed)? decided? pick(?:ed)? hear(?:d)? tasted? like
    """)

LISTS = {
    "writer": WRITER,
    "does": DOES,
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
A_MACHINE = any_of("{machine}")
A_PERSON = any_of("{person}", "<eu voces? i you>", "<meu minha my> ..0 <teste test retorno resposta answer>")
A_ROLE = any_of("{role}")
AN_OWNER = any_of("{owner}")
A_WRITER = any_of("{writer} ..0 (?: {does} | {decides} )", "<vou> ..0 (?:dar\\suma\\solhada | {does} )")
A_WAIT = any_of("{waits}")

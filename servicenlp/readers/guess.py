"""Which columns of an unknown table hold words, and whose: told by their names and by what is in them."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from servicenlp.errors import DataError
from servicenlp.interactions import AGENT, BOT, CUSTOMER
from servicenlp.language import foreign
from servicenlp.preprocessing import says_nothing

# Names that help desks, survey tools and review sites give to the customer's words, best first.
TEXT_NAMES = (
    "text|transcript|conversation|description|ticket description|body|message|comment|comments|review|review text|"
    "review_text|feedback|content|verbatim|answer|response|interaction|email|note|notes|tweet|chat|customer comment"
).split("|")
# The same in other languages, and in longer words; best first, by `plain_name`.
_MORE_NAMES = (
    "fulltext chattranscript calltranscript fulltranscript conversationtext conversationtranscript dialogue dialog caption utterance "
    "consumercomplaintnarrative complaintnarrative narrative issuedescription caseDescription problemdescription "
    "complaintdescription complainttext complaint requestdescription detaileddescription longdescription descriptiontext "
    "plainbody bodytext textbody emailbody mailbody messagebody messagetext messagecontent msg "
    "customermessage customertext customercomments customerfeedback usermessage usercomment customerreview userreview reviewbody "
    "reviewcontent reviewcomment reviewdescription reviews feedbacktext commenttext commentbody surveycomment additionalcomments "
    "generalcomments opencomment openfeedback freetext freetextcomment openended opentext ratingcomment ratingreason reason "
    "remarks remark "
    "suggestion suggestions experience details query inquiry enquiry question post snippet sentence value instruction prompt input "
    "beschreibung ticketbeschreibung problembeschreibung fehlerbeschreibung nachricht nachrichtentext kundennachricht "
    "ihrenachricht mitteilung "
    "kommentar kommentare kundenkommentar bewertungstext rezension kundenbewertung bewertung ruckmeldung kundenfeedback freitext "
    "anliegen beschwerde anfrage anmerkung anmerkungen bemerkung bemerkungen inhalt "
    "texte descriptif commentaire commentaires avis avisclient contenu verbatims remarque remarques reclamation plainte demande "
    "votremessage votrecommentaire "
    "texto descripcion descripciondelcaso mensaje comentario comentarios resena opinion opiniones contenido observaciones observacion "
    "queja reclamo reclamacion consulta valoracion "
    "testo descrizione messaggio commento commenti recensione opinione contenuto osservazioni segnalazione reclami richiesta "
    "tekst beschrijving omschrijving bericht opmerking opmerkingen recensie beoordeling inhoud toelichting klacht vraag reactie "
    "descricao mensagem avaliacao conteudo observacoes opiniao reclamacao relato resenha depoimento "
    "opis wiadomosc trescwiadomosci tresc komentarz komentarze opinia recenzja uwagi zgłoszenie trescgłoszenia reklamacja "
    "beskrivning meddelande omdome beskrivelse besked kuvaus viesti kommentti palaute acıklama mesaj yorum описание сообщение "
    "комментарий отзыв текст "
    "本文 テキスト 内容 お問い合わせ内容 問い合わせ内容 お問合せ内容 問合せ内容 説明 詳細 メッセージ コメント レビュー "
    "レビュー本文 口コミ クチコミ 感想 ご意見 "
    "ご意見ご感想 自由記述 自由回答 フリーコメント 描述 评论 评价 内容 留言 反馈 설명 내용 리뷰 댓글 메시지 raw cooked"
).split()
# What an agent wrote to the customer, where the customer's words stand in another column.
_REPLY_WORDS = (
    "reply replies response responses resolution answer answers solution antwort losung reponse respuesta risposta antwoord "
    "resposta odpowiedz rozwiazanie solucion soluzione oplossing solucao resolucion resolucao risoluzione svar 回答 返信 返答 "
    "対応内容 解決策 答复 回复 답변"
).split()
_AGENT_WORDS = (
    "agent rep representative support staff operator owner business company developer management manager seller host hotel merchant "
    "vendor provider brand service admin team our us mitarbeiter berater agente asesor conseiller medewerker "
    "konsultant 担当者 担当"
).split()
_CUSTOMER_WORDS = (
    "customer client consumer user buyer guest caller patient member visitor requester reviewer kunde kunden cliente klant klient".split()
)
_TEXT_WORDS = (
    "text transcript description body message messages comment comments review feedback content verbatim narrative complaint words "
    "query question request issue utterance post statement opinion experience tweet problem nachricht kommentar beschreibung mensaje "
    "comentario message "
    "commentaire messaggio commento bericht opmerking mensagem wiadomosc komentarz"
).split()
_ABOUT_WORDS = (
    "reviews ticket case survey chat conversation email mail full original open complaint complaints incident initial first".split()
)
# Names of what is long but not the customer's words.
_OTHER_WORDS = (
    "internal private worknotes notes note interne intern interna interno wewnetrzne agentnotes html url link uri href json "
    "xml raw payload metadata "
    "meta headers header useragent agentid id ids uuid guid hash token key image images photo photos picture avatar attachment "
    "attachments file files path filename tags labels category categories topics keywords summary disposition log logs "
    "history audit signature address location "
    "product article policy terms bio ip browser device sql trace debug timestamp date time permalink subject title betreff "
    "objet asunto oggetto onderwerp assunto temat 件名 name email phone company organization organisation team group zusammenfassung "
    "resume 備考 社内メモ メモ diagnosis instructions template script macro entities embedding vector translation"
).split()
_NOTES = {"internal", "private", "intern", "interne", "interno", "interna", "worknotes", "agentnotes", "社内メモ"}
# Known names that may mean something else; taken only if nothing better is there.
_VAGUE = set("note notes email interaction summary reason details value snippet question remark remarks".split())
_TITLE_NAMES = (
    "reviewtitle reviewstitle title headline reviewheadline reviewsummary summary titreavis titre titel bewertungstitel titulo "
    "titolo tytul "
    "タイトル レビュータイトル 标题 제목"
).split()
_JUDGING = {"review", "reviews", "feedback", "complaint", "complaints", "verbatim", "opinion"}  # never the company's
_ENGLISH = {"translated", "translation", "english", "en"}
_RATING = re.compile(
    r"rating|stars?$|^star(?!t)|score|nps|csat|bewertung|note$|sterne|estrellas|puntuaci|valutazione|beoordeling|ocena|評価|評点|星"
)

_URL = re.compile(r"^\s*(?:https?://|www\.)\S+\s*$", re.IGNORECASE)
_DATA = re.compile(r"^\s*(?:[{\[]\s*[\"'{\[]|\[\s*-?[\d.]+\s*(?:,|\]\s*$)|<\?xml|\w+=[^&\s]+&\w+=)")
_TAG = re.compile(r"<[^<>]{1,2000}>")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")  # scripts without blanks between words
_CODE = re.compile(r"^(?!\S*[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]{4})\S*\d\S*$|^[\w.+-]+@[\w.-]+$")
_CHOICE = re.compile(
    r"^\W*(?:(?:very|somewhat|strongly|extremely|slightly|moderately|mostly|completely|totally|not|at|all|neither|nor|quite|rather|too|"
    r"dis|un|satisfied|dissatisfied|unsatisfied|agree|disagree|neutral|likely|unlikely|easy|difficult|hard|helpful|unhelpful|useful|"
    r"excellent|good|great|fair|average|poor|bad|terrible|okay|ok|yes|no|maybe|never|rarely|sometimes|often|always|once|twice|daily|weekly|"
    r"monthly|yearly|or|more|less|than|times|a|an|year|month|week|day|days|about|right|the|same|much|better|worse|male|female|other|prefer|"
    r"to|say|sure|i|don't|know|n/?a|\d+|e-?mail|phone|chat|in|person|online|store|website|app)\W*){1,7}$",
    re.IGNORECASE,
)


class Traits(NamedTuple):
    """What the cells of a column are like.

    Attributes
    ----------
    words : float
        How many words a cell that holds a text has, on average.
    filled : int
        How many cells hold a text.
    distinct : float
        Which share of those differ from one another.
    data : float
        Which share are addresses of pages, data structures or codes.
    choice : bool
        Whether they look chosen from a list rather than written.
    markup : float
        Which share hold tags.
    """

    words: float
    filled: int
    distinct: float
    data: float
    choice: bool
    markup: float


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Return a column's name without case, accents, blanks and marks.

    Examples
    --------
    >>> plain_name("Ticket ID"), plain_name("ticketId"), plain_name("Descripción del caso"), plain_name("コメント")[:1]
    ('ticketid', 'ticketid', 'descripciondelcaso', 'コ')
    """
    # Accents are marks of Latin letters; those of other scripts make other letters.
    bare = "".join(c for c in unicodedata.normalize("NFD", name.lower()) if not "\u0300" <= c <= "\u036f")
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", bare)))


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a column's name, in small letters and without accents."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return tuple(plain for part in re.split(r"[\W_]+", parted) if (plain := plain_name(part)))


def count_words(text: str) -> float:
    """Count the words of a text, about two letters each where a script has no blanks; tags do not count."""
    bare = _TAG.sub(" ", text[:5000])
    return len(_WIDE.sub(" ", bare).split()) + len(_WIDE.findall(bare)) / 2


def choose_text_column(name: str, columns: Sequence[str], sample: Sequence[dict[str, Any]], wanted: str | None = None) -> str:
    """Choose the column of the customer's words: the one wanted, a known name, or the wordiest.

    Raises
    ------
    DataError
        If the wanted column is not there, or no column holds sentences.
    """
    found = ", ".join(map(repr, columns[:8])) + (" and more" if len(columns) > 8 else "")
    if wanted:
        if wanted not in columns:
            raise DataError(f"{name}: no column {wanted!r}. Found {found}. Name one of them with --text-column.")
        return wanted
    looks = {column: traits([row.get(column) for row in sample]) for column in columns}
    ranks = {column: rank for column in columns if (rank := text_rank(column)) is not None}
    if not sample or len(columns) == 1:
        if known := sorted(ranks, key=lambda column: ranks[column]):
            return known[0]
    for pick in (_known, _asked, _wordiest, _vague, _any):
        if column := pick(looks, ranks):
            return _in_english(column, looks, sample)
    if ranks:
        return min(ranks, key=lambda column: ranks[column])
    raise DataError(f"{name}: no text column. Found {found or 'no columns'}. Name it with --text-column.")


def _in_english(column: str, looks: dict[str, "Traits"], sample: Sequence[dict[str, Any]]) -> str:
    """Return the column of a text's translation into English, if there is one, and it is needed."""
    others = [
        c for c in looks if c != column and is_written(looks[c]) and {"translated", "translation", "english", "en"} & {*name_words(c)}
    ]
    if not others or looks[others[0]].filled < 0.9 * looks[column].filled:
        return column
    theirs = foreign([cell for row in sample[:50] if isinstance(cell := row.get(column), str)])
    return others[0] if sum(map(bool, theirs)) * 2 > len(theirs) else column


def is_written(look: "Traits", least: float = 2) -> bool:
    """Tell whether a column's cells were written by people: words, not codes, addresses or choices from a list."""
    return look.words >= least and look.data < 0.5 and not look.choice


def _known(looks: dict[str, "Traits"], ranks: dict[str, float]) -> str | None:
    """Return the best known name that holds words: a "comment" may be empty, a "text" a code."""
    good = [column for column in ranks if is_written(looks[column]) and _is_own(column, looks[column])]
    # An answer is the company's where a question of each customer's own stands beside it.
    own = [column for column in good if plain_name(column) not in _REPLY_WORDS and looks[column].distinct > 0.5]
    good = own or good
    most = max((looks[column].filled for column in good), default=0)
    return min((column for column in good if looks[column].filled * 5 >= most), key=lambda column: ranks[column], default=None)


def _is_own(name: str, look: "Traits") -> bool:
    """Tell whether a known name means the customer's words; a question does if it is not the same for all."""
    return plain_name(name) not in _VAGUE or (plain_name(name) == "question" and look.distinct > 0.5)


def _asked(looks: dict[str, "Traits"], _ranks: dict[str, float]) -> str | None:
    """Return the survey question with the longest answers."""
    open_ = [column for column in looks if is_question(column) and is_written(looks[column])]
    return max(open_, key=lambda column: looks[column].words, default=None)


def _wordiest(looks: dict[str, "Traits"], _ranks: dict[str, float]) -> str | None:
    good = [column for column in looks if is_written(looks[column], 3) and not is_other(column) and not is_reply(column)]
    return max(good, key=lambda column: looks[column].words, default=None)


def _vague(looks: dict[str, "Traits"], ranks: dict[str, float]) -> str | None:
    return min((column for column in ranks if is_written(looks[column])), key=lambda column: ranks[column], default=None)


def _any(looks: dict[str, "Traits"], _ranks: dict[str, float]) -> str | None:
    """Return the wordiest column that is not a note or an answer of the company's: a subject, if there is nothing else."""
    good = [c for c in looks if looks[c].words >= 3 and looks[c].data < 0.5 and not is_of_agents(c) and not {*name_words(c)} & _NOTES]
    own = [column for column in good if not is_reply(column)]
    return max(own or good, key=lambda column: looks[column].words, default=None)


def traits(cells: Sequence[Any]) -> Traits:
    """Look at some cells of a column."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and not says_nothing(cell)]
    if not texts:
        return Traits(0.0, 0, 0.0, 0.0, False, 0.0)
    n = len(texts)
    data = sum(bool(_URL.match(text) or _DATA.match(text) or _CODE.match(text)) for text in texts) / n
    markup = sum(bool(_TAG.search(text)) for text in texts) / n
    words = sum(map(count_words, texts)) / n
    return Traits(words, n, len(set(texts)) / n, data, _is_choice(texts), markup)


def answered(cell: Any) -> str:
    """Return what a cell says; "" for what is no text, or says that there is none ("N/A", "-", "No Negative")."""
    return "" if not isinstance(cell, str) or says_nothing(cell) else cell


def text_rank(name: str) -> float | None:
    """Return how well a name is known for the customer's words, 0 best; None if it is not."""
    if (low := name.strip().lower()) in TEXT_NAMES:
        return TEXT_NAMES.index(low)
    if (plain := plain_name(name)) in _RANKS:
        return _RANKS[plain]
    words = name_words(name)
    if any(word in _CUSTOMER_WORDS for word in words) and any(word in _TEXT_WORDS for word in words):
        return 3.5  # "what the customer's message says" is as good as a description
    if len(words) > 1 and words[-1] in _TEXT_WORDS and all(word in _TEXT_WORDS or word in _ABOUT_WORDS for word in words):
        return 4.5  # "reviews.text", "Complaint description"
    return None


_RANKS: dict[str, float] = {plain_name(name): len(TEXT_NAMES) + i for i, name in reversed(list(enumerate(_MORE_NAMES)))}
_RANKS |= {plain_name(name): float(i) for i, name in reversed(list(enumerate(TEXT_NAMES)))}


def is_question(name: str) -> bool:
    """Tell whether a header is a question put to people rather than a name."""
    return name.rstrip(" *").endswith(("?", "？", "…", "...")) or count_words(name) >= 5


def is_other(name: str) -> bool:
    """Tell whether a name is one of what is long but not the customer's words: notes, links, data, subjects."""
    if is_question(name):
        return False
    words = name_words(name)
    return any(word in _OTHER_WORDS for word in words) or plain_name(name) in _OTHER_WORDS


def is_title(name: str) -> bool:
    """Tell whether a column holds the titles of reviews."""
    return plain_name(name) in _TITLE_NAMES


def is_rating(name: str) -> bool:
    """Tell whether a column holds stars or scores."""
    return bool(_RATING.search(plain_name(name)))


def is_reply(name: str) -> bool:
    """Tell whether a column holds what the company answered, by its name; "response" may be a survey's too."""
    if is_question(name) or plain_name(name) in _REPLY_WORDS:
        return plain_name(name) in _REPLY_WORDS
    words = name_words(name)
    if plain_name(name).endswith(("回复", "回覆", "返信", "답글", "답변", "답변내용", "回复内容", "回答内容", "返信内容")):
        return True
    return is_of_agents(name) or any(word in _REPLY_WORDS for word in words) and not any(word in _CUSTOMER_WORDS for word in words[:1])


def is_of_agents(name: str) -> bool:
    """Tell whether a name says that its words are an agent's: "agent_message", "Developer Reply Text"."""
    words = name_words(name)
    spoken = any(word in _TEXT_WORDS or word in _REPLY_WORDS for word in words)
    ours = next((word for word in words if word in _AGENT_WORDS or word in _CUSTOMER_WORDS), None)
    return spoken and ours in _AGENT_WORDS and not is_question(name) and _JUDGING.isdisjoint(words)


def is_of_customers(name: str) -> bool:
    """Tell whether a name says that its words are a customer's."""
    words = name_words(name)
    ours = next((word for word in words if word in _AGENT_WORDS or word in _CUSTOMER_WORDS), None)
    return ours in _CUSTOMER_WORDS and any(word in _TEXT_WORDS or word in _REPLY_WORDS for word in words)


def side_of(name: str) -> str | None:
    """Return whose words a column holds, by its name: "user_message", "agent_reply", "bot response"; None if it tells not."""
    spoken = {*name_words(name)} & {*_TEXT_WORDS, *_REPLY_WORDS}
    if spoken and {*name_words(name)} & {"bot", "chatbot", "ai"}:
        return BOT
    return CUSTOMER if is_of_customers(name) else AGENT if is_of_agents(name) else None


def _is_choice(texts: list[str]) -> bool:
    if all(_CHOICE.match(text) for text in texts):
        return True
    if len(texts) < 6:
        return False
    if len(set(texts)) * 2 <= len(texts) and max(len(text.split()) for text in texts) <= 8:
        return True
    picks = [pick.strip() for text in texts for pick in re.split(r"[,;|]", text)]
    return len(set(picks)) * 3 <= len(picks) and max(len(pick.split()) for pick in picks) <= 5

"""Jira and Jira Service Management: issues as CSV in any language, and as the JSON of its two APIs."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, BOT, CUSTOMER, NOTE, Message
from servicenlp.readers.shape import Record, Sample, Shape, from_agent, ident, listing, mapping, seconds, truth, words

# Headers come in the language of whoever exports.
_HEADERS = {
    "key": "issue key|work item key|key|vorgangsschlüssel|schlüssel|clave de incidencia|clave|clé de ticket|clé|clé de demande|"
    "chiave segnalazione|chiave ticket|chiave|chave da item|chave do item|chave da issue|chave|sleutel van issue|issuesleutel|sleutel|"
    "klucz zgłoszenia|klucz|ключ проблемы|код|ключ задачи|ключ|課題キー|キー|问题关键字|事务密钥|关键字|이슈 키|키|ärendenyckel|nyckel|"
    "sagsnøgle|nøgle|saksnøkkel|pyynnön avain|avain|klíč požadavku|klíč",
    "id": "issue id|vorgangs-id|id de la incidencia|id de ticket|id de demande|id segnalazione|id ticket|id da item|id do item|issue-id|"
    "id zgłoszenia|id проблемы|課題 id|事务 id|이슈 id|ärende-id",
    "text": "description|beschreibung|descripción|descrizione|descrição|beschrijving|omschrijving|opis|описание|説明|描述|설명|"
    "beskrivning|beskrivelse|kuvaus|popis",
    "comment": "comment|comments|kommentar|kommentare|comentario|comentarios|commentaire|commentaires|commento|commenti|comentário|"
    "comentar|comentários|opmerking|reactie|opmerkingen|komentarz|komentarze|комментарий|комментарии|コメント|评论|注释|备注|댓글|"
    "kommentarer|kommentti|kommentit|komentář",
    "reporter": "reporter|autor|berichterstatter|informador|rapporteur|auteur|segnalatore|relator|melder|rapporteur|zgłaszający|автор|"
    "報告者|报告人|보고자|rapportör|reportér|ilmoittaja|zadavatel",
    "reporter_id": "reporter id|id des autors|autor-id|id del informador|id. de informador|id du rapporteur|rapporteur id|"
    "id segnalatore|id do relator|id van melder|melder-id|id zgłaszającego|идентификатор автора|報告者 id|报告人 id|보고자 id",
    "created": "created|erstellt|creada|creado|création|créé|creato|criado|gemaakt|aangemaakt|utworzono|utworzone|создано|作成日|已创建|"
    "创建日期|생성일|만듦|skapad|oprettet|luotu|vytvořeno",
    "summary": "summary|zusammenfassung|resumen|résumé|riepilogo|resumo|samenvatting|podsumowanie|streszczenie|тема|要約|概要|摘要|요약|"
    "sammanfattning|yhteenveto|souhrn",
    "participants": "custom field (request participants)|request participants",
}
_KEY = re.compile(r"[A-Z][A-Z0-9_]+-\d+")
# "30/Jul/18 23:33;5b10ac8d82e05b22cc7d4ef5;It works again."
_COMMENT = re.compile(r"\s*([^;\n]{6,40});([^;\n]{0,150});(.*)", re.DOTALL)
_AUTOMATION = re.compile(r"automation(?: for jira)?$|557058:f58131cb-b67d-43c7-b30d-6b58d40bd077$|.*\bbot$|jira ?automation", re.IGNORECASE)
_NUMBERS = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]")
_MARKUP = (
    (re.compile(r"\{(?:color|panel|quote|code|noformat)(?::[^{}]*)?\}|\[\^[^\]\n]+\]|!\S[^!\n]*\.\w{2,4}(?:\|[^!\n]*)?!"), ""),
    (re.compile(r"\[~(?:accountid:)?[^\]\n]*\]"), ""),
    (re.compile(r"\[([^|\]\n]+)\|[^\]\n]+\]"), r"\1"),
    (re.compile(r"^h[1-6]\. ", re.MULTILINE), ""),
)


def recognise(sample: Sample, options: Options) -> Shape | None:
    """Recognise issues by the fields of the API, or by the columns of its CSV.

    Raises
    ------
    DataError
        If the issues come with neither descriptions nor comments.
    """
    if any(_is_issue(row) for row in sample.rows):
        return _issues(sample, options)
    if any(listing(row.get("requestFieldValues")) for row in sample.rows):
        uses = {"id": "issueKey", "text": "requestFieldValues"}
        return Shape("Jira requests", uses, messages=lambda told: [*_request(told, options)], id_column=options.id_column or "issueKey")
    return _table(sample, options)


def _is_issue(told: Record) -> bool:
    fields = mapping(told.get("fields"))
    return bool({"summary", "issuetype", "comment", "reporter"} & set(fields)) and ("key" in told or "id" in told)


def _issues(sample: Sample, options: Options) -> Shape:
    column = options.id_column or sample.column("key", "id") or ""
    uses = {"id": column, "text": "fields.description", "messages": "fields.comment"}
    rows = [mapping(row.get("fields")) for row in sample.rows]
    if not any("description" in fields or "comment" in fields for fields in rows):
        advice = "Ask Jira's API for &fields=description,comment,reporter,created."
        raise DataError(f"{sample.name}: Jira issues without words. Found neither 'description' nor 'comment'. {advice}")
    return Shape("Jira issues", uses, messages=lambda told: [*_issue(told, options)], id_column=column)


def _issue(told: Record, options: Options) -> Iterator[Message]:
    """Yield what an issue of the platform's API says."""
    fields = mapping(told.get("fields"))
    reporters = set(_names(fields.get("reporter")) or _names(fields.get("creator")))
    yield Message(CUSTOMER, _text(fields.get("description")), seconds(fields.get("created")))
    comments = listing(mapping(fields.get("comment")).get("comments")) or listing(fields.get("comment")) or listing(told.get("comments"))
    yield from (_comment(comment, reporters, options) for comment in comments)


def _request(told: Record, options: Options) -> Iterator[Message]:
    """Yield what a request of the service desk's API says."""
    values = {words(field.get("fieldId")): field.get("value") for field in listing(told.get("requestFieldValues"))}
    yield Message(CUSTOMER, _text(values.get("description")), _moment(told.get("createdDate")))
    comments = listing(mapping(told.get("comments")).get("values")) or listing(told.get("comments"))
    yield from (_comment(comment, {*_names(told.get("reporter"))}, options) for comment in comments)


def _comment(comment: Record, reporters: set[str], options: Options) -> Message:
    public = next((truth(comment[name]) for name in ("jsdPublic", "public") if name in comment), None)
    author = mapping(comment.get("author"))
    speaker = CUSTOMER if _role_of(author) == CUSTOMER else _speaker(_names(author), reporters, options)
    hidden = public is False or bool(mapping(comment.get("visibility")))
    return Message(
        NOTE if hidden else BOT if _role_of(author) == BOT else speaker, _text(comment.get("body")), _moment(comment.get("created"))
    )


def _role_of(author: Record) -> str | None:
    """Return the role that an account's type tells: portal customers have their own."""
    return {"customer": CUSTOMER, "app": BOT}.get(words(author.get("accountType")))


def _names(person: Any) -> list[str]:
    """Return all by which a person may be known."""
    known = mapping(person)
    found = [known.get(name) for name in ("accountId", "key", "name", "emailAddress", "displayName")] if known else [person]
    return [name.lower() for one in found if (name := ident(one))]


def _speaker(names: list[str], reporters: set[str], options: Options) -> str:
    if any(from_agent(name, options) for name in names):
        return AGENT
    if any(map(_AUTOMATION.match, names)):
        return BOT
    # Those who only know the portal have ids that begin so.
    return CUSTOMER if reporters & set(names) or any(name.startswith("qm:") for name in names) else AGENT


def _moment(value: Any) -> float | None:
    known = mapping(value)
    return seconds(known.get("epochMillis") or known.get("iso8601")) if known else seconds(value)


def _text(value: Any) -> str:
    """Return the words of a body: plain, with wiki markup, or a document of nested nodes."""
    known = mapping(value)
    if known:
        return re.sub(r"\n{3,}", "\n\n", "".join(_nodes(known))).strip()
    text = words(value)
    for pattern, by in _MARKUP:
        text = pattern.sub(by, text)
    return text


def _nodes(node: Record) -> Iterator[str]:
    """Yield the words of a document's node and of those in it."""
    kind, attributes = node.get("type"), mapping(node.get("attrs"))
    if kind == "text":
        yield words(node.get("text"))
    elif kind == "hardBreak":
        yield "\n"
    elif kind in ("mention", "emoji", "status", "date"):
        yield words(attributes.get("text") or attributes.get("shortName"))
    else:
        inner = "".join(part for child in listing(node.get("content")) for part in _nodes(child))
        yield "> " + inner.strip().replace("\n", "\n> ") if kind == "blockquote" else inner
    if kind in ("paragraph", "heading", "listItem", "blockquote", "codeBlock", "tableRow", "rule"):
        yield "\n"


def _table(sample: Sample, options: Options) -> Shape | None:
    """Return the shape of issues exported as a table."""
    found = {what: _columns(sample, names) for what, names in _HEADERS.items()}
    keys = [column for column in found["key"] if _are_keys(sample, column)]
    comments = found["comment"] or [column for column in sample.columns if _are_comments(sample, column)]
    told = [what for what in ("id", "summary", "reporter", "created") if found[what]]
    issue = sample.has("issue key") or sample.has("issue id", "issue type") or sample.has("work item key")
    marked = _any_comments(sample, comments) or (len(told) > 1 and (found["id"] or len(comments) > 1))
    if not (issue and told) and not (keys and marked):
        return None
    if sample.rows and not found["text"] and not comments:
        _refuse(sample, found)
        return None
    column = options.id_column or (keys or found["key"] or found["id"] or [""])[0]
    uses = {"id": column, "text": (found["text"] or [""])[0], "messages": (comments or [""])[0], "customer": (found["reporter"] or [""])[0]}
    uses = {role: name for role, name in uses.items() if name}
    return Shape("Jira issues", uses, messages=_teller(found, comments, options), id_column=column)


def _columns(sample: Sample, names: str) -> list[str]:
    """Return the columns of these names, also where a repeated one was numbered: "Comment.2", "Comment.1"."""
    wanted = names.split("|")
    plain = {column: re.sub(r"\.\d+$", "", column.strip().lower()).removeprefix("fields.") for column in sample.columns}
    return [column for name in dict.fromkeys(wanted) for column in sample.columns if plain[column] == name]


def _cells(sample: Sample, column: str) -> list[str]:
    return [text for row in sample.rows if (text := words(row.get(column)).strip())]


def _are_keys(sample: Sample, column: str) -> bool:
    cells = _cells(sample, column)
    return bool(cells) and all(map(_KEY.fullmatch, cells))


def _are_comments(sample: Sample, column: str) -> bool:
    cells = _cells(sample, column)
    return bool(cells) and all((told := _COMMENT.match(cell)) and seconds(told[1]) is not None for cell in cells)


def _any_comments(sample: Sample, columns: list[str]) -> bool:
    return any(_are_comments(sample, column) for column in columns)


def _refuse(sample: Sample, found: dict[str, list[str]]) -> None:
    """Raise DataError unless another column holds sentences."""
    subjects = set(found["summary"])
    if any(sum(len(cell.split()) for cell in cells) >= 5 * len(cells) for column in sample.columns
           if column not in subjects and (cells := _cells(sample, column))):  # fmt: skip
        return
    columns = ", ".join(map(repr, sample.columns[:6]))
    rest = f" Or judge the summaries: --text-column {found['summary'][0]!r}." if found["summary"] else ""
    advice = "Export again with 'CSV (all fields)', which has Description and Comment."
    raise DataError(f"{sample.name}: Jira issues without descriptions and comments. Found {columns}. {advice}{rest}")


def _teller(found: dict[str, list[str]], comments: list[str], options: Options) -> Callable[[Record], list[Message]]:
    people = found["reporter"] + found["reporter_id"] + found["participants"]

    def messages(told: Record) -> list[Message]:
        reporters = {name for column in people for name in _names(told.get(column))}
        first = [
            Message(CUSTOMER, _text(told.get(column)), _unambiguous(told.get((found["created"] or [""])[0]))) for column in found["text"]
        ]
        return _in_order(first, [_cell_comment(told.get(column), reporters, options) for column in comments])

    return messages


def _cell_comment(cell: Any, reporters: set[str], options: Options) -> Message:
    """Read "date;author;text"; the author may be missing, the text may hold semicolons."""
    text = words(cell)
    told = _COMMENT.match(text)
    if not told or not re.search(r"\d", told[1]):
        return Message(AGENT, _text(text) if text.strip() else "")
    return Message(_speaker(_names(told[2]), reporters, options), _text(told[3]), _unambiguous(told[1]))


def _unambiguous(value: Any) -> float | None:
    """Return a time, unless day and month could be meant the other way round."""
    return None if isinstance(value, str) and _NUMBERS.match(value.strip()) else seconds(value)


def _in_order(first: list[Message], comments: list[Message]) -> list[Message]:
    """Put the description first, whatever its time; comments without a time stay as they are."""
    said = [comment for comment in comments if comment.text.strip()]
    times = [comment.time for comment in said]
    if None in times:
        return [message._replace(time=None) for message in first + said]
    begin = min((time for time in times if time is not None), default=0.0)
    return [message._replace(time=begin - 1) for message in first] + said

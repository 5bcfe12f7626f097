"""Any table with a column of text: one interaction a row."""

import re
from collections.abc import Iterable, Sequence

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, CUSTOMER, Message, split_turns
from servicenlp.readers.guess import (
    Traits,
    answered,
    choose_text_column,
    is_of_agents,
    is_of_customers,
    is_other,
    is_question,
    is_rating,
    is_reply,
    is_title,
    is_written,
    name_words,
    plain_name,
    side_of,
    text_rank,
    traits,
)
from servicenlp.readers.shape import Record, Sample, Shape, words

__all__ = ["choose_text_column", "recognise"]

# What customers liked and did not like, asked for in two columns.
_HALVES = re.compile(
    r"^(?:review)?(?:pros?|cons?|positives?|negatives?|likes?|dislikes?|liked|disliked|advantages?|disadvantages?|strengths?|weaknesses?|"
    r"(?:product|service|delivery|store|seller|driver|staff|host)(?=review|comment|feedback)|improvements?|whatwentwell|whatwentbadly|lob|kritik|vorteile|nachteile|pointsforts|pointsfaibles|pros|contras?|vantaggi|svantaggi|"
    r"良かった点|悪かった点|良い点|悪い点|改善点)(?:review|comments?|feedback|text|points?)?$"
)
# Questions whose answers tell who someone is, not what happened.
_FACTS = re.compile(
    r"\b(?:your (?:\w+ )?(?:name|position|role|department|job)|e-?mail|phone|mobile|how old|how many|how often|order (?:number|id|no)|"
    r"postcode|zip|which (?:store|branch|location|product|city|country|one)|where (?:do you live|are you)|who (?:served|helped)|"
    r"job title|date of)\b",
    re.IGNORECASE,
)


def recognise(sample: Sample, options: Options) -> Shape:
    """Take the text column, and what else in a row the customer wrote or the company answered."""
    if options.customer_column and options.customer_column not in sample.columns:
        found = ", ".join(map(repr, sample.columns[:8]))
        message = f"no column {options.customer_column!r}. Found {found}. Name one of them with --customer-column."
        raise DataError(f"{sample.name}: {message}")
    wanted = options.customer_column or options.text_column
    heads = _more_headers(sample)
    sample = sample._replace(rows=sample.rows[len(heads) :])
    text = choose_text_column(sample.name, sample.columns, sample.rows, wanted)
    alone = Shape("one interaction a row", {"text": text}, text_column=text, id_column=options.id_column or "")
    if options.text_column and not options.customer_column:
        return alone
    looks = {column: traits([row.get(column) for row in sample.rows]) for column in sample.columns}
    agents = _answers(looks, text)
    sides = _sides(looks, text, agents) if not options.customer_column else []
    asked = {column: words(heads[0].get(column)) if heads and not is_question(column) else column for column in sample.columns}
    own = [text] if options.customer_column else _own_words(looks, text, asked, bool(heads))
    if sides:
        return _talk(alone, sides)
    if len(own) > 1 or agents or heads:
        return _whole(alone, own, agents, heads)
    return alone


def _more_headers(sample: Sample) -> list[Record]:
    """Return the rows below the header that are headers too, as survey tools write them: questions, their kinds, their ids."""
    for number, row in enumerate(sample.rows[:2]):
        if any(isinstance(cell, str) and (cell == "Open-Ended Response" or cell.startswith('{"ImportId"')) for cell in row.values()):
            return sample.rows[: number + 1]
    return []


def _answers(looks: dict[str, Traits], text: str) -> list[str]:
    """Return the columns of what the company answered to the text."""
    # Where the text itself is a survey's "response", there is no other to answer it.
    others = [c for c in looks if c != text]
    return [c for c in others if is_written(looks[c], 1.5 if is_of_agents(c) else 2.5) and is_reply(c) and not _is_survey(text)]


def _is_survey(text: str) -> bool:
    return is_question(text) or is_reply(text)


def _sides(looks: dict[str, Traits], text: str, agents: Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns of a talk that stands in one row, with their speakers, in order."""
    own = [
        c
        for c in looks
        if c not in agents
        and (c == text or (is_of_customers(c) and not is_other(c) and looks[c].filled and (not looks[c].choice or c[-1:].isdigit())))
    ]
    if len(own) < 2 or not agents:
        return []
    numbered = all(_number(c) >= 0 for c in (*own, *agents))
    # Columns may stand in any order; numbers tell which comes first, and who asked.
    spoken = sorted((c for c in looks if c in own or c in agents), key=lambda c: (_number(c), c not in own) if numbered else (0, False))
    return [(c, CUSTOMER if c in own else side_of(c) or AGENT) for c in spoken]


def _number(column: str) -> int:
    return int(found[0]) if (found := re.search(r"\d+$", column)) else -1


def _own_words(looks: dict[str, Traits], text: str, questions: dict[str, str], survey: bool) -> list[str]:
    """Return the columns of what the customer wrote: the text, other open answers, a review's title."""
    halves = [c for c in looks if _HALVES.match(plain_name(c)) and is_written(looks[c], 1)]
    asked = [c for c in looks if is_question(questions[c]) and is_written(looks[c], 1.5) and not _FACTS.search(questions[c])]
    asked += [c for c in looks if asked and c not in asked and text_rank(c) is not None and is_written(looks[c])]
    if survey and asked and text not in asked:
        asked = [c for c in looks if c in asked or c == text]
    several = halves if len(halves) > 1 else asked
    own = [c for c in looks if c in several or c == text] if text in several or len(several) > 1 else [text]
    reviews = any(map(is_rating, looks)) or "review" in plain_name(text)
    # Beside a talk, a "summary" is an agent's.
    reviews = reviews and not {"transcript", "conversation", "chat", "dialog", "dialogue", "log"} & {*name_words(text)}
    title = next((c for c in looks if reviews and c not in own and is_title(c) and _is_short(looks[c])), None)
    return [title, *own] if title else own


def _is_short(look: Traits) -> bool:
    """Tell whether a column may hold titles."""
    return 1 <= look.words <= 12 and look.data < 0.5


def _whole(alone: Shape, own: list[str], agents: list[str], heads: list[Record]) -> Shape:
    """Return the shape of rows in which the customer's words, and perhaps an answer, stand in several columns."""

    def messages(told: Record) -> Iterable[Message]:
        if told in heads:
            return
        said = list(dict.fromkeys(part.strip() for column in own if (part := answered(told.get(column))).strip()))
        if len(said) == 1 and (turns := split_turns(said[0])) and len(turns) > 1:
            yield from (Message(turn.speaker, said[0][turn.start : turn.end]) for turn in turns)
        elif said:
            yield Message(CUSTOMER, "\n".join(_without_repeats(said)))
        yield from (Message(AGENT, words(told.get(column))) for column in agents)

    uses = {"text": ", ".join(own)} | ({"agent": ", ".join(agents)} if agents else {})
    return Shape(alone.title, uses, messages=messages, id_column=alone.id_column)


def _without_repeats(said: list[str]) -> list[str]:
    """Leave out what begins another part: many titles are the first words of the review."""
    return [part for part in said if not any(part != other and other.startswith(part.rstrip(" .…")) for other in said)]


def _talk(alone: Shape, sides: list[tuple[str, str]]) -> Shape:
    """Return the shape of rows that hold a talk, a message a column."""
    uses = {side: ", ".join(c for c, who in sides if who == side) for side in dict.fromkeys(who for _, who in sides)}
    messages = lambda told: [Message(side, words(told.get(column))) for column, side in sides]  # noqa: E731
    return Shape("one conversation a row", uses, messages=messages, id_column=alone.id_column)

"""Transcripts with odd values; their usual forms are in tests/exports."""

import json

import pytest

from servicenlp.errors import DataError
from servicenlp.formats import Options
from servicenlp.interactions import AGENT, CUSTOMER
from servicenlp.readers import open_source

ODD = [None, "", 7, True, [], {}, [None], [1, "a"], [{}], [[1]], {"a": 1}, "not json", "[1", [{"Content": 3}], [{"text": None, "role": 4}]]


def read(path, options=None):
    source = open_source(path, options)
    (batch,) = source.batches(100)
    return source, batch


def speakers(batch, i=0):
    return [turn.speaker for turn in batch.turns[i]]


@pytest.mark.parametrize(
    ("reader", "row", "columns"),
    [
        ("contact_lens", {"Transcript": [{"ParticipantId": "CUSTOMER", "Content": "hello there"}]}, ["Transcript", "Participants"]),
        ("contact_lens", {"Segments": [{"Transcript": {"ParticipantRole": "CUSTOMER", "Content": "hello there"}}]}, ["Segments"]),
        ("cx_insights", {"entries": [{"role": "CUSTOMER", "text": "hello there"}]}, ["entries"]),
        (
            "cx_insights",
            {"transcript": {"transcriptSegments": [{"segmentParticipant": {"role": "END_USER"}, "text": "hello there"}]}},
            ["transcript", "callMetadata"],
        ),
        ("genesys", {"transcripts": [{"phrases": [{"participantPurpose": "external", "text": "hello there"}]}]}, ["transcripts"]),
        ("genesys", {"messagingTranscript": [{"purpose": "customer", "messageText": "hello there"}]}, ["messagingTranscript", "members"]),
    ],
)
def test_odd_values_never_stop_the_reading(tmp_path, reader, row, columns):
    path = tmp_path / "a.jsonl"
    rows = [row, *({column: odd} for column in columns for odd in ODD)]
    for column in columns:
        if isinstance(row.get(column), list):
            (item,) = row[column]
            rows += [{column: [{**item, key: odd}]} for key in item for odd in ODD]
    path.write_text("\n".join(map(json.dumps, rows)))
    source, batch = read(path)
    assert source.shape.reader == reader
    assert batch.texts[0] == "hello there"


def test_contact_lens_reads_a_transcript_written_into_a_cell(tmp_path):
    path = tmp_path / "a.csv"
    cell = json.dumps([{"ParticipantRole": "AGENT", "Content": "hello"}, {"ParticipantRole": "CUSTOMER", "Content": "hi there"}])
    path.write_text('contactid,transcript\n1,"' + cell.replace('"', '""') + '"\n')
    source, batch = read(path)
    assert (source.shape.reader, source.shape.id_column, speakers(batch)) == ("contact_lens", "contactid", [AGENT, CUSTOMER])


def test_contact_lens_without_roles_goes_by_what_is_said(tmp_path):
    path = tmp_path / "a.json"
    items = [{"ParticipantId": "7f", "Content": "How can I help you?"}, {"ParticipantId": "9a", "Content": "My card is blocked"}]
    path.write_text(json.dumps({"Channel": "VOICE", "Transcript": items}))
    assert speakers(read(path)[1]) == [AGENT, CUSTOMER]


def test_connect_messages_without_an_id_are_one_chat(tmp_path):
    path = tmp_path / "a.json"
    items = [{"ParticipantRole": role, "Content": "hi there", "ContentType": "text/plain"} for role in ("CUSTOMER", "AGENT")]
    path.write_text(json.dumps(items))
    _, batch = read(path)
    assert speakers(batch) == [CUSTOMER, AGENT]
    assert batch.problems == {1: "part of the interaction in row 1"}


def test_a_genesys_conversation_without_an_id_stays_alone(tmp_path):
    path = tmp_path / "a.json"
    said = {"messagingTranscript": [{"purpose": "customer", "messageText": "hello there"}]}
    path.write_text(
        json.dumps([{"conversationId": "1", **said}, {"conversationId": "1", **said}, {**said, "media": "a"}, {**said, "media": "b"}])
    )
    _, batch = read(path)
    assert batch.problems == {1: "part of the interaction in row 1"}


@pytest.mark.parametrize(("name", "text"), [("a.vtt", ""), ("a.vtt", "WEBVTT\n\nNOTE nothing\n"), ("a.srt", "hello\n")])
def test_subtitles_without_words_are_refused(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DataError, match=r": no subtitles. Found no time followed by words. Export it again.$"):
        read(path)


def test_subtitles_are_known_by_their_content(tmp_path):
    path = tmp_path / "stdin"
    path.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Jo>My card is blocked</v>\n\n00:03.000 --> 00:04.000\n<v Eva>Let me check</v>\n")
    source, batch = read(path)
    assert (source.shape.reader, speakers(batch)) == ("subtitles", [CUSTOMER, AGENT])


def test_chats_go_by_the_domains_of_agents(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("[10:02] jo@shop.example: hello\n[10:03] eva@mail.example: hi\n")
    assert speakers(read(path)[1]) == [CUSTOMER, AGENT]
    assert speakers(read(path, Options(agent_domains=("shop.example",)))[1]) == [AGENT, CUSTOMER]


def test_a_column_with_few_chats_is_split_all_the_same(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,Never again I say\n2,Never again I say\n3,"[10:02] Jo: hi\n[10:03] Eva: hello"\n')
    source, _ = read(path)
    assert source.shape.reader == "generic"


def test_a_channel_of_an_odd_type_names_nobody(tmp_path):
    segments = [{"text": "Hello.", "channelTag": []}, {"text": "It is late.", "segmentParticipant": {"role": "END_USER"}}]
    row = {"name": "c", "transcript": {"transcriptSegments": segments}, "callMetadata": {"customerChannel": 1, "agentChannel": 2}}
    (tmp_path / "a.json").write_text(json.dumps([row]))
    [batch] = open_source(tmp_path / "a.json").batches(10)
    assert batch.texts == ["It is late."]

import pytest

from servicenlp.speakers import AGENT, BOT, CUSTOMER, NOTE, SYSTEM, has_agent_phrase, name_role, name_roles


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("AGENT", AGENT),
        ("Sam (Support)", AGENT),
        ("Sam [Customer Care]", AGENT),
        ("Agent Sam", AGENT),
        ("agent_07", AGENT),
        ("Sam - Support", AGENT),
        ("Acme Customer Service", AGENT),
        ("support@shop.example", AGENT),
        ("Live agent (Corey)", AGENT),
        ("Visitor 123", CUSTOMER),
        ("guest_41", CUSTOMER),
        ("Jo (Customer)", CUSTOMER),
        ("End User", CUSTOMER),
        ("ChatBot", BOT),
        ("PayBot", BOT),
        ("Virtual Assistant", BOT),
        ("Sky (AI)", BOT),
        ("System", SYSTEM),
        ("Sam (internal note)", NOTE),
        ("Sam", None),
        ("Mike Talbot", None),
        ("Christopher Guest", None),
        ("", None),
    ],
)
def test_name_role_knows_names_that_say_it(name, role):
    assert name_role(name) == role


def test_name_role_goes_by_the_domain():
    assert name_role("Eva <eva@Shop.example>", ("@shop.example",)) == AGENT
    assert name_role("jo@mail.example", ("shop.example",)) == CUSTOMER
    assert name_role("jo@mail.example") is None


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        ([("Jo", "hi"), ("Eva", "hello")], {"Jo": CUSTOMER, "Eva": AGENT}),
        ([("Eva", "Welcome to Alder Bank."), ("Jo", "My card is blocked")], {"Eva": AGENT, "Jo": CUSTOMER}),
        ([("Eva", "hello"), ("Visitor 1", "hi")], {"Eva": AGENT, "Visitor 1": CUSTOMER}),
        ([("Agent 1", "hello"), ("Jo", "hi"), ("Bob", "I'm happy to help")], {"Agent 1": AGENT, "Jo": CUSTOMER, "Bob": AGENT}),
        ([("Mia", "Hi, I'm a virtual assistant."), ("Jo", "a human please"), ("Eva", "hi")], {"Mia": BOT, "Jo": CUSTOMER, "Eva": AGENT}),
        ([("Bot", "hi"), ("Jo", "thanks for letting me know")], {"Bot": BOT, "Jo": CUSTOMER}),
        ([("Eva", "How can I help you?"), ("Bob", "Let me check that."), ("Eva", "Sorry for the delay")], {"Eva": AGENT, "Bob": CUSTOMER}),
        ([("Jo", "anyone?")], {"Jo": CUSTOMER}),
        ([("Eva", "Thank you for calling.")], {"Eva": AGENT}),
        ([], {}),
    ],
)
def test_name_roles_tells_parts_by_names_then_words_then_order(said, roles):
    assert name_roles(said) == roles


def test_name_roles_believes_who_is_presented():
    said = [("Eva Stone", "hello"), ("Jo", "hi")]
    assert name_roles(said, notices="You are now chatting with Eva Stone.") == {"Eva Stone": AGENT, "Jo": CUSTOMER}
    assert name_roles(said, notices="Visitor: Jo") == {"Eva Stone": AGENT, "Jo": CUSTOMER}


def test_has_agent_phrase():
    assert has_agent_phrase("how may I assist you")
    assert not has_agent_phrase("my order is late")

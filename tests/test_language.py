import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicenlp.language import foreign

DATA = Path(__file__).parent.parent / "data"

FOREIGN = {
    "German": [
        "Ich warte seit drei Wochen auf meine Rückerstattung.",
        "Der Fahrer war sehr freundlich und pünktlich",
        "Leider schon wieder zu spät geliefert",
        "Nie wieder, der Service ist eine Katastrophe",
        "Meine Rechnung stimmt nicht, bitte prüfen Sie das",
        "Super schnelle Lieferung, vielen Dank!",
        "Das Zimmer war schmutzig und laut",
        "Die App stürzt ständig ab",
        "Ware kam beschädigt an, Umtausch verweigert",
        "Hotline seit 40 Minuten in der Warteschleife",
        "Das Essen war kalt und der Kellner unfreundlich",
    ],
    "French": [
        "J'attends mon remboursement depuis trois semaines.",
        "Le livreur était très aimable et ponctuel",
        "Encore une fois livré en retard, c'est inadmissible",
        "Service client injoignable, je suis très déçu",
        "La chambre était sale et bruyante",
        "Merci beaucoup pour votre aide rapide",
        "Mon colis n'est jamais arrivé",
        "L'application plante sans arrêt",
        "Le repas était froid et le serveur désagréable",
        "Je veux être remboursée immédiatement",
        "Personne ne répond au téléphone",
    ],
    "Spanish": [
        "Llevo tres semanas esperando mi reembolso.",
        "El conductor fue muy amable y puntual",
        "Otra vez llegó tarde y nadie contesta",
        "Pésimo servicio, nunca más compro aquí",
        "La habitación estaba sucia y ruidosa",
        "Muchas gracias por la ayuda tan rápida",
        "Mi pedido nunca llegó a casa",
        "La aplicación se cierra a cada rato",
        "La comida estaba fría y el mesero grosero",
        "Quiero que me devuelvan mi dinero ya",
        "nadie contesta el telefono que mal servicio",
    ],
    "Italian": [
        "Aspetto il rimborso da tre settimane.",
        "Il corriere è stato gentile e puntuale",
        "Ancora una volta consegnato in ritardo",
        "Servizio pessimo, non compro mai più qui",
        "La camera era sporca e rumorosa",
        "Grazie mille per l'aiuto veloce",
        "L'applicazione si blocca di continuo",
        "Il cibo era freddo e il cameriere scortese",
        "Voglio indietro i miei soldi subito",
    ],
    "Dutch": [
        "Ik wacht al drie weken op mijn terugbetaling.",
        "De bezorger was heel vriendelijk en op tijd",
        "Alweer te laat geleverd en niemand reageert",
        "De kamer was vies en lawaaierig",
        "Bedankt voor de snelle hulp, echt top",
        "Mijn pakket is nooit aangekomen",
        "De app loopt de hele tijd vast",
        "Het eten was koud en de ober onbeleefd",
        "Ik wil nu mijn geld terug",
    ],
    "Portuguese": [
        "Estou há três semanas à espera do reembolso.",
        "O motorista foi muito simpático e pontual",
        "Mais uma vez entregue com atraso",
        "Péssimo atendimento, nunca mais compro nessa loja",
        "O quarto estava sujo e barulhento",
        "Muito obrigado pela ajuda rápida",
        "O aplicativo trava o tempo todo",
        "A comida estava fria e o garçom foi grosso",
        "Quero meu dinheiro de volta agora",
        "ninguem atende o telefone",
    ],
    "Polish": [
        "Czekam trzy tygodnie na zwrot pieniędzy.",
        "Kurier był bardzo miły i punktualny",
        "Znowu dostawa była spóźniona",
        "Pokój był brudny i głośny",
        "Dziękuję bardzo za szybką pomoc",
        "Moja paczka nigdy nie dotarła",
        "Aplikacja ciągle się zawiesza",
        "Jedzenie było zimne a kelner niemiły",
        "chce zwrot pieniedzy natychmiast",
    ],
    "Swedish": [
        "Jag har väntat tre veckor på min återbetalning.",
        "Chauffören var mycket trevlig och punktlig",
        "Rummet var smutsigt och bullrigt",
        "Tack så mycket för snabb hjälp",
        "Mitt paket kom aldrig fram",
        "Appen kraschar hela tiden",
        "Maten var kall och servitören otrevlig",
    ],
    "Danish": [
        "Jeg har ventet tre uger på mine penge.",
        "Værelset var beskidt og meget støjende",
        "Mange tak for den hurtige hjælp",
        "Maden var kold og tjeneren uhøflig",
    ],
    "Finnish": [
        "Olen odottanut kolme viikkoa rahojani takaisin.",
        "Huone oli likainen ja meluisa",
        "Kiitos paljon nopeasta avusta",
        "Sovellus kaatuu koko ajan",
        "Ruoka oli kylmää ja tarjoilija epäkohtelias",
    ],
    "Turkish": [
        "Üç haftadır para iademi bekliyorum.",
        "Kargo yine geç geldi ve kimse cevap vermiyor",
        "Oda çok kirli ve gürültülüydü",
        "Hızlı yardımınız için çok teşekkürler",
        "Uygulama sürekli çöküyor",
        "Paramı hemen geri istiyorum",
        "Yemek soğuktu garson çok kabaydı",
    ],
    "Czech": [
        "Čekám tři týdny na vrácení peněz.",
        "Pokoj byl špinavý a hlučný",
        "Děkuji moc za rychlou pomoc",
        "Aplikace pořád padá",
        "Jídlo bylo studené a číšník nepříjemný",
    ],
    "Hungarian": [
        "Három hete várok a pénzem visszatérítésére.",
        "A szoba koszos és zajos volt",
        "Az étel hideg volt és a pincér udvariatlan",
    ],
    "Romanian": [
        "Aștept de trei săptămâni rambursarea banilor.",
        "Camera era murdară și foarte zgomotoasă",
        "Mâncarea a fost rece și chelnerul nepoliticos",
    ],
    "Indonesian": [
        "Saya sudah menunggu tiga minggu untuk pengembalian dana.",
        "Kamarnya kotor dan sangat berisik",
        "Terima kasih banyak atas bantuannya",
        "Aplikasinya sering error terus",
        "Makanannya dingin dan pelayannya tidak sopan",
    ],
    "Vietnamese": [
        "Tôi đã chờ hoàn tiền ba tuần rồi.",
        "Phòng rất bẩn và ồn ào",
        "Ứng dụng bị treo liên tục",
        "Đồ ăn nguội và nhân viên thô lỗ",
    ],
    "Tagalog": [
        "Tatlong linggo na akong naghihintay ng refund ko",
        "Ang tagal sumagot ng customer service ninyo",
        "Malamig ang pagkain at bastos ang waiter",
    ],
    "Russian": [
        "Жду возврата денег уже три недели.",
        "Номер был грязный и шумный",
        "Спасибо за быструю помощь",
        "ужасно",
        "Приложение постоянно вылетает",
        "Верните мне деньги",
    ],
    "Ukrainian": [
        "Чекаю на повернення коштів уже три тижні.",
        "Їжа була холодна, а офіціант грубий",
    ],
    "Greek": [
        "Περιμένω τα χρήματά μου τρεις εβδομάδες.",
        "Το δωμάτιο ήταν βρώμικο",
        "Το φαγητό ήταν κρύο",
    ],
    "Arabic": [
        "أنتظر استرداد أموالي منذ ثلاثة أسابيع",
        "الغرفة كانت قذرة وصاخبة",
        "الطعام بارد والنادل وقح",
    ],
    "Hebrew": [
        "אני מחכה להחזר כבר שלושה שבועות",
        "החדר היה מלוכלך",
        "האוכל היה קר והמלצר גס",
    ],
    "Hindi": [
        "मैं तीन हफ्ते से पैसे वापस मिलने का इंतजार कर रहा हूँ",
        "कमरा बहुत गंदा था",
        "खाना ठंडा था और वेटर बदतमीज़",
    ],
    "Thai": [
        "รอเงินคืนมาสามสัปดาห์แล้ว",
        "อาหารเย็นและพนักงานไม่สุภาพ",
    ],
    "Chinese": [
        "我等退款已经三个星期了。",
        "房间又脏又吵",
        "客服态度很差",
        "食物是冷的，服务员很粗鲁",
    ],
    "Japanese": [
        "返金を三週間待っています。",
        "部屋が汚くてうるさかった",
        "対応が遅い",
        "料理が冷めていて店員が失礼でした",
    ],
    "Korean": [
        "환불을 3주째 기다리고 있어요",
        "방이 더럽고 시끄러웠어요",
        "음식이 차갑고 직원이 무례했어요",
    ],
    "Norwegian": [
        "Maten var kald og kelneren var uhøflig",
        "Jeg vil ha pengene mine tilbake nå",
    ],
    "Croatian": [
        "Hrana je bila hladna i konobar neljubazan",
    ],
    "Swahili": [
        "Chakula kilikuwa baridi na mhudumu hakuwa na adabu",
    ],
    "Bulgarian": [
        "Храната беше студена и сервитьорът груб",
    ],
    "Persian": [
        "غذا سرد بود و پیشخدمت بی\u200cادب",
    ],
    "Bengali": [
        "খাবার ঠান্ডা ছিল",
    ],
    "Tamil": [
        "உணவு குளிர்ந்திருந்தது",
    ],
}

# What customers write in English, or in nothing that could be told.
ENGLISH = [
    "ugh",
    "omg thx so much u guys rock",
    "LOL no",
    "WORST AIRLINE EVER NEVER AGAIN",
    "The jalapeño quesadillas at Casa Bonita were muy bueno",
    "Gracias amigo, great tacos!",
    "Bonjour Paris hotel staff super nice",
    "Schnitzel & Sauerkraut yummy",
    "Flew Lufthansa Frankfurt to Düsseldorf via München",
    "iPhone 15 Pro Max 256GB",
    "gr8 srvc ty",
    "wifi no good",
    "Por favor fix the app",
    "Samsung Galaxy S21 Ultra 5G",
    "Vueling Ryanair Wizzair Easyjet all same",
    "idk wtf bruh smh",
    "Haagen-Dazs Ben & Jerry Magnum",
    "yesssss 😍😍😍",
    "👍👍👍",
    "Ok",
    "Refund pls",
    "Las Palmas de Gran Canaria airport",
    "San Francisco Los Angeles Santa Monica",
    "Señor Frog's in Cancún was loud",
    "Teh servce wsa aweful adn teh fod cold",
    "no me gusta lol your app sucks",
    "Cirque du Soleil Las Vegas",
    "Le Creuset pot chipped",
    "Hola, anyone there?",
    "Danke! Works now.",
    "bien hecho team, really",
    "meh",
    "Delivered late. Again.",
    "Costa del Sol resort all inclusive",
    "Nada. Zero. Zilch.",
    "app crash log in fail error 403",
    "NO SIGNAL SINCE TUESDAY HELP",
    "Kia Ora Air New Zealand crew",
    "Mahalo Hawaiian Air",
    "de facto no support",
    "Router model TP-Link Archer AX55",
    "da best pizza in da hood",
    "wah lau so slow lah",
    "Très chic boutique hotel",
    "gimme ma money back yall",
    "Die hard fan, die app, die",
    "die website is dead",
    "She was so nice to me & mi madre",
    "man was hat man mat ran",
    "In Rome in Milan in Berlin",
    "Omicron delta sigma",
    "La Quinta Inn, El Paso",
    "Chateau Marmont is overpriced",
    "@KLM @AirFrance AMS CDG delay",
    "#fail #scam #neveragain @delta",
    "www.norda.example/track?id=33",
    "t minus 10",
    "Banh mi pho bun cha to die for",
    "Ni hao, good noodles",
    "Arigato gozaimasu! Loved the sushi",
    "Namaste, best chai masala samosa dosa idli",
    "O M G",
    "zzzzzzz",
    "asdf jkl",
    "Hakuna matata",
    "Lidl own brand pesto vile",
    "Uber driver mad",
    "El Al JFK TLV delayed 4hrs",
    "Hamburger bun soggy, fries limp",
    "pizza margherita + tiramisu = yum",
    "Latte art on point @ Cafe Nero",
    "Sofa bed mattress lumpy",
    "crap app",
    "Android auto bug",
    "Total scam avoid",
    "amazing amazing amazing",
    "internet modem router dead",
    "super duper happy",
    "Ikea Malm drawer broken, Billy OK",
    "Volkswagen Passat diesel gearbox kaput",
    "Zara Mango H&M Bershka",
    "bout 2 cancel my sub fr fr no cap",
    "tbh mid af ngl",
    "finna switch to tmobile deadass",
    "Wagamama ramen lukewarm",
    "oi mate sort ya app",
    "och aye, wee bit dreich",
    "cannae login",
    "bloody hell",
    "ROFL XD",
    "Bon Jovi gig tix refused",
    "Air India Mumbai Delhi Pune Goa",
    "Tesco meal deal sarnie soggy",
    "pod coffee machine leaks",
    "Non refundable. Non transferable. Nonsense!",
    "error error error",
    "cost an arm n a leg",
    "Spam spam spam",
    "no driver no food no refund no reply",
    "Bad bad bad no no no",
    "hotel room mini bar minus water",
    "tapas patatas bravas jamon manchego superb",
    "paella sangria churros divine",
    "sushi sashimi tempura udon bento A+",
    "Mein Schatz hair salon LOL",
    "Hasta la vista Comcast",
    "que sera sera",
    "Veni vidi vici",
    "carpe diem guys",
    "Feliz Navidad team",
    "Wunderbar! Ausgezeichnet! 10/10",
    "adios verizon",
    "Dr. Oetker Ristorante pizza Mozzarella",
    "Grande iced caramel macchiato w/ soy",
    "Doritos Pringles Lays Cheetos stale",
    "Insta story fb msg snap dm",
]

# Tweets of the training data that are not English.
SPANISH = {
    "@AeroVenta puedo cambiar el asiento en la app?",
    "@AeroVenta ¿a qué hora abre el mostrador?",
    "@AeroVenta Gracias! ya me llegó",
    "@AeroVenta @rosa_mtz jajaja nos vemos allá",
}
NEAR = [{"Danish", "Norwegian", "Swedish"}, {"Indonesian", "Malay"}, {"Galician", "Spanish", "Portuguese"}, {"Czech", "Slovak"}]


def is_near(found: str | None, language: str) -> bool:
    return found == language or any({found, language} <= near for near in NEAR)


def read(name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_words_are_never_foreign(text):
    assert foreign([text, text.title(), f"{text} {text}"]) == [None] * 3
    if not text.istitle():  # names in small letters cannot be told from words
        assert foreign([text.upper(), text.lower()]) == [None] * 2


@pytest.mark.parametrize("language", FOREIGN)
def test_languages_are_named(language):
    texts = FOREIGN[language]
    found = foreign(texts)
    assert {name for name in found if name and not is_near(name, language)} == set()
    assert sum(name is None for name in found) <= len(texts) // 4
    assert foreign([" ".join(texts)]) == [language]


def test_short_sentences_are_mostly_found():
    texts = [text for texts in FOREIGN.values() for text in texts]
    found = foreign(texts)
    assert len(texts) > 150
    assert sum(name is not None for name in found) >= 0.95 * len(texts)


@pytest.mark.parametrize("name", ["plain", "everyday", "stories"])
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_training_texts_are_english(name, change):
    texts = [text for text in read(name) if text not in SPANISH]
    found = foreign([change(text) for text in texts])
    assert [(language, text) for language, text in zip(found, texts, strict=True) if language] == []


def test_pieces_of_training_texts_are_english():
    texts = [" ".join(words[:n]) for text in read("everyday") if "parlez vous" not in text for words in [text.split()] for n in (4, 8)]
    assert [(language, text) for language, text in zip(foreign(texts), texts, strict=True) if language] == []


def test_spanish_among_training_texts_is_found():
    assert {text for text in read("plain") if text in SPANISH} == SPANISH
    assert foreign(sorted(SPANISH)) == ["Spanish"] * len(SPANISH)


@pytest.mark.parametrize(
    "cell", [None, 3, float("nan"), b"Ich warte", ["Ich warte"], "", " ", "...", "12345", "😡😡😡", "@a #b https://c.example"]
)
def test_what_has_no_words_has_no_language(cell):
    assert foreign([cell]) == [None]


@pytest.mark.parametrize(
    "text",
    ["𝓘𝓽 𝔀𝓪𝓼 𝓽𝓱𝓮 𝔀𝓸𝓻𝓼𝓽", "Ｉｔ　ｗａｓ　ｔｈｅ　ｗｏｒｓｔ", "It was ¯\\_(ツ)_/¯", "the ʘ‿ʘ ლ(ಠ益ಠლ) face", "Ωmega watch", "ty (´･ω･`)"],
)
def test_drawn_letters_are_not_foreign(text):
    assert foreign([text]) == [None]


@pytest.mark.parametrize(
    "text",
    [
        "The agent said 'lo siento mucho' and hung up on me",
        "Ich bin ein Berliner, but your service is the worst and nobody called me back",
        "Muy mal. The driver never came and they charged me twice.",
        "Ang tagal ng reply, I have been waiting for my refund and nobody answers",
    ],
)
def test_english_with_words_of_another_language_is_english(text):
    assert foreign([text]) == [None]


def test_many_texts_take_seconds():
    texts = (read("everyday") * 6)[:100_000]
    foreign(["Ich warte seit drei Wochen auf mein Geld."])  # loads the library
    begin = time.perf_counter()
    foreign(texts)
    assert time.perf_counter() - begin < 30  # two where nothing else runs


@pytest.mark.parametrize("text", ["a " * 100_000, "x" * 200_000, "я" * 200_000, "@" * 200_000, "a'" * 100_000, "die der das " * 17_000])
def test_long_texts_take_no_time(text):
    begin = time.perf_counter()
    foreign([text])
    assert time.perf_counter() - begin < 5


@given(st.lists(st.text()))
def test_any_text_can_be_asked_about(texts):
    assert len(foreign(texts)) == len(texts)

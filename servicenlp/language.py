"""Texts to their languages, where these are surely not English, which is all that the model has learnt."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Written in Latin letters; dialects and Pidgin are left out, since their words are too near to English slang.
_LATIN = {
    "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "en": "English", "es": "Spanish",
    "et": "Estonian", "eu": "Basque", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician", "ha": "Hausa", "hr": "Croatian",
    "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay",
    "mt": "Maltese", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "sk": "Slovak",
    "sl": "Slovenian", "so": "Somali", "sq": "Albanian", "sv": "Swedish", "sw": "Swahili", "tl": "Tagalog", "tr": "Turkish",
    "uz": "Uzbek", "vi": "Vietnamese", "zu": "Zulu",
}  # fmt: skip
# By the first word of a letter's Unicode name; the library tells those that share a script.
_SCRIPTS: dict[str, dict[str, str]] = {
    "ARABIC": {"ar": "Arabic", "fa": "Persian", "ur": "Urdu"},
    "ARMENIAN": {"hy": "Armenian"},
    "BENGALI": {"bn": "Bengali"},
    "CJK": {"zh": "Chinese"},
    "CYRILLIC": {
        "ru": "Russian", "uk": "Ukrainian", "bg": "Bulgarian", "be": "Belarusian", "kk": "Kazakh", "mk": "Macedonian", "sr": "Serbian",
    },
    "DEVANAGARI": {"hi": "Hindi", "mr": "Marathi", "ne": "Nepali"},
    "ETHIOPIC": {"am": "Amharic"},
    "GEORGIAN": {"ka": "Georgian"},
    "GREEK": {"el": "Greek"},
    "GUJARATI": {"gu": "Gujarati"},
    "GURMUKHI": {"pa": "Punjabi"},
    "HANGUL": {"ko": "Korean"},
    "HEBREW": {"he": "Hebrew"},
    "HIRAGANA": {"ja": "Japanese"},
    "KANNADA": {"kn": "Kannada"},
    "KATAKANA": {"ja": "Japanese"},
    "KHMER": {"km": "Khmer"},
    "LAO": {"lo": "Lao"},
    "MALAYALAM": {"ml": "Malayalam"},
    "MYANMAR": {"my": "Burmese"},
    "SINHALA": {"si": "Sinhala"},
    "TAMIL": {"ta": "Tamil"},
    "TELUGU": {"te": "Telugu"},
    "THAI": {"th": "Thai"},
}  # fmt: skip

# English words that hardly another language has, among the commonest of customers' words.
_ENGLISH = frozenset(
    "about again always and anyone anything ask asked awful back bad because been before being better but called calling came can't "
    "cant clean cold could couldn't couldnt day delivered did didn't didnt dirty does doesn't doesnt doing don't dont down every "
    "everyone everything flight food friendly from gave getting given going gone good got great have having helped hour hours i'd "
    "i'll i'm i've into isn't isnt it's ive liked love loved minutes months my never nobody nothing only ordered people quick really "
    "room rude said saying says she should slow someone something still taken tell terrible than that the their them these they "
    "they're this those through today took wait waited waiting wasn't wasnt we've week weeks went were what when where which why with "
    "without won't wont worked working works worst would wouldn't wouldnt year years yesterday you're your".split()
)

# Words that other languages have too: many of them make a text English as well.
_COMMON = _ENGLISH | frozenset(
    "a account agent all am amazing an app are as at bag bank be best bill bot bus by call car card chat check customer delivery do "
    "driver email excellent fast for free full had has he hello her hey hi him his hot hotel i if im in is it job late like line me "
    "money my new nice no nope not now of ok okay old on one or order out paid pay perfect person phone please pls price refund seat "
    "service shop site so sorry staff store super team thank thanks thx time to train two u ur us was we website wifi will yeah yep "
    "yes you".split()
)

_NO_WORDS = re.compile(r"\S*[@#/\\_]\S*|\S*\d\S*|\b(?:Customer|Agent)(?=:)")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# Letters that hardly a sentence lacks, where the library takes short Russian ones for another language.
_NEEDED = {"be": set("ўі"), "bg": set("ъ"), "mk": set("ѓѕјљњќџ"), "sr": set("ђјљњћџ"), "uk": set("іїєґ"), "kk": set("әіңғүұқөһ")}
_GLANCE = 200  # characters that show most English texts to be English
_READ = 1000  # characters from which a language is told
_ENOUGH = 3  # words
_SHARE = 0.1  # of English words that make a text English, or half English
_MANY = 0.4  # of common words
_NAMES = 0.6  # of capitals; German has fewer
_FLOOR = 0.7  # of the probability of the three likeliest languages


def foreign(texts: Iterable[Any]) -> list[str | None]:
    """Name the languages of texts that surely are not English.

    Parameters
    ----------
    texts : iterable
        Customers' words; what is no text is passed over.

    Returns
    -------
    list of str or None
        A language's English name; None for English and wherever there is a doubt: very short texts,
        names, slang, English with some words of another language.

    Examples
    --------
    >>> foreign(["Ich warte seit drei Wochen auf mein Geld.", "返金を待っています。", "Gracias amigo, great tacos!", "ugh", None])
    ['German', 'Japanese', None, None, None]
    """
    return [_language(text[:_READ]) if isinstance(text, str) else None for text in texts]


def _language(text: str) -> str | None:
    words = text[:_GLANCE].lower().split()
    if len(_ENGLISH.intersection(words)) > _SHARE * len(words) or len(_COMMON.intersection(words)) > _MANY * len(words):
        return None
    if text.isascii():
        return _of_latin(text) if len(words) >= _ENOUGH else None
    text = unicodedata.normalize("NFKC", text)  # 𝓯𝓪𝓷𝓬𝔂 letters are Latin ones
    letters = [letter for letter in text if letter.isalpha()]
    others = [letter for letter in letters if letter > "\u036f" and not "\u1d00" <= letter <= "\u1fff"]
    if 2 * len(others) > len(letters) and len(others) > 1:
        return _of_script(text, others)
    return _of_latin(text) if 2 * len(others) <= len(letters) else None


def _of_script(text: str, letters: list[str]) -> str | None:
    """Name the language of a text in letters that are not Latin."""
    names = [unicodedata.name(letter, "").partition(" ")[0] for letter in letters[:100]]
    # Japanese and Korean are written with Chinese letters among their own.
    script = next((own for own in ("HIRAGANA", "KATAKANA", "HANGUL") if own in names), max(names, key=names.count))
    languages = _SCRIPTS.get(script)
    if not languages or (script in ("CYRILLIC", "GREEK") and len(letters) < 4):  # a few are drawn into faces
        return None
    if len(languages) == 1:
        return next(iter(languages.values()))
    ranked = [code for code, _ in _identifier(tuple(languages)).rank(text)]
    return next(languages[code] for code in ranked if not _NEEDED.get(code) or not _NEEDED[code].isdisjoint(text))


def _of_latin(text: str) -> str | None:
    words = _WORD.findall(_NO_WORDS.sub(" ", text).replace("’", "'"))
    n_english = len([word for word in words if word.lower() in _ENGLISH])
    if len(words) < _ENOUGH or n_english >= _SHARE * len(words) or _are_names(words):
        return None
    words = list(dict.fromkeys(word.lower() for word in words))  # said twice is no more sure
    ranked = _identifier(tuple(_LATIN)).rank(" ".join(words))
    doubt = dict(ranked)["en"]
    n_words = sum(len(word) > 1 for word in words)  # letters alone spell names and codes
    # Of near languages (Danish, Norwegian) each has a part.
    found = sum(probability for _, probability in ranked[:3]) >= _FLOOR
    return _LATIN[ranked[0][0]] if found and n_words >= _ENOUGH and doubt <= _doubt(n_words) else None


def _are_names(words: list[str]) -> bool:
    """Tell whether most words begin with a capital: "La Quinta Inn El Paso Texas"."""
    large = [word for word in words[1:] if word[0].isupper() and not word.isupper()]
    return len(large) > _NAMES * (len(words) - 1)


def _doubt(n_words: int) -> float:
    """Return the probability of English that a foreign text of so many words may have."""
    return 0.0007 if n_words < 5 else 0.005 if n_words < 8 else 0.01


@cache
def _identifier(languages: tuple[str, ...]) -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # takes half a second, and most exports are English

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(languages)
    return identifier

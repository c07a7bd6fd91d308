"""Normalisation of text for full-text search; the index and the query go through the same function.

Arabic is written with and without vowel signs, with several forms of alef, and with two sets of digits; a search finds
a word however it was typed.
"""

import re
import unicodedata

TEXT_CHARACTERS_MAX = 65_536
"""No event is longer; what is beyond is not indexed."""
TOKEN_CHARACTERS_MAX = 64
"""Longer runs (keys, base64) are cut here on both sides, so their beginnings still find them."""
TOKENS_MAX = 10_000

# Vowel signs and Qur'anic marks, superscript alef, and the tatweel that only stretches a word.
_ARABIC_MARKS = "".join(
    chr(code)
    for first, last in ((0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06DC))
    for code in range(first, last + 1)
) + "".join(chr(code) for code in (*range(0x06DF, 0x06E5), 0x06E7, 0x06E8, *range(0x06EA, 0x06EE)))
_LETTERS = {
    "أ": "ا",
    "إ": "ا",
    "آ": "ا",
    "ٱ": "ا",
    "ة": "ه",
    "ى": "ي",
    "ی": "ي",  # Persian yeh
    "ئ": "ي",
    "ؤ": "و",
    "ء": "",
    "ک": "ك",  # Persian kaf
    "ہ": "ه",
    "ھ": "ه",
}
_FOLDED = str.maketrans({**dict.fromkeys(_ARABIC_MARKS, ""), **_LETTERS})
# Directional marks and joiners are invisible: nobody types them into a search.
_INVISIBLE = str.maketrans(dict.fromkeys("\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
_WORD = re.compile(r"[^\s!-/:-@\[-`{-~\x00-\x1f\x7f]+")
# Chinese and Japanese do not separate words by spaces.
_IDEOGRAPHS = re.compile(
    "[\u3041-\u309f\u30a1-\u30fa\u30fd-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def normalise(text: str) -> str:
    """Fold everything that does not distinguish words: width, case, accents, Arabic spelling, digits."""
    # Casefolding can undo the normal form and the other way round; two rounds are enough for every character.
    text = unicodedata.normalize("NFKC", text[:TEXT_CHARACTERS_MAX]).casefold()
    text = unicodedata.normalize("NFKC", text).casefold()
    text = text.translate(_INVISIBLE).translate(_FOLDED)
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text)
    plain = "".join(character for character in decomposed if not _is_accent(character))
    return "".join(_fold_digit(character) for character in unicodedata.normalize("NFC", plain))


def tokenise(text: str) -> list[str]:
    """The words of a text, normalised, in order, repetitions kept."""
    normal = normalise(text)
    separated = normal if normal.isascii() else "".join(map(_separate, normal))
    tokens = (match[0][:TOKEN_CHARACTERS_MAX] for match in _WORD.finditer(separated))
    return [token for token, _ in zip(tokens, range(TOKENS_MAX), strict=False)]


def _separate(character: str) -> str:
    """Letters, digits and marks as they are, spaces for the rest, and each ideograph or kana a word of its own."""
    if _IDEOGRAPHS.match(character):
        return f" {character} "
    return character if character.isalnum() or unicodedata.category(character)[0] == "M" else " "


def _is_accent(character: str) -> bool:
    # Only the accents of Latin, Greek and Cyrillic and left-over Arabic marks: in other scripts marks are letters.
    return "\u0300" <= character <= "\u036f" or "\u064b" <= character <= "\u065f"


def _fold_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)

"""English as it is said: words of a written token, and the sounds of a word no dictionary has."""

import re
import unicodedata

from msa.base.errors import InputError

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
POWERS = {10**12: "trillion", 10**9: "billion", 10**6: "million", 1000: "thousand", 100: "hundred"}
LONGEST = 15  # digits; a longer number is read digit by digit
ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
SIGNS = {"%": "percent", "&": "and", "@": "at", "+": "plus", "=": "equals", "°": "degrees"}
# letters that Unicode does not take apart
LATIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d"})
LATIN |= {ord("þ"): "th", 0x131: "i"}
APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc`\u00b4", "'"))
SHORTENED = "bout cause course cuse em kay n round til tis twas".split()

PIECE = re.compile(
    rf"""(?<![\d.])(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?![\d:])
    |(?P<number>\d+(?:,\d{{3}})*)(?:\.(?P<decimals>\d+))?(?P<ending>st|nd|rd|th|'?s)?(?![a-z])
    |(?P<letters>(?:[a-z]\.){{2,}}[a-z]?)
    |(?P<word>(?:(?<![a-z])'(?:{"|".join(SHORTENED)})(?![a-z])|[a-z]+)(?:'[a-z]+)*)
    |(?P<digits>\d+)
    |(?P<sign>[{"".join(SIGNS)}])""",
    re.VERBOSE,
)


def _table(entries: str) -> dict[str, str]:
    pairs = (entry.split(maxsplit=1) for entry in entries.split(","))
    return {letters: sounds.strip() for letters, sounds in pairs}


# letters to ARPAbet, the longest first
SOUNDS = _table(
    """tion SH AH N, sion ZH AH N, cian SH AH N, ture CH ER, ough AO, eigh EY, augh AO, igh AY,
    tch CH, sch SH, dge JH, ch CH, ck K, sh SH, th TH, ph F, wh W, gh G, ng NG, nk NG K, qu K W,
    wr R, zh ZH, ai EY, ay EY, ei AY, ey IY, ea IY, ee IY, ie IY, oa OW, oi OY, oy OY, oo UW,
    ou AW, ow OW, au AO, aw AO, eu UW, ew UW, ue UW, ui UW, ia IY AH, io IY OW, ar AA R, er ER,
    ir ER, or AO R, ur ER, ce S EH, ci S IH, cy S IY, ge JH EH, gi JH IH, gy JH IY, a AE, b B,
    c K, d D, e EH, f F, g G, h HH, i IH, j JH, k K, l L, m M, n N, o AA, p P, q K, r R, s S, t T,
    u AH, v V, w W, x K S, y IH, z Z"""
)
AT_START = _table("kn N, wr R, ps S, pn N, x Z, y Y, mc M AH K")
AT_END = _table(
    "a AH, e IY, i IY, o OW, u UW, y IY, ce S, ge JH, le AH L, ies IY Z, es Z, ed D, ous AH S"
)
# a vowel, a consonant and a silent e
LONG = _table("a EY, e IY, i AY, o OW, u UW, y AY")
SOFT = {"c": "S", "g": "JH"}
NAMES = _table(
    """a EY, b B IY, c S IY, d D IY, e IY, f EH F, g JH IY, h EY CH, i AY, j JH EY, k K EY, l EH L,
    m EH M, n EH N, o OW, p P IY, q K Y UW, r AA R, s EH S, t T IY, u Y UW, v V IY,
    w D AH B AH L Y UW, x EH K S, y W AY, z Z IY"""
)


def spoken(token: str) -> list[str]:
    """The words that are said where this is written: lower case, digits as words, no punctuation.

    Letters that are said by name carry a dot. Signs of currencies are left out. A token that
    nobody says, such as a dash, has no words.

    Raises:
        InputError: it has letters that are not Latin.
    """
    text = unicodedata.normalize("NFKD", token.translate(APOSTROPHES)).lower().translate(LATIN)
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    if strange := next((c for c in text if c.isalpha() and not ("a" <= c <= "z")), None):
        raise InputError(
            f"expected English in Latin letters, found {strange!r} in {token!r:.60}; a text of "
            "another language needs an aligner of it: `align: ctc` with a model of that language"
        )
    return [word for piece in PIECE.finditer(text) for word in _said(piece)]


def _said(piece: re.Match[str]) -> list[str]:
    if word := piece["word"]:
        return [word]
    if letters := piece["letters"]:
        return [f"{letter}." for letter in letters.replace(".", "")]
    if sign := piece["sign"]:
        return [SIGNS[sign]]
    if hour := piece["hour"]:
        return [*cardinal(int(hour)), *_minutes(int(piece["minute"]))]
    digits = (piece["number"] or piece["digits"]).replace(",", "")
    decimals, ending = piece["decimals"], (piece["ending"] or "").lstrip("'")
    if decimals:
        return [*cardinal(int(digits)), "point", *(ONES[int(digit)] for digit in decimals)]
    if len(digits) > LONGEST or (digits[0] == "0" and len(digits) > 1):
        return [ONES[int(digit)] for digit in digits]
    # with a comma, or of other lengths, it is no year
    whole = year(int(digits)) if len(digits) == 4 and "," not in piece[0] else cardinal(int(digits))
    if ending in ("st", "nd", "rd", "th"):
        return [*whole[:-1], _ordinal(whole[-1])]
    return [*whole[:-1], _plural(whole[-1])] if ending == "s" else whole


def cardinal(number: int) -> list[str]:
    """A whole number from 0 on in words: 342 is three hundred forty two."""
    for power, name in POWERS.items():
        if number >= power:
            many, rest = divmod(number, power)
            return [*cardinal(many), name, *(cardinal(rest) if rest else [])]
    if number < 20:
        return [ONES[number]]
    tens, ones = divmod(number, 10)
    return [TENS[tens - 2], *([ONES[ones]] if ones else [])]


def year(number: int) -> list[str]:
    """A number of four digits as years are said, in pairs: 1984 is nineteen eighty four."""
    century, rest = divmod(number, 100)
    if century % 10 == 0 and (century != 20 or rest < 10):  # 2007, and 5000, which is no year
        return cardinal(number)
    if not rest:
        return [*cardinal(century), "hundred"]
    return [*cardinal(century), *(["oh"] if rest < 10 else []), *cardinal(rest)]


def _minutes(number: int) -> list[str]:
    return [*(["oh"] if 0 < number < 10 else []), *(cardinal(number) if number else [])]


def _ordinal(word: str) -> str:
    return ORDINALS.get(word) or (f"{word[:-1]}ieth" if word.endswith("y") else f"{word}th")


def _plural(word: str) -> str:
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def phones(word: str) -> str:
    """Sounds of a word by its letters, in the 39 phones of ARPAbet between spaces.

    A word without a vowel is said by the names of its letters.
    """
    letters = re.sub(r"([^aeiou])\1+", r"\1", re.sub("[^a-z]", "", word.lower()))
    if not re.search("[aeiouy]", letters):
        return letter_names(word)
    sounds: list[str] = []
    at = 0
    while at < len(letters):
        rest = letters[at:]
        after_vowel = re.search("[aeiouy]", letters[:at])
        if long := re.fullmatch("([aeiouy])([^aeiouywx])e", rest):
            sounds += [LONG[long[1]], SOFT.get(long[2], SOUNDS[long[2]])]
            break
        if rest == "e" and after_vowel:
            break
        if rest in AT_END and (after_vowel or len(rest) == 1) and at:
            sounds.append(AT_END[rest])
            break
        tables = (AT_START, SOUNDS) if not at else (SOUNDS,)
        size, table = next((n, t) for n in (4, 3, 2, 1) for t in tables if rest[:n] in t)
        sounds.append(table[rest[:size]])
        at += size
    return " ".join(sounds)


def letter_names(word: str) -> str:
    """Sounds of a word that is said letter by letter."""
    return " ".join(NAMES[letter] for letter in word.lower() if letter in NAMES)

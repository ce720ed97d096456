import pytest

from msa.base.errors import InputError
from msa.extract.pronounce import phones, spoken

ARPABET = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W "
    "Y Z ZH"
).split()


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Great,", "great"),
        ("don\u2019t", "don't"),
        ("'cause", "'cause"),
        ("'quoted'", "quoted"),
        ("well-known", "well known"),
        ("café", "cafe"),
        ("Straße", "strasse"),
        ("AT&T", "at and t"),
        ("50%", "fifty percent"),
        ("$5", "five"),
        ("—", ""),
        ("…", ""),
        ("♪", ""),
        ("0", "zero"),
        ("13", "thirteen"),
        ("342", "three hundred forty two"),
        ("1,000,000", "one million"),
        ("2,013", "two thousand thirteen"),
        ("3.14", "three point one four"),
        ("007", "zero zero seven"),
        ("1984", "nineteen eighty four"),
        ("1905", "nineteen oh five"),
        ("1900", "nineteen hundred"),
        ("2007", "two thousand seven"),
        ("2019", "twenty nineteen"),
        ("5000", "five thousand"),
        ("1980s", "nineteen eighties"),
        ("'90s", "nineties"),
        ("6s", "sixes"),
        ("1st", "first"),
        ("22nd", "twenty second"),
        ("20th", "twentieth"),
        ("12th", "twelfth"),
        ("10:30", "ten thirty"),
        ("7:05", "seven oh five"),
        ("7:00", "seven"),
        ("U.S.", "u. s."),
        ("a.m.", "a. m."),
        ("4K", "four k"),
        ("mp3", "mp three"),
        ("covid19", "covid nineteen"),
        ("example.com", "example com"),
        (
            "1234567890123456",
            "one two three four five six seven eight nine zero one two three four five six",
        ),
    ],
)
def test_how_a_token_is_said(token, words):
    assert spoken(token) == words.split()


@pytest.mark.parametrize("token", ["Привет", "很好", "καλό", "good很"])
def test_other_letters_than_latin_are_refused(token):
    with pytest.raises(InputError, match=f"Latin letters, found .* in '{token}'.*`align: ctc`"):
        spoken(token)


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("zendaya", "Z EH N D EY AH"),
        ("covid", "K AA V IH D"),
        ("page", "P EY JH"),  # a silent e, which makes the vowel long
        ("face", "F EY S"),
        ("attack", "AE T AE K"),  # what is doubled counts once
        ("nation", "N AE SH AH N"),
        ("knight", "N AY T"),
        ("me", "M IY"),
        ("tv", "T IY V IY"),  # no vowel: the letters' names
        ("x.", "EH K S"),
    ],
)
def test_letters_to_sounds(word, sounds):
    assert phones(word) == sounds


def test_every_word_of_latin_letters_has_sounds_of_arpabet():
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b + c for a in letters for b in letters for c in "aeyxq"] + [*letters]
    for word in words:
        assert phones(word) and set(phones(word).split()) <= set(ARPABET), word

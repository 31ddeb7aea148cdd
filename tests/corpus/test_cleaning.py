import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samedream.corpus.cleaning import clean


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("states that had seceded[1] from the Union.", "states that had seceded from the Union."),
        ("in 1990,[12][13] and later.[a]", "in 1990, and later."),
        ("It is so.[citation needed] It was.[note 3]", "It is so. It was."),
        ("Attorney v Nissan [1969] 1 All ER", "Attorney v Nissan [1969] 1 All ER"),  # a year is no mark
        ("It ends.[12]: 34 Then it goes on.: 12–14 And on.", "It ends. Then it goes on. And on."),
        ("a  b\t\nc\u00a0d\u2003e", "a b c d e"),
        ("one , two . Three", "one, two. Three"),
        ("the .NET framework and .45 calibre", "the .NET framework and .45 calibre"),
        ("dans l' archipel et l’ UNESCO, qu' il", "dans l'archipel et l’UNESCO, qu'il"),
        ("rock 'n' roll and the dogs' tails", "rock 'n' roll and the dogs' tails"),
        (r"energy E m c 2 {\displaystyle E=mc^{2}} is", "energy E m c 2 is"),
        (r"{\displaystyle {\frac {a}{b_{1_{2}}}}} x", "x"),
        (r"left {\displaystyle unclosed", "left unclosed"),
        ('text<ref name="a">Smith 1990</ref> more<ref name="b" /> end', "text more end"),
        ("text <ref Smith", "text Smith"),
        ("a pH of <5.6 and x<y", "a pH of <5.6 and x<y"),
        ("water is H<sub>2</sub>O", "water is H 2 O"),
        ("{{efn|a note}} word {{unclosed", "word"),
        ("Caesar (; born 100) and Brutus ( ) and ( , 3)", "Caesar (born 100) and Brutus and (3)"),
        ("Foo (IPA:, in French) is", "Foo (in French) is"),
        ("to battle the troops.These elephants", "to battle the troops. These elephants"),
        ("Ph.D. and U.S.A. and Node.js", "Ph.D. and U.S.A. and Node.js"),
        ("&nbsp;AT&amp;T &ndash; &lt;br&gt;x", "AT&T – x"),
        ("\ufeffzero\u200bwidth soft\u00adhyphen \ufffdPROT139\ufffd end", "zerowidth softhyphen end"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("cafe\u0301", "café"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # the zero-width non-joiner spells Persian
        ("* item one", "item one"),
        ("#MeToo is a movement", "#MeToo is a movement"),
        ('"Siddhartha" redirects here. For other uses, see Siddhartha (disambiguation). A prince.', "A prince."),
        ("[[Paris|the city]] and ''italic'' '''bold'''", "the city and italic bold"),
        ("", ""),
    ],
)
def test_clean(raw, expected):
    assert clean(raw) == expected


MESSY = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "[1]",
                "[",
                "]",
                "(",
                ")",
                " ",
                " ,",
                ".",
                "{\\displaystyle ",
                "{",
                "}",
                "{{",
                "}}",
                "<ref>",
                "<",
                ">",
                "&amp;",
                "&",
                "lt;",
                "''",
                "a",
                "Word",
                "l' ",
                ": 12",
                "\ud800",
                "\u0301",
                "\u200b",
                "PROT1",
                "*",
                "#",
                ";",
                "[[",
                "|",
                "\n",
                "é",
            ]
        ),
        max_size=30,
    ).map("".join),
)


@given(MESSY)
def test_cleaning_twice_changes_nothing_more(text):
    once = clean(text)
    assert clean(once) == once


@given(MESSY)
def test_result_is_one_line_of_encodable_composed_text(text):
    once = clean(text)
    once.encode("utf-8")
    assert once == once.strip() and "  " not in once and not set("\n\t\r") & set(once)
    assert unicodedata.is_normalized("NFC", once)


@given(st.lists(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzàéîñöß中文字кир"), min_size=1), max_size=20))
def test_plain_words_are_untouched(words):
    text = " ".join(words)
    assert clean(text) == unicodedata.normalize("NFC", text)

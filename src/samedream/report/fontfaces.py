"""The two typefaces of the page, carried inside it: Source Serif 4 for passages, Inter for the rest (both OFL)."""

from base64 import b64encode
from importlib.resources import files
from typing import NamedTuple

LATIN = (
    "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-206F,U+20AC,U+2122,"
    "U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD"
)
LATIN_EXTENDED = (
    "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+1D00-1DBF,U+1E00-1E9F,U+1EF2-1EFF,U+20A0-20AB,"
    "U+20AD-20C0,U+2113,U+2C60-2C7F,U+A720-A7FF"
)


class Face(NamedTuple):
    """One font file: the family it is shown as, its weight, and the characters it holds."""

    family: str
    weight: int
    file: str
    characters: str


FACES = (
    Face("samedream serif", 400, "source-serif-4-latin-400-normal.woff2", LATIN),
    Face("samedream serif", 400, "source-serif-4-latin-ext-400-normal.woff2", LATIN_EXTENDED),
    Face("samedream serif", 600, "source-serif-4-latin-600-normal.woff2", LATIN),
    Face("samedream sans", 400, "inter-latin-400-normal.woff2", LATIN),
    Face("samedream sans", 600, "inter-latin-600-normal.woff2", LATIN),
)


def css() -> str:
    """The @font-face rules, each with its font as a data URL (about 145 kB in all)."""
    folder = files("samedream.report") / "fonts"
    rules = []
    for face in FACES:
        data = b64encode((folder / face.file).read_bytes()).decode()
        rules.append(
            f'@font-face{{font-family:"{face.family}";font-weight:{face.weight};font-display:swap;'
            f'src:url(data:font/woff2;base64,{data}) format("woff2");unicode-range:{face.characters}}}'
        )
    return "\n".join(rules)

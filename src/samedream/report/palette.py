"""The page's colours: one hue for each model, one for what they share, one grey for what cannot be told.

The hues are Okabe and Ito's (distinct under all common kinds of colour vision). Text needs a contrast of 4.5 : 1, which
some of them miss on white or on black: then the lightness is moved, never the hue.
"""

import colorsys
from dataclasses import dataclass

SHARED = "#009E73"
UNKNOWN = "#8A8F98"
MODELS = ("#0072B2", "#D55E00", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
CONTRAST = 5.0  # a little above the 4.5 of WCAG 2.2 AA


@dataclass(frozen=True)
class Theme:
    """Colours of one theme, as hex."""

    paper: str
    ink: str
    muted: str
    line: str
    quiet: str


LIGHT = Theme(paper="#ffffff", ink="#15171b", muted="#5a606a", line="#dcdfe4", quiet="#f5f6f7")
DARK = Theme(paper="#0f1114", ink="#e9ebee", muted="#a3a9b4", line="#2c3036", quiet="#181b20")


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue (0 to 255) of a colour like "#0072B2"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def blend(over: str, under: str, opacity: float) -> str:
    """The colour seen when `over` lies on `under` with this opacity."""
    mixed = (round(opacity * a + (1 - opacity) * b) for a, b in zip(channels(over), channels(under), strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def readable(colour: str, paper: str) -> str:
    """The colour itself, or the same hue made darker or lighter until text in it can be read on `paper`."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(c / 255 for c in channels(colour)))
    step = -0.005 if luminance(paper) > 0.5 else 0.005
    while contrast(colour, paper) < CONTRAST and 0 < lightness < 1:
        lightness = min(1.0, max(0.0, lightness + step))
        colour = "#" + "".join(f"{round(c * 255):02x}" for c in colorsys.hls_to_rgb(hue, lightness, saturation))
    return colour


def model_colour(number: int) -> str:
    """The hue of the study's n-th model, from 0; after the sixth they start again."""
    return MODELS[number % len(MODELS)]


def _declarations(theme: Theme, models: int) -> str:
    hues = {"shared": SHARED, "unknown": UNKNOWN} | {f"m{n}": model_colour(n) for n in range(models)}
    parts = [f"--{name}:{getattr(theme, name)}" for name in ("paper", "ink", "muted", "line", "quiet")]
    for name, colour in hues.items():
        parts.append(f"--{name}:{colour}")
        parts.append(f"--{name}-text:{readable(colour, theme.paper)}")
    return ";".join(parts)


def css(models: int) -> str:
    """Style rules that declare every colour as a variable, in both themes, and give each model's class its hue."""
    light, dark = _declarations(LIGHT, models), _declarations(DARK, models)
    rules = [
        f":root{{color-scheme:light;{light}}}",
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}",
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}",
    ]
    for n in range(models):
        rgb = " ".join(str(c) for c in channels(model_colour(n)))
        rules.append(f".m{n}{{--hue:var(--m{n});--hue-text:var(--m{n}-text);--rgb:{rgb}}}")
    return "\n".join(rules)

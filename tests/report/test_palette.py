import colorsys

import pytest

from samedream.report.palette import (
    DARK,
    LIGHT,
    MODELS,
    SHARED,
    UNKNOWN,
    Theme,
    blend,
    channels,
    contrast,
    css,
    readable,
)


def test_contrast_of_known_colours() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#0072B2", "#ffffff") == pytest.approx(5.19, abs=0.01)  # worked with the WCAG formula


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("colour", [*MODELS, SHARED, UNKNOWN])
def test_text_in_every_hue_can_be_read_and_keeps_its_hue(theme: Theme, colour: str) -> None:
    text = readable(colour, theme.paper)
    assert contrast(text, theme.paper) >= 4.5
    hues = [colorsys.rgb_to_hls(*(c / 255 for c in channels(c_)))[0] for c_ in (colour, text)]
    assert hues[0] == pytest.approx(hues[1], abs=0.02)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_passages_stay_readable_under_the_strongest_heat(theme: Theme) -> None:
    for colour in MODELS:
        assert contrast(theme.ink, blend(colour, theme.paper, 0.35)) >= 4.5
    assert contrast(theme.muted, theme.paper) >= 4.5
    assert contrast(theme.ink, theme.paper) >= 12


def test_the_two_models_have_the_hues_of_the_design_and_a_seventh_starts_again() -> None:
    rules = css(7)
    assert "--m0:#0072B2" in rules and "--m1:#D55E00" in rules and "--m6:#0072B2" in rules
    assert ".m1{--hue:var(--m1);--hue-text:var(--m1-text);--rgb:213 94 0}" in rules

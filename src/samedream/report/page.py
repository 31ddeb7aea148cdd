"""Render the page: templates, styles and script from this package, everything in one file.

Autoescape is on; what comes from the study is never marked safe except by ``marks``, which escapes it itself.
"""

from collections.abc import Callable
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from samedream.report import fontfaces, palette, words
from samedream.report.figures import BINS
from samedream.report.glossary import GLOSSARY
from samedream.report.views import Page

_FILTERS: tuple[Callable[..., str], ...] = (
    words.figure,
    words.percent,
    words.count,
    words.counted,
    words.significant,
    words.plainly,
    words.between,
    words.listed,
)


def _asset(name: str) -> Markup:
    return Markup((files("samedream.report") / "templates" / name).read_text(encoding="utf-8"))  # our own file


def environment() -> Environment:
    """The templates' environment: autoescape on, an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("samedream.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    for write in _FILTERS:
        made.filters[write.__name__] = write
    made.globals.update(glossary=GLOSSARY, bins=BINS, cannot_tell=words.CANNOT_TELL)
    return made


def render(page: Page) -> str:
    """The whole page as HTML."""
    styles = Markup("\n").join([Markup(fontfaces.css()), Markup(palette.css(len(page.models))), _asset("page.css")])
    template = environment().get_template("page.html.j2")
    return (
        template.render(
            page=page,
            styles=styles,
            script=_asset("page.js"),
            page_seed=page.settings["seed"],
            health_words=words.health_title(*page.healthy),
        )
        + "\n"
    )

"""Figures as part of a page: their text stays text, and their colours are the page's, which differ in the dark."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from training.report.style import VARIABLES

DOTS_PER_INCH = 160  # of PNG files, and of what is drawn as pixels within a page
MARKS = "marks-"  # how the names of the groups begin whose marks show a photo
# What begins so is referred to: markers, clips, hatches, collections; and the marks' names.
_KEPT_ID = rf'(?: id="(?!(?:[mph][0-9a-f]{{10}}|C\d|{MARKS}))[^"]*")'


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, for who wants to use it elsewhere."""
    buffer = io.BytesIO()
    with _without_glyph_warnings():
        figure.set_dpi(DOTS_PER_INCH)
        # `savefig` draws a figure twice.
        FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]  # matplotlib.backends
    return buffer.getvalue()


def inline(figure: Figure, name: str, alt: str) -> str:
    """Return a figure that was drawn before as an SVG element.

    Args:
        name: Of the figure within its page: no two figures refer to each other's markers.
        alt: What is seen, for a reader who does not see it.
    """
    figure.set_layout_engine("none")  # the places were computed when it was drawn
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), _without_glyph_warnings():
        figure.set_dpi(DOTS_PER_INCH)
        FigureCanvasSVG(figure).print_svg(  # type: ignore[no-untyped-call]  # matplotlib.backends
            buffer, metadata={"Date": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", lambda tag: _lean(tag[0]), text)
    text = re.sub(rf'<g id="{MARKS}.*?</g>\s*</g>', lambda group: _share_style(group[0]), text, flags=re.DOTALL)
    # A group's marks can be reached by the keyboard; an image's could not.
    role = "group" if f'id="{MARKS}' in text else "img"
    return re.sub(r"<svg[^>]*>", lambda tag: _root(tag[0], role, alt), text, count=1)


def _root(tag: str, role: str, alt: str) -> str:
    box = re.search(r'viewBox="[^"]*"', tag)
    assert box, tag
    return f'<svg {box[0]} role="{role}" aria-label="{escape(alt)}">'


def _lean(tag: str) -> str:
    """Return a tag without what the page has already, with the page's colours and two decimals."""
    tag = re.sub(_KEPT_ID, "", tag).replace("xlink:href", "href")
    tag = re.sub(r" ?font-family: [^;\"]*;?", "", tag)
    tag = re.sub(r"#[0-9a-f]{6}(?=[;\"])", lambda color: VARIABLES.get(color[0], color[0]), tag)
    if "base64" in tag:
        return tag
    return re.sub(r"(\.\d\d)\d+", r"\1", re.sub(r"\s+", " ", tag))


def _share_style(group: str) -> str:
    """Give the style that all marks of a group have to the group: a page may have thousands."""
    styles = set(re.findall(r'<use [^>]*( style="[^"]*")/>', group))
    if len(styles) != 1:
        return group
    (style,) = styles
    return group.replace(f"{style}/>", "/>").replace("<g clip-path", f"<g{style} clip-path", 1)


@contextmanager
def _without_glyph_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")  # it is drawn as a box
        yield

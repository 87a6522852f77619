"""A report as one HTML file: self-contained, offline, printable, without scripts.

`sentences.py` and `ranking.py` say what stands on it, `drawing.py` where; every text goes through the template's
escaping, and the page asks nothing of any other place.
"""

from __future__ import annotations

from daytwo import __version__
from daytwo.core.pages import page_template
from daytwo.monitoring.reporting import sentences
from daytwo.monitoring.reporting.content import Content
from daytwo.monitoring.reporting.drawing import calibration_picture, metric_picture, strip
from daytwo.monitoring.reporting.ranking import columns, harms

# The table of every distance would be longer than anyone reads; the machines' forms have them all.
_MOST_CELLS = 25_000


def page(content: Content) -> str:
    """Return the page as the text of one HTML file."""
    courses, ranked = columns(content), harms(content)
    charts = [
        (name, sentences.metric_name(name), sentences.figures(content, name), wide, narrow)
        for name in content.metrics
        if (wide := metric_picture(content, name, width=720, height=240)) is not None
        and (narrow := metric_picture(content, name, width=360, height=220)) is not None
    ]
    curve = content.calibration
    return page_template("daytwo.monitoring.reporting", "report.html").render(
        content=content,
        headline=sentences.headline(content),
        charts=charts,
        courses=[(one, strip(one.reach)) for one in courses],
        moved=sentences.moved(courses, len(content.windows)) if courses else "",
        harms=ranked,
        harm=sentences.harm(ranked, content.currency),
        slices=[one for one in ranked if one.kind == "performance.slice"],
        curve=curve,
        curve_picture=None if curve is None else calibration_picture(curve, size=360),
        calibrated="" if curve is None else sentences.calibrated(curve),
        budget=sentences.budget(content),
        maturity=sentences.maturity(content),
        all_cells=len(courses) * len(content.windows) <= _MOST_CELLS,
        number=sentences.number,
        metric_name=sentences.metric_name,
        version=__version__,
    )

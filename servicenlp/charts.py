"""Numbers to vector charts: SVG that stretches to its place, follows light and dark, and keeps its letters' size.

Places along a chart are percentages, so nothing is scaled: a chart is as readable on a phone as on
paper. Colours are classes of the page's style sheet (``k-level-1`` ...), which orders them by
luminance. Each chart has a title and a description for those who cannot see it.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

_ROW = 40  # pixels: a line of words and a bar
_BAR = 16
_SIX = tuple((float(level), str(level)) for level in range(1, 7))
_LETTER = 6.2  # pixels, about, of one letter at the size of the labels


Ticks = Sequence[tuple[float, str]]


class Part(NamedTuple):
    """A part of a bar: its size, the class of its colour, and what is written in it if there is room."""

    value: float
    kind: str
    text: str = ""


class Bar(NamedTuple):
    """A bar of parts, with a label above it at the left and a note at the right."""

    label: str
    parts: Sequence[Part]
    note: str = ""


class Range(NamedTuple):
    """A value and its interval, and what of it is written at the right."""

    label: str
    value: float
    low: float
    high: float
    note: str = ""


class Point(NamedTuple):
    """A place in a plane, with the interval in both directions: (value, low, high) each."""

    label: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]


def bars(name: str, title: str, described: str, rows: Sequence[Bar], whole: float | None = None) -> str:
    """Draw bars of parts.

    Parameters
    ----------
    name : str
        Unique on the page.
    title, described : str
        What the chart is, and what it shows.
    rows : sequence of Bar
        From top to bottom.
    whole : float, optional
        What fills the width; the longest bar by default. Give 1 for shares.

    Examples
    --------
    >>> svg = bars("mix", "Mix", "Half is bad.", [Bar("A", [Part(0.5, "bad"), Part(0.5, "good")])], 1)
    >>> svg.count('width="50%"')
    2
    """
    whole = whole or max((sum(part.value for part in row.parts) for row in rows), default=0) or 1
    drawn = []
    for i, row in enumerate(rows):
        at, top = 0.0, i * _ROW + 19
        drawn.append(_heading(row.label, row.note, i))
        for part in row.parts:
            if part.value <= 0:
                continue
            width = part.value / whole * 100
            drawn.append(f'<rect class="{part.kind}" x="{_n(at)}%" y="{top}" width="{_n(width)}%" height="{_BAR}"/>')
            if part.text and width > 2.1 * len(part.text) + 1:  # even at 320 pixels
                drawn.append(f'<text class="in {part.kind}" x="{_n(at + width / 2)}%" y="{top + 12}">{escape(part.text)}</text>')
            at += width
    return _svg(name, title, described, len(rows) * _ROW, drawn)


def ranges(name: str, title: str, described: str, rows: Sequence[Range], ticks: Ticks, reference: float | None = None) -> str:
    """Draw values with their intervals; `ticks` are the scale, lowest first, and `reference` is marked in all rows.

    Examples
    --------
    >>> ranges("r", "Means", "One mean.", [Range("A", 3, 2, 4)], [(1, "1"), (5, "5")]).count('cx="50%"')
    1
    """
    ends, foot = (ticks[0][0], ticks[-1][0]), len(rows) * _ROW
    drawn = []
    for value, text in ticks:
        side = "start" if value == ends[0] else "end" if value == ends[1] else "middle"
        drawn.append(f'<text class="tick" x="{_n(_at(value, ends))}%" y="{foot + 14}" text-anchor="{side}">{escape(text)}</text>')
    for i, row in enumerate(rows):
        middle = i * _ROW + 28
        drawn += [_heading(row.label, row.note, i), _line(0, middle, 100, middle, "track")]
        drawn += [_line(_at(value, ends), middle - 9, _at(value, ends), middle + 9, "grid") for value, _ in ticks]
        if reference is not None:
            drawn.append(_line(_at(reference, ends), middle - 10, _at(reference, ends), middle + 10, "reference"))
        drawn.append(_line(_at(row.low, ends), middle, _at(row.high, ends), middle, "interval"))
        drawn.append(f'<circle class="dot" cx="{_n(_at(row.value, ends))}%" cy="{middle}" r="5"/>')
    return _svg(name, title, described, foot + 18, drawn)


def moves(name: str, title: str, described: str, rows: Sequence[tuple[str, float, float, str]], end: float) -> str:
    """Draw from where to where values move: (label, from, to, note) each, on a scale from 0; the start is hollow.

    Examples
    --------
    >>> moves("m", "Slid", "One did.", [("same-day", 0.1, 0.2, "10% to 20%")], 0.4).count("<circle")
    2
    """
    drawn = []
    for i, (label, start, stop, note) in enumerate(rows):
        middle, ends = i * _ROW + 28, (0.0, end or 1.0)
        a, b = _at(start, ends), _at(stop, ends)
        drawn += [_heading(label, note, i), _line(0, middle, 100, middle, "track"), _line(a, middle, b, middle, "interval")]
        drawn.append(f'<circle class="hollow" cx="{_n(a)}%" cy="{middle}" r="5"/><circle class="dot" cx="{_n(b)}%" cy="{middle}" r="5"/>')
    return _svg(name, title, described, len(rows) * _ROW, drawn)


def columns(name: str, title: str, described: str, periods: Sequence[str], stacks: Sequence[Sequence[Part]], height: int = 190) -> str:
    """Draw one column of shares for each period, the first part at the foot."""
    step, paths = 100 / max(1, len(periods)), dict[str, list[str]]()
    for i, parts in enumerate(stacks):
        foot = float(height)
        for part in parts:
            size = part.value * height
            if size > 0:  # one path a colour, for a rectangle a part would be megabytes over some years of weeks
                corner = f"M{_n((i + 0.08) * step)} {_n(foot)}v{_n(-size)}h{_n(0.84 * step)}v{_n(size)}z"
                paths.setdefault(part.kind, []).append(corner)
                foot -= size
    dense = " dense" * (len(periods) > 30)
    drawn = [f'<path class="{kind}{dense}" d="{"".join(corners)}"/>' for kind, corners in paths.items()]
    return _svg(name, title, described, height + 20, [_stretched(drawn, height), *_axis(periods, height)])


def lines(
    name: str,
    title: str,
    described: str,
    periods: Sequence[str],
    series: Sequence[Range],
    *,
    second: Sequence[float] = (),
    marks: Sequence[tuple[int, str]] = (),
    ticks: Ticks = _SIX,
    height: int = 190,
) -> str:
    """Draw a line over time with its interval as a band.

    Parameters
    ----------
    name, title, described : str
        As in `bars`.
    periods : sequence of str
        Along the chart.
    series : sequence of Range
        One for each period.
    second : sequence of float
        Another line, dashed.
    marks : sequence of (int, str)
        Changes: the index of the first period after each, and what to write.
    ticks : sequence of (float, str)
        The scale, from its lowest value to its highest, and what is written there; the six levels by default.
    height : int
        Of the plot in pixels.
    """
    top, ends = 17 * len(marks), (ticks[0][0], ticks[-1][0])
    step = 100 / max(1, len(periods))
    x = [(i + 0.5) * step for i in range(len(periods))]

    def y(value: float) -> float:
        return top + height * (1 - _at(value, ends) / 100)

    drawn = [_line(0, y(value), 100, y(value), "grid") for value, _ in ticks]
    drawn += [f'<text class="tick" x="-8" y="{_n(y(value) + 4)}" text-anchor="end">{escape(text)}</text>' for value, text in ticks]
    band = [(at, y(one.high)) for at, one in zip(x, series, strict=True)] + [(at, y(one.low)) for at, one in zip(x, series, strict=True)][
        ::-1
    ]
    stretched = [f'<polygon class="band" points="{_points(band)}"/>']
    if second:
        stretched.append(f'<polyline class="second" points="{_points(zip(x, map(y, second), strict=True))}"/>')
    stretched.append(f'<polyline class="line" points="{_points((at, y(one.value)) for at, one in zip(x, series, strict=True))}"/>')
    whole = top + height
    drawn.append(_stretched(stretched, whole))
    if len(periods) <= 40:
        drawn += [f'<circle class="dot" cx="{_n(at)}%" cy="{_n(y(one.value))}" r="3"/>' for at, one in zip(x, series, strict=True)]
    for i, (place, text) in enumerate(marks):
        at = place * step
        drawn.append(_line(at, 17 * i + 4, at, whole, "change"))
        side, shift = ("start", 5) if at < 50 else ("end", -5)
        drawn.append(f'<text class="mark" x="{_n(at)}%" dx="{shift}" y="{17 * i + 12}" text-anchor="{side}">{escape(text)}</text>')
    return _svg(name, title, described, whole + 20, [*drawn, *_axis(periods, whole)])


def plane(
    name: str, title: str, described: str, points: Sequence[Point], axes: tuple[str, str], corners: Sequence[str], height: int = 330
) -> str:
    """Draw points with their intervals; the lines through their means part the plane in four.

    Parameters
    ----------
    name, title, described : str
        As in `bars`.
    points : sequence of Point
        Labelled with their order, from 1.
    axes : tuple of str
        What is shown to the right, and upwards.
    corners : sequence of str
        What is written at top left, top right, bottom left and bottom right.
    height : int
        Of the plot in pixels.
    """
    told = [[point.x for point in points], [point.y for point in points]]
    spread = [_spread([end for one in values for end in one]) for values in told]
    middle = [sum(one[0] for one in values) / len(points) for values in told]

    def y(value: float) -> float:
        return height * (1 - _at(value, spread[1]) / 100)

    across, up = _at(middle[0], spread[0]), y(middle[1])
    drawn = [
        f'<rect class="frame" width="100%" height="{height}"/>',
        _line(across, 0, across, height, "grid"),
        _line(0, up, 100, up, "grid"),
    ]
    for k, text in enumerate(corners):
        place, side = ('x="8"', "start") if k % 2 == 0 else ('x="100%" dx="-8"', "end")
        drawn.append(f'<text class="corner" {place} y="{18 if k < 2 else height - 10}" text-anchor="{side}">{escape(text)}</text>')
    for point in points:
        x, left, right = (_at(one, spread[0]) for one in point.x)
        middle_y, low, high = map(y, point.y)
        drawn += [_line(left, middle_y, right, middle_y, "whisker"), _line(x, low, x, high, "whisker")]
    for number, point in enumerate(points, 1):
        x, v = _at(point.x[0], spread[0]), y(point.y[0])
        drawn.append(f'<circle class="ball" cx="{_n(x)}%" cy="{_n(v)}" r="10"/>')
        drawn.append(f'<text class="number" x="{_n(x)}%" y="{_n(v + 4)}">{number}</text>')
    drawn.append(f'<text class="tick" x="100%" y="{height + 16}" text-anchor="end">{escape(axes[0])} →</text>')
    drawn.append(f'<text class="tick" x="0" y="-8">↑ {escape(axes[1])}</text>')
    return _svg(name, title, described, height + 20, drawn)


def _svg(name: str, title: str, described: str, height: int, drawn: Sequence[str]) -> str:
    told = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(described)}</desc>'
    attributes = f'role="img" aria-labelledby="{name}-title {name}-desc" width="100%" height="{height}"'
    return f'<svg class="chart" {attributes}>{told}{"".join(drawn)}</svg>'


def _stretched(drawn: Sequence[str], height: int) -> str:
    """Let shapes whose places across are from 0 to 100 take the whole width."""
    return f'<svg width="100%" height="{height}" viewBox="0 0 100 {height}" preserveAspectRatio="none">{"".join(drawn)}</svg>'


def _heading(label: str, note: str, i: int) -> str:
    """Write a row's label and note, which share the width of a phone."""
    room = int(290 / _LETTER) - len(note)
    short = label if len(label) <= room else label[: room - 1] + "…"
    right = f'<text class="note" x="100%" y="{i * _ROW + 12}" text-anchor="end">{escape(note)}</text>' if note else ""
    whole = "" if short == label else f"<title>{escape(label)}</title>"
    return f'<text class="label" x="0" y="{i * _ROW + 12}">{escape(short)}{whole}</text>{right}'


def _line(x: float, y: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{_n(x)}%" y1="{_n(y)}" x2="{_n(x2)}%" y2="{_n(y2)}"/>'


def _axis(periods: Sequence[str], height: int) -> list[str]:
    """Write some of the periods, as many as a phone has room for."""
    step, most = 100 / max(1, len(periods)), 5 if max(map(len, periods), default=0) < 8 else 4
    each = -(-len(periods) // most)
    drawn = []
    for i in range(0, len(periods), each):
        place = f'x="{_n((i + 0.5) * step)}%" text-anchor="middle"' if i or step > 15 else 'x="0" text-anchor="start"'
        drawn.append(f'<text class="tick" {place} y="{height + 15}">{escape(periods[i])}</text>')
    return drawn


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in places)


def _at(value: float, ends: tuple[float, float]) -> float:
    """Return how far a value is between two ends, in percent."""
    return min(100.0, max(0.0, (value - ends[0]) / (ends[1] - ends[0]) * 100))


def _spread(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 0.5
    return low - room, high + room


def _n(value: float) -> str:
    """Write a number in two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")

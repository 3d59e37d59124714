"""Draws speed over depth as SVG."""
from html import escape

WIDTH, HEIGHT = 250, 190  # of a panel, in pixels
LEFT, RIGHT, TOP, BOTTOM = 42, 10, 26, 34  # within it, around the axes
COLUMNS = 3
COLOURS = {"Mica": "#c0392b", "llama.cpp": "#2471a3",
           "ik_llama.cpp": "#1e8449", "openvino": "#8e44ad",
           "torch": "#7f8c8d"}
DASHES = {"f16": "", "int8": ' stroke-dasharray="5 3"'}


def curves(rows):
    """Returns {(engine, cache): {depth: tokens/s}} of the rows of a panel, of
    each engine's fastest variant and of Mica's best pairing."""
    found = {}
    for row in rows:
        depth = int(row["test"].split("@")[1])
        for engine, speed in (("Mica", row["mica"]),
                              (row["peer"].split("-")[0], row["peer_speed"])):
            line = found.setdefault((engine, row["cache"]), {})
            line[depth] = max(line.get(depth, 0), speed)
    return found


def depths(rows):
    """Returns an SVG with a panel for each format and number of threads, or
    nothing where no decoding was measured at several depths."""
    rows = [r for r in rows if r["test"].startswith("tg") and "mica" in r]
    panels = {}
    for row in rows:
        panels.setdefault((row["threads"], row["format"]), []).append(row)
    panels = {key: curves(of_key) for key, of_key in panels.items()}
    panels = {key: found for key, found in panels.items()
              if any(len(line) > 1 for line in found.values())}
    if not panels:
        return ""
    lines = -(-len(panels) // COLUMNS)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" '
             f'width="{COLUMNS * WIDTH}" height="{lines * HEIGHT + 24}" '
             'font-family="sans-serif" font-size="10">',
             '<rect width="100%" height="100%" fill="white"/>', *legend()]
    for index, (key, found) in enumerate(sorted(panels.items())):
        x, y = index % COLUMNS * WIDTH, 24 + index // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">')
        parts += panel(f"{key[1]}, {key[0]} thread{'s' * (key[0] > 1)}", found)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>\n"])


def legend():
    """Yields the names of the engines in their colours, and the dashes."""
    for index, (engine, colour) in enumerate(COLOURS.items()):
        yield (f'<text x="{10 + 90 * index}" y="15" fill="{colour}">'
               f"{escape(engine)}</text>")
    yield (f'<text x="{10 + 90 * len(COLOURS)}" y="15">tokens/s over tokens in '
           "the cache; dashed: int8 cache</text>")


def panel(title, found):
    """Yields one pair of axes with its curves; the speed begins at 0."""
    deepest = max(depth for line in found.values() for depth in line)
    fastest = 1.05 * max(speed for line in found.values()
                         for speed in line.values())

    def place(depth, speed):
        x = LEFT + depth / max(deepest, 1) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - speed / fastest * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    yield f'<text x="{LEFT}" y="16" font-weight="bold">{escape(title)}</text>'
    yield (f'<polyline points="{place(0, fastest)} {place(0, 0)} '
           f'{place(deepest, 0)}" fill="none" stroke="black"/>')
    for depth in sorted({d for line in found.values() for d in line}):
        x, y = place(depth, 0).split(",")
        yield (f'<text x="{x}" y="{float(y) + 13:.1f}" text-anchor="middle">'
               f"{depth}</text>")
    for quarter in range(1, 5):
        x, y = place(0, fastest * quarter / 4).split(",")
        yield (f'<text x="{float(x) - 4:.1f}" y="{float(y) + 3:.1f}" '
               f'text-anchor="end">{fastest * quarter / 4:.3g}</text>')
    for (engine, cache), line in found.items():
        points = [place(*point) for point in sorted(line.items())]
        colour = COLOURS[engine]
        yield (f'<polyline points="{" ".join(points)}" fill="none" '
               f'stroke="{colour}" stroke-width="1.5"{DASHES[cache]}/>')
        for point in points:
            x, y = point.split(",")
            yield f'<circle cx="{x}" cy="{y}" r="2" fill="{colour}"/>'

"""Rows of panels, and their JSON for Grafana."""

from collections.abc import Sequence
from typing import Any, NamedTuple

WIDTH, HEIGHT = 24, 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_VARIABLE = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}

Json = dict[str, Any]


class Query(NamedTuple):
    expr: str
    legend: str = ""


class Panel(NamedTuple):
    """``kind`` is timeseries or stat. The panel turns red from the value ``bad_from`` on."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    width: int = 12
    bad_from: float | None = None


class Row(NamedTuple):
    title: str
    panels: Sequence[Panel]


def graph(title: str, description: str, unit: str, *queries: tuple[str, str], width: int = 12) -> Panel:
    return Panel(title, description, unit, [Query(*query) for query in queries], width=width)


def stat(title: str, description: str, unit: str, expr: str, bad_from: float | None = None) -> Panel:
    return Panel(title, description, unit, [Query(expr)], "stat", width=4, bad_from=bad_from)


def quantiles(title: str, description: str, histogram: str, by: str = "", *, matching: str = "") -> Panel:
    """Return a graph of the 50th and 99th percentile of a histogram of seconds, by one label."""
    grouped, legend = (f"{by}, le", f"{{{{{by}}}}} ") if by else ("le", "")
    rate = f"sum by ({grouped}) (rate({histogram}_bucket{{{matching}}}[$__rate_interval]))"
    queries = [(f"histogram_quantile({part}, {rate})", f"{legend}{name}") for part, name in _PARTS]
    return graph(title, description, "s", *queries)


_PARTS = ((0.5, "p50"), (0.99, "p99"))


def rate(counter: str, by: str, *, matching: str = "") -> tuple[str, str]:
    return f"sum by ({by}) (rate({counter}{{{matching}}}[$__rate_interval]))", _legend(by)


def highest(gauge: str, by: str, *, matching: str = "") -> tuple[str, str]:
    return f"max by ({by}) ({gauge}{{{matching}}})", _legend(by)


def mean_by_consumer(histogram: str) -> str:
    total, count = (f"sum by (consumer) (rate({histogram}_{part}[$__rate_interval]))" for part in ("sum", "count"))
    return f"{total} / {count}"


def _legend(by: str) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in by.split(", "))


def dashboard(name: str, title: str, rows: Sequence[Row]) -> Json:
    return {
        "uid": f"recobro-{name}",
        "title": title,
        "tags": ["recobro"],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_VARIABLE]},
        "links": [
            {"type": "dashboards", "title": "Recobro", "tags": ["recobro"], "asDropdown": True, "includeVars": True}
        ],
        "panels": _placed(rows),
    }


def _placed(rows: Sequence[Row]) -> list[Json]:
    """Place the panels from left to right, as many in a line as fit."""
    panels: list[Json] = []
    y = 0
    for row in rows:
        place: Json = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        head = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        panels.append({"id": len(panels) + 1, "gridPos": place} | head)
        x, y = 0, y + 1
        for panel in row.panels:
            height = HEIGHT if panel.kind == "timeseries" else HEIGHT // 2
            if x + panel.width > WIDTH:
                x, y = 0, y + height
            place = {"x": x, "y": y, "w": panel.width, "h": height}
            panels.append({"id": len(panels) + 1, "gridPos": place} | _panel(panel))
            x += panel.width
        y += height
    return panels


def _panel(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": query.expr, "legendFormat": query.legend}
            for n, query in enumerate(panel.queries)
        ],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": _TIMESERIES if panel.kind == "timeseries" else _STAT,
    }


_TIMESERIES = {
    "legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
_STAT = {"colorMode": "background", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}

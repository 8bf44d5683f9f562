"""What is wrong with a dashboard of Grafana, as far as its JSON tells it: how it is laid out, and whether its expressions mean what its panels say."""
import re

# Units of Grafana that are used here, and what an expression of such a unit is made of.
RATES = {"mps", "ops", "cps", "eps", "reqps", "recps", "Bps"}
UNITS = RATES | {"s", "bytes", "short", "none", "percentunit"}
COUNTERS = ("_total", "_bucket", "_count", "_sum")
METRIC = r"\b(?:troupe|process)_[a-z_]*[a-z]\b"
OVER_TIME = rf"(?:rate|increase)\(({METRIC})"


def layout(panels):
    """Panels that are of one place, or stand out."""
    wrong, taken = [], {}
    for panel in panels:
        at = panel["gridPos"]
        if not (at["w"] > 0 and at["h"] > 0 and 0 <= at["x"] and at["x"] + at["w"] <= 24):
            wrong.append(f"{panel['title']}: does not fit in the width")
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if taken.setdefault(cell, panel["title"]) != panel["title"]:
                wrong.append(f"{panel['title']}: over {taken[cell]}")
                break
    return wrong


def expression(target, unit):
    """What an expression cannot mean."""
    expr, wrong = target["expr"], []
    raw = re.sub(rf"(?:rate|increase)\({METRIC}", "", expr)
    wrong += [f"{name}: a counter, not its rate" for name in re.findall(METRIC, raw) if name.endswith(COUNTERS)]
    wrong += [f"{name}: the rate of a gauge" for name in re.findall(OVER_TIME, expr) if not name.endswith(COUNTERS)]
    wrong += [f"{name}: buckets without a quantile" for name in re.findall(METRIC, expr) if name.endswith("_bucket") and "histogram_quantile" not in expr]
    if "histogram_quantile" in expr and not re.search(r"histogram_quantile\([0-9.]+, sum by \((?:[a-z]+, )*le\) \(rate\(", expr):
        wrong.append("a quantile wants the rate of buckets, by le")
    wrong += [f"{label} is in the legend, and not in the series" for label in re.findall(r"{{(\w+)}}", target["legendFormat"])
              if "by (" in expr and not re.search(rf"by \((?:[a-z]+, )*{label}\b", expr)]
    wrong += [f"[{window}]: not what the graph shows" for window in re.findall(r"rate\([^\[]*\[([^\]]+)\]", expr) if window != "$__rate_interval"]
    if re.search(r'instance|localhost|\d+\.\d+\.\d+\.\d+|job="', expr):
        wrong.append("one machine's name")
    wrong += [f"{name}: not of the fleet and the processes that were chosen" for name in re.findall(METRIC + r'(?!{namespace=~"\$namespace",fleet=~"\$fleet",process=~"\$process")(?![a-z_(])', expr)]
    if "ALERTS" in expr and 'namespace=~"|$namespace",fleet=~"|$fleet"' not in expr:  # those of a single machine have neither
        wrong.append("alerts that are not of the fleet that was chosen")
    return wrong + measure(expr, unit)


def measure(expr, unit):
    """A unit that is another's."""
    names, rate = re.findall(METRIC, expr), "rate(" in expr and "histogram_quantile" not in expr
    if not names:
        return []
    last = names[0]
    if rate and last == "process_cpu_seconds_total":
        wanted = {"percentunit"}
    elif rate:
        wanted = {"Bps"} if "_bytes" in last else RATES - {"Bps"}
    elif "histogram_quantile" in expr or last.endswith("_seconds"):
        wanted = {"s"}
    elif last.endswith("_bytes"):
        wanted = {"bytes"}
    else:
        wanted = {"percentunit"} if " / " in expr else {"short", "none"}
    return [] if unit in wanted else [f"{last} in {unit}"]


def faults(board):
    """All that is wrong with it, one sentence each."""
    panels, source = board["panels"], {"type": "prometheus", "uid": "${datasource}"}
    wrong = layout(panels)
    for what in ("id", "title"):
        if len({panel[what] for panel in panels}) != len(panels):
            wrong.append(f"two panels have one {what}")
    if not re.fullmatch(r"\d+[sm]", board.get("refresh", "")):
        wrong.append("it is not refreshed")
    variables = {one["name"]: one for one in board["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource":
        wrong.append("no variable for the source of data")
    wrong += [f"variable {name}: another source, or All is a long list" for name, one in variables.items()
              if one["type"] == "query" and (one["datasource"] != source or one.get("allValue") != ".*")]
    for panel in panels:
        unit = panel["fieldConfig"]["defaults"].get("unit")
        said = [f"unit {unit}"] if unit not in UNITS else []
        said += ["no description"] if len(panel.get("description", "")) < 10 else []
        said += ["another source"] if panel["datasource"] != source else []
        refs = [target["refId"] for target in panel["targets"]]
        said += ["two targets of one name"] if len(set(refs)) != len(refs) or not refs else []
        for target in panel["targets"]:
            said += ["a line without a name"] if not target.get("legendFormat") else expression(target, unit)
        wrong += [f"{panel['title']}: {one}" for one in said]
    return wrong

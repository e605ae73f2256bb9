"""Shows what .ci/check-deploy needs to know about Grafana dashboards. The arguments are one of these words and the
dashboards:

typescript   a module that tsc accepts when the dashboards have Grafana's published shape, panel options included
rules        their queries as a Prometheus rule file, so that promtool parses them
metrics      the names of the metrics that they query
queries      every query as a line of JSON (dashboard, panel, refId, expr), with values in place of Grafana's
             variables, so that a live Prometheus can answer it; a template variable's query becomes the series that
             its values come from
conventions  names what a panel lacks, and ids that are used twice; fails if it finds any
format       rewrites the dashboards in our format: two spaces, and on one line what fits
"""

import json
import re
import sys

# The published types have enums where JSON has plain values. `Target` is the part of a Prometheus query that we use.
TYPES = """\
import type { Dashboard, DashboardLink, GraphFieldConfig } from "@grafana/schema";
import type { Options as StatOptions }
  from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as GraphOptions }
  from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
type Link = Pick<DashboardLink, "title" | "url" | "targetBlank">;
type Annotation = { target: { refId: string; expr: string }; titleFormat: string; textFormat: string };
type Source = { type: "prometheus"; uid: "prometheus" };
type Target = { refId: string; datasource: Source; expr: string; legendFormat: string };
"""
# Panel type: types of `options` and of `fieldConfig.defaults.custom`.
PANELS = {
    "stat": ("Partial<Json<StatOptions>>", "never"),
    "timeseries": ("Json<GraphOptions>", "Json<GraphFieldConfig>"),
}


LINE_LENGTH = 130


def typescript(dashboards):
    lines = [TYPES]

    def declare(name, type_name, value):
        lines.append(f"export const {name}: {type_name} = {json.dumps(value, indent=1)};")

    for number, (_, dashboard) in enumerate(dashboards):
        # The published types lack a data source's own part of an annotation, and require more of a panel's links than
        # Grafana does.
        known = json.loads(json.dumps(dashboard))
        for index, annotation in enumerate(known["annotations"]["list"]):
            own = {key: annotation.pop(key) for key in ("target", "titleFormat", "textFormat") if key in annotation}
            declare(f"annotation{number}_{index}", "Annotation", own)
        for panel in known["panels"]:
            if panel["type"] == "row":
                continue
            options, custom = PANELS[panel["type"]]
            name = f"panel{number}_{panel['id']}"
            lines.append(f"// {panel['title']}")
            declare(name, options, panel["options"])
            declare(f"{name}_targets", "Target[]", panel["targets"])
            declare(f"{name}_links", "Link[]", panel.pop("links"))
            if "custom" in panel["fieldConfig"]["defaults"]:
                declare(f"{name}_custom", custom, panel["fieldConfig"]["defaults"]["custom"])
        declare(f"dashboard{number}", "Json<Dashboard>", known)
    return "\n".join(lines)


def queries(dashboards):
    """Every query of the panels, the annotations and the template variables."""
    for _, dashboard in dashboards:
        found = [
            (panel["title"], target["refId"], target["expr"])
            for panel in dashboard["panels"]
            for target in panel.get("targets", [])
        ]
        for annotation in dashboard["annotations"]["list"]:
            found.append(
                (f"annotation {annotation['name']}", annotation["target"]["refId"], annotation["target"]["expr"])
            )
        for variable in dashboard["templating"]["list"]:
            series = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])[1]
            found.append((f"variable {variable['name']}", variable["query"]["refId"], series))
        for panel, ref_id, expr in found:
            expr = expr.replace("$__rate_interval", "30s").replace("$__range", "5m")
            expr = re.sub(r"\$\w+", ".*", expr)
            yield {"dashboard": dashboard["title"], "panel": panel, "refId": ref_id, "expr": expr}


def list_queries(dashboards):
    return "\n".join(json.dumps(query) for query in queries(dashboards))


def rules(dashboards):
    listed = [{"record": f"query_{number}", "expr": query["expr"]} for number, query in enumerate(queries(dashboards))]
    # JSON is YAML.
    return json.dumps({"groups": [{"name": "queries", "rules": listed}]}, indent=1)


def metrics(dashboards):
    names = set()
    for expr in (query["expr"] for query in queries(dashboards)):
        # Without strings, label matchers, label lists and ranges, only metrics, functions and operators are left.
        expr = re.sub(r'"[^"]*"', "", expr)
        expr = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", expr)
        expr = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", expr)
        for word in re.finditer(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", expr):
            if word.group() not in ("and", "or", "unless", "bool", "offset", "by", "without"):
                names.add(re.sub(r"_(bucket|sum|count)$", "", word.group()))
    return "\n".join(sorted(names))


def conventions(dashboards):
    found = []
    for _, dashboard in dashboards:
        ids = [panel["id"] for panel in dashboard["panels"]]
        found += [f"{dashboard['title']}: two panels have the id {i}" for i in sorted(set(ids)) if ids.count(i) > 1]
        for panel in dashboard["panels"]:
            if panel["type"] == "row":
                continue
            defaults = panel["fieldConfig"]["defaults"]
            has = {
                "description": panel.get("description"),
                "links": panel.get("links"),
                "unit": defaults.get("unit"),
                "thresholds": defaults.get("thresholds", {}).get("steps"),
            }
            found += [
                f"{dashboard['title']}: {panel['title']} has no {what}" for what, value in has.items() if not value
            ]
            refs = [target["refId"] for target in panel["targets"]]
            if len(refs) != len(set(refs)):
                found.append(f"{dashboard['title']}: {panel['title']} has a refId twice")
    for path, dashboard in dashboards:
        with open(path, encoding="utf-8") as file:
            if file.read() != written(dashboard) + "\n":
                found.append(f"{path} is not formatted: python3 .ci/dashboards.py format {path}")
    if found:
        sys.exit("\n".join(found))


def written(value, indent=0, column=0):
    """JSON with two spaces. A value that fits on the rest of its line stays there."""
    line = json.dumps(value, ensure_ascii=False)
    # One more character for the comma.
    if not isinstance(value, (dict, list)) or column + len(line) + 1 <= LINE_LENGTH:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, list):
        parts = [inner + written(part, indent + 2, indent + 2) for part in value]
        return "[\n" + ",\n".join(parts) + "\n" + " " * indent + "]"
    names = [f"{inner}{json.dumps(key, ensure_ascii=False)}: " for key in value]
    parts = [name + written(part, indent + 2, len(name)) for name, part in zip(names, value.values())]
    return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"


def rewrite(dashboards):
    for path, dashboard in dashboards:
        with open(path, "w", encoding="utf-8") as file:
            file.write(written(dashboard) + "\n")


MODES = {
    "typescript": typescript,
    "rules": rules,
    "metrics": metrics,
    "queries": list_queries,
    "conventions": conventions,
    "format": rewrite,
}

if __name__ == "__main__":
    loaded = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            loaded.append((path, json.load(file)))
    output = MODES[sys.argv[1]](loaded)
    if output is not None:
        print(output)

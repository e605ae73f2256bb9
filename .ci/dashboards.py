"""What .ci/check-deploy needs to know of the Grafana dashboards given as arguments, after one of these words:

typescript  a module that tsc accepts when the dashboards have Grafana's published shape, panel options included
rules       their queries as a Prometheus rule file, so that promtool parses them
metrics     the names of the metrics that they query
"""

import json
import re
import sys

# What JSON spells as a value is an enum in the published types. `Target` is the part of a Prometheus query that we use.
TYPES = """\
import type { Dashboard, GraphFieldConfig } from "@grafana/schema";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as GraphOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
type Target = { refId: string; datasource: { type: "prometheus"; uid: "prometheus" }; expr: string; legendFormat: string };
"""
# Panel type: types of `options` and of `fieldConfig.defaults.custom`.
PANELS = {
    "stat": ("Partial<Json<StatOptions>>", "never"),
    "timeseries": ("Json<GraphOptions>", "Json<GraphFieldConfig>"),
}


def typescript(dashboards):
    lines = [TYPES]
    for number, dashboard in enumerate(dashboards):
        lines.append(f"export const dashboard{number}: Json<Dashboard> = {json.dumps(dashboard, indent=1)};")
        for panel in dashboard["panels"]:
            if panel["type"] == "row":
                continue
            options, custom = PANELS[panel["type"]]
            name = f"panel{number}_{panel['id']}"
            lines.append(f"// {panel['title']}")
            lines.append(f"export const {name}: {options} = {json.dumps(panel['options'], indent=1)};")
            lines.append(f"export const {name}_targets: Target[] = {json.dumps(panel['targets'], indent=1)};")
            if "custom" in panel["fieldConfig"]["defaults"]:
                value = json.dumps(panel["fieldConfig"]["defaults"]["custom"], indent=1)
                lines.append(f"export const {name}_custom: {custom} = {value};")
    return "\n".join(lines)


def queries(dashboards):
    """Every panel's queries, with something in place of Grafana's variables."""
    for dashboard in dashboards:
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                expr = re.sub(r"\$__(rate_interval|range)\b", "1m", target["expr"])
                yield f"{panel['title']} {target['refId']}", re.sub(r"\$\w+", ".*", expr)


def rules(dashboards):
    names = [re.sub(r"\W+", "_", title) + f"_{number}" for number, (title, _) in enumerate(queries(dashboards))]
    exprs = [expr for _, expr in queries(dashboards)]
    groups = [{"name": "panels", "rules": [{"record": f"p_{n}", "expr": e} for n, e in zip(names, exprs)]}]
    # JSON is YAML.
    return json.dumps({"groups": groups}, indent=1)


def metrics(dashboards):
    names = set()
    for _, expr in queries(dashboards):
        # What remains without strings, label matchers, label lists and ranges are metrics, functions and operators.
        expr = re.sub(r'"[^"]*"', "", expr)
        expr = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", expr)
        expr = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", expr)
        for word in re.finditer(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", expr):
            if word.group() not in ("and", "or", "unless", "bool", "offset", "by", "without"):
                names.add(re.sub(r"_(bucket|sum|count)$", "", word.group()))
    return "\n".join(sorted(names))


if __name__ == "__main__":
    loaded = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            loaded.append(json.load(file))
    print({"typescript": typescript, "rules": rules, "metrics": metrics}[sys.argv[1]](loaded))

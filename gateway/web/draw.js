// Drawings of what happened: the spans of a trace as a tree with times and as a sequence diagram, and plans as graphs.
import {h, s, bare, took, empty, words} from "./dom.js";

const KINDS = {producer: "info", consumer: "accent", client: "warn", server: "info", internal: "dim"};
const BROKERS = new Set(["route", "deliver"]); // its own spans: a broker is no agent

function ordered(spans) {
    const known = new Set(spans.map(span => span.span)), children = new Map(), roots = [];
    for (const span of [...spans].sort((a, b) => a.start_us - b.start_us))
        if (known.has(span.parent) && span.parent !== span.span)
            children.set(span.parent, [...children.get(span.parent) || [], span]);
        else
            roots.push(span);
    const out = [], seen = new Set();
    (function walk(list, depth) {
        for (const span of list)
            if (!seen.has(span.span)) {
                seen.add(span.span);
                out.push({span, depth});
                walk(children.get(span.span) || [], depth + 1);
            }
    })(roots, 0);
    return out;
}

export function sumUp(spans) {
    if (!spans.length)
        return "nothing is known of it";
    const first = Math.min(...spans.map(span => span.start_us)), last = Math.max(...spans.map(span => span.start_us + span.took_us));
    const agents = new Set(spans.filter(span => !BROKERS.has(span.name)).map(span => span.agent)).size, failed = spans.filter(span => span.error).length;
    return `${took((last - first) / 1000)}, ${spans.length} steps of ${agents} ${agents === 1 ? "agent" : "agents"}${failed ? `, ${failed} failed` : ""}`;
}

const by = span => span.attributes?.["troupe.mind.by"] || span.attributes?.["gen_ai.request.model"];
const title = span => [span.name, span.attributes?.["messaging.destination.name"] && "\u2192 " + span.attributes["messaging.destination.name"], by(span) && `(${by(span)})`].filter(Boolean).join(" ");

export function tree(spans) {
    if (!spans.length)
        return empty("Nothing is known of this trace", "It was not sampled, or the broker has forgotten it (--trace-bytes).");
    const first = Math.min(...spans.map(span => span.start_us)), whole = Math.max(1, ...spans.map(span => span.start_us + span.took_us - first));
    return h("div", {class: "draw", tabindex: "0", role: "region", "aria-label": "What was done"}, h("div", {class: "spans", role: "list"}, ordered(spans).slice(0, 500).map(({span, depth}) =>
        h("div", {class: "span", role: "listitem", title: span.error ? `failed: ${span.error}` : title(span)},
            h("span", {class: "what" + (span.error ? " bad" : ""), style: {"--d": depth}}, h("b", {}, bare(span.agent)), " " + title(span)),
            h("span", {class: "n dim"}, took(span.took_us / 1000)),
            h("span", {class: "lane", "aria-hidden": "true"}, h("i", {style: {"--l": `${(span.start_us - first) / whole * 99}%`, "--w": `${span.took_us / whole * 99}%`, "--c": `var(--${span.error ? "bad" : KINDS[span.kind] || "dim"})`}}))))));
}

const ARROWS = 150, LANE = 150, STEP = 34, TOP = 50;

// Messages are spans `send ACT`; who got one is told by the span below it.
export function messages(spans) {
    const got = new Map(spans.filter(span => span.name.startsWith("receive")).map(span => [span.parent, span]));
    return spans.filter(span => span.name.startsWith("send ")).sort((a, b) => a.start_us - b.start_us).map(span => ({
        from: bare(span.agent), to: bare(got.get(span.span)?.agent || span.attributes?.["messaging.destination.name"]), act: span.name.slice(5), failed: Boolean(span.error), at: span.start_us,
    })).filter(one => one.to);
}

export function sequence(spans) {
    const all = messages(spans), shown = all.slice(0, ARROWS), who = [...new Set(shown.flatMap(one => [one.from, one.to]))];
    if (!shown.length)
        return empty("No messages in this trace", "Only what was sent between agents is drawn here.");
    const width = Math.max(320, who.length * LANE + 20), height = TOP + shown.length * STEP + 20, x = name => who.indexOf(name) * LANE + LANE / 2 + 10;
    const first = shown[0].at;
    return h("div", {class: "draw", tabindex: "0", role: "region", "aria-label": "Sequence diagram"}, s("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": shown.map(one => `${one.from} to ${one.to}: ${one.act}`).join("; ")},
        s("defs", {}, s("marker", {id: "head", viewBox: "0 0 8 8", refX: "7.5", refY: "4", markerWidth: "8", markerHeight: "8", orient: "auto"}, s("path", {d: "M0 0 8 4 0 8z", style: {fill: "var(--dim)"}}))),
        who.map(name => [s("line", {x1: x(name), x2: x(name), y1: 34, y2: height - 6, style: {stroke: "var(--line)"}, "stroke-dasharray": "4 4"}),
            s("rect", {x: x(name) - 66, y: 6, width: 132, height: 28, rx: 8, style: {fill: "var(--tint)", stroke: "var(--line)"}}),
            s("text", {x: x(name), y: 25, "text-anchor": "middle", "font-weight": 600}, name.length > 18 ? name.slice(0, 17) + "\u2026" : name)]),
        shown.map((one, i) => {
            const y = TOP + 16 + i * STEP, a = x(one.from), b = x(one.to), self = a === b, way = b > a ? 1 : -1;
            return [s("path", {d: self ? `M${a} ${y - 6} h24 v12 h-20` : `M${a} ${y} L${b - way * 2} ${y}`, fill: "none", "marker-end": "url(#head)", style: {stroke: `var(--${one.failed ? "bad" : "dim"})`}}),
                s("text", {x: self ? a + 30 : (a + b) / 2, y: self ? y + 4 : y - 5, "text-anchor": self ? "start" : "middle"}, one.act),
                s("text", {x: 2, y: y + 4, class: "dim", "font-size": "10"}, "+" + took((one.at - first) / 1000))];
        })), all.length > ARROWS && h("p", {class: "dim"}, `${all.length - ARROWS} more messages are not drawn.`));
}

const NODE = {w: 190, h: 54, dx: 250, dy: 74};

// nodes: [{id, title, state, needs, agent}], laid out in layers from left to right.
export function graph(nodes, kindOf, onpick) {
    const known = new Map(nodes.map(node => [node.id, node])), layer = new Map();
    const depth = (id, path = new Set()) => {
        if (layer.has(id) || path.has(id))
            return layer.get(id) ?? 0;
        path.add(id);
        const before = (known.get(id).needs || []).filter(one => known.has(one));
        layer.set(id, before.length ? 1 + Math.max(...before.map(one => depth(one, path))) : 0);
        return layer.get(id);
    };
    nodes.forEach(node => depth(node.id));
    const rows = [], place = new Map();
    for (const node of nodes) {
        const column = layer.get(node.id);
        rows[column] = (rows[column] || 0) + 1;
        place.set(node.id, {x: 10 + column * NODE.dx, y: 10 + (rows[column] - 1) * NODE.dy});
    }
    const width = rows.length * NODE.dx - 40, height = Math.max(...rows) * NODE.dy + 10;
    const cut = (text, n) => text.length > n ? text.slice(0, n - 1) + "\u2026" : text;
    return h("div", {class: "draw"}, s("svg", {width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Plan"},
        nodes.flatMap(node => (node.needs || []).filter(one => place.has(one)).map(one => {
            const a = place.get(one), b = place.get(node.id), x1 = a.x + NODE.w, y1 = a.y + NODE.h / 2, y2 = b.y + NODE.h / 2;
            return s("path", {d: `M${x1} ${y1} C${x1 + 30} ${y1} ${b.x - 30} ${y2} ${b.x} ${y2}`, fill: "none", "stroke-width": 1.6, style: {stroke: "var(--dim)"}});
        })),
        nodes.map(node => {
            const at = place.get(node.id), kind = kindOf(node.state) || "dim";
            return s("a", {href: "#tasks", role: "button", "aria-label": `${node.title}, ${words(node.state)}`, onclick: event => {
                event.preventDefault();
                onpick(node.id);
            }}, s("rect", {x: at.x, y: at.y, width: NODE.w, height: NODE.h, rx: 10, "stroke-width": 1.5, style: {fill: "var(--card)", stroke: `var(--${kind})`}}),
            s("circle", {cx: at.x + 16, cy: at.y + 18, r: 5, style: {fill: `var(--${kind})`}}),
            s("text", {x: at.x + 28, y: at.y + 22, "font-weight": 600}, cut(node.title, 22)),
            s("text", {x: at.x + 28, y: at.y + 40, class: "dim"}, cut(`${words(node.state)}${node.agent ? " \u00b7 " + bare(node.agent) : ""}`, 25)));
        })));
}

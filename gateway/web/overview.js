// What goes on: numbers, rates, queues, agents and topics, from one summary a second that the gateway makes.
import {h, put, card, table, number, compact, took, money, kindOf, words, bare} from "./dom.js";
import {get} from "./api.js";
import {lines, squares, bar} from "./charts.js";

function tile(title, href) {
    const value = h("dd", {}, "\u2013"), note = h("small");
    return {node: h("a", {class: "tile", href}, h("dl", {style: {margin: "0"}}, h("dt", {}, title), value), note), set(text, more = "", kind = "") {
        value.textContent = text;
        value.className = kind;
        note.textContent = more;
    }};
}

export async function show(root) {
    const tiles = {agents: tile("Agents", "#agents"), rate: tile("Messages a second", "#topics"), queued: tile("Waiting", "#agents"), tasks: tile("Open tasks", "#tasks"),
        approvals: tile("Approvals", "#approvals"), letters: tile("Dead letters", "#logs"), tokens: tile("Model tokens", "#models"), money: tile("Model money", "#models")};
    const rates = lines("Messages a second", [{label: "in", colour: "accent"}, {label: "out", colour: "good"}, {label: "on topics", colour: "warn"}]);
    const queues = lines("Waiting and in hand", [{label: "queued", colour: "accent"}, {label: "in hand", colour: "warn"}, {label: "leased", colour: "info"}]);
    const delays = lines("Round trip of a question", [{label: "page to agents and back", colour: "info"}], {format: took});
    const latencies = table([["Since the gateway began"], ["Count", "n"], ["p50", "n"], ["p95", "n"], ["p99", "n"]], "Latencies");
    const grid = squares("Agents by their state", kindOf), states = h("div", {class: "legend"}), topics = h("div"), busiest = h("div");
    root.append(h("div", {class: "tiles"}, Object.values(tiles).map(one => one.node)),
        h("div", {class: "grid"}, card("Messages a second", rates.node), card("What waits", queues.node)),
        h("div", {class: "grid"}, card("Agents", grid.node, states), card("Busiest agents", busiest), card("Busiest topics", topics), card("Latency", latencies.node, delays.node)));
    let before = null, beforeRows = new Map();

    function redraw() {
        rates.draw();
        queues.draw();
        delays.draw();
        grid.draw();
    }
    addEventListener("resize", redraw);
    addEventListener("themechange", redraw);

    function perSecond(now, key) {
        const seconds = before ? (now.at_ms - before.at_ms) / 1000 : 0;
        return seconds > 0 ? Math.max(0, (now.broker[key] - before.broker[key]) / seconds) : 0;
    }

    function showAgents(now) {
        const seconds = before ? Math.max(.1, (now.at_ms - before.at_ms) / 1000) : 1, rows = new Map();
        const cells = now.agents.rows.map(([name, count, state, queued, hand, received, sent]) => {
            const done = received + sent, rate = Math.max(0, done - (beforeRows.get(name) ?? done)) / seconds;
            rows.set(name, done);
            return {name, count, state, queued, hand, rate, busy: rate > 0 || hand > 0};
        });
        beforeRows = rows;
        grid.draw(cells);
        const counted = Object.entries(now.agents.states).sort((a, b) => b[1] - a[1]);
        put(states, counted.map(([state, n]) => h("span", {}, h("i", {style: {"--c": `var(--${kindOf(state) || "dim"})`}}), words(state) + " ", h("b", {}, number(n)))));
        const top = cells.filter(cell => cell.rate > 0).sort((a, b) => b.rate - a.rate).slice(0, 8);
        put(busiest, top.length ? bar(top.map(cell => [bare(cell.name), cell.rate]), n => `${compact(n)}/s`) : h("p", {class: "dim"}, "All of them are quiet now."));
        return {total: counted.reduce((sum, [, n]) => sum + n, 0), ill: counted.filter(([state]) => kindOf(state) === "bad").reduce((sum, [, n]) => sum + n, 0),
            hand: cells.reduce((sum, cell) => sum + cell.hand, 0)};
    }

    async function refresh() {
        const began = performance.now(), now = await get("/api/v1/metrics"), delay = performance.now() - began;
        if (before && now.at_ms === before.at_ms)
            return;
        const agents = showAgents(now), into = perSecond(now, "records_in"), out = perSecond(now, "records_out"), tasks = now.tasks || {};
        rates.push(into, out, now.topics.per_s);
        queues.push(now.broker.queued, agents.hand, now.broker.leased);
        delays.push(delay);
        put(latencies.body, [["Requests of the gateway", now.latency.requests], ["Answers of agents", now.latency.calls]].map(([title, of]) => h("tr", {}, h("th", {scope: "row"}, title),
            [number(of.count), took(of.p50_ms), took(of.p95_ms), took(of.p99_ms)].map(text => h("td", {class: "n"}, text)))));
        tiles.agents.set(number(agents.total), agents.ill ? `${agents.ill} in trouble` : "all well", agents.ill ? "bad" : "");
        tiles.rate.set(compact(into), `${compact(out)} out`);
        tiles.queued.set(compact(now.broker.queued), `${compact(agents.hand)} in hand`);
        tiles.tasks.set(now.tasks ? number((tasks.pending || 0) + (tasks.assigned || 0) + (tasks.in_progress || 0) + (tasks.waiting_approval || 0)) : "\u2013",
            now.tasks ? `${number(tasks.completed || 0)} done, ${number(tasks.failed || 0)} failed` : "no coordinator");
        tiles.approvals.set(now.approvals ? `${number(now.approvals.length)}${now.approvals.length < 50 ? "" : "+"}` : "\u2013", now.approvals?.length ? "wait for a person" : "nothing waits", now.approvals?.length ? "warn" : "");
        tiles.letters.set(number(now.broker.letters), `${number(now.broker.nacks)} refused`, now.broker.letters ? "warn" : "");
        const {spent} = now, known = !spent || spent.complete ? "" : spent.missing.length ? `without ${spent.missing.join(", ")}` : "not all of it is known";
        tiles.tokens.set(spent ? compact(spent.input + spent.output) : "\u2013", known || (spent ? `${number(spent.calls)} calls${spent.failed ? `, ${number(spent.failed)} failed` : ""}` : "not counted"), known && "warn");
        tiles.money.set(spent ? money(spent.nano) : "\u2013", known || (spent?.calls && !spent.nano ? "no prices are given" : "since the brokers began"), known && "warn");
        const busy = now.topics.busiest.filter(topic => topic.per_s > 0).slice(0, 8);
        put(topics, busy.length ? bar(busy.map(topic => [topic.topic, topic.per_s]), n => `${compact(n)}/s`) : h("p", {class: "dim"}, "Nothing is published now."));
        before = now;
    }
    return {refresh, every: 1000, leave() {
        removeEventListener("resize", redraw);
        removeEventListener("themechange", redraw);
    }};
}

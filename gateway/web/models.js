// What models cost: calls, tokens and money, from the spans that agents tell; and what tasks have spent.
import {h, put, card, table, empty, number, took, bare} from "./dom.js";
import {get, feed, ownTraces} from "./api.js";

const BEGUN = 30, KNOWN_MAX = 20000;
const attribute = (span, ...names) => names.map(name => span.attributes?.[name]).find(value => value !== undefined && value !== null);
const money = nano => (nano / 1e9).toLocaleString("en", {minimumFractionDigits: 2, maximumFractionDigits: 6});

export async function show(root) {
    const list = table([["Model"], ["Calls", "n"], ["Failed", "n"], ["Tokens in", "n"], ["Tokens out", "n"], ["Money", "n"], ["Mean time", "n"]], "Models"), minds = table([["Agent"], ["Thinks by"], ["Calls", "n"], ["Mean time", "n"]], "Minds");
    const spent = h("div"), none = h("div"), models = new Map(), agents = new Map();
    let known = new Set(), asked = 0;
    const one = (map, key) => map.get(key) || map.set(key, {calls: 0, failed: 0, input: 0, output: 0, nano: 0, us: 0}).get(key);
    const cards = h("div", {class: "grid"}, card("Models", list.node, none), card("Minds", minds.node), card("Tasks with a budget", spent));
    root.append(h("p", {class: "dim"}, "Of the last traces, and of what is traced while this page is open. /metrics of each process counts all calls."), cards);

    function take(span) {
        if (!span?.span || known.has(span.span))
            return;
        known.add(span.span);
        if (known.size > KNOWN_MAX)
            known = new Set([...known].slice(-KNOWN_MAX / 2));
        const model = attribute(span, "gen_ai.request.model", "gen_ai.response.model"), mind = attribute(span, "troupe.mind.by");
        const entry = model ? one(models, model) : mind ? one(agents, `${bare(span.agent)}\n${mind}`) : null;
        if (!entry)
            return;
        entry.calls++;
        entry.failed += span.error ? 1 : 0;
        entry.us += span.took_us || 0;
        entry.input += Number(attribute(span, "gen_ai.usage.input_tokens") || 0);
        entry.output += Number(attribute(span, "gen_ai.usage.output_tokens") || 0);
        entry.nano += Number(attribute(span, "troupe.cost.nano") || 0);
    }

    const stop = feed("$sys.spans", data => (data.content?.spans || []).forEach(take), {perSecond: 200});
    async function begin() {
        const {traces} = await get(`/api/v1/traces?max-results=${BEGUN}`);
        for (const trace of new Set([...traces, ...ownTraces().slice(-BEGUN)].map(span => span.trace)))
            (await get(`/api/v1/traces/${trace}`)).spans.forEach(take);
    }
    return {every: 2000, leave: stop, async refresh() {
        if (!asked++)
            await begin();
        const {tasks} = await get("/api/v1/tasks?max-results=200").catch(() => ({tasks: []})), costly = tasks.filter(task => task.budget || task.spent);
        put(list.body, [...models].map(([name, entry]) => h("tr", {}, h("th", {scope: "row"}, name), [number(entry.calls), number(entry.failed), number(entry.input), number(entry.output), money(entry.nano), took(entry.us / entry.calls / 1000)].map(text => h("td", {class: "n"}, text)))));
        list.node.hidden = !models.size;
        put(none, models.size ? [] : empty("No model was asked", "Agents here think with the built-in mind, or were not traced yet."));
        put(minds.body, [...agents].map(([name, entry]) => h("tr", {}, h("th", {scope: "row"}, name.split("\n")[0]), h("td", {}, name.split("\n")[1]), [number(entry.calls), took(entry.us / entry.calls / 1000)].map(text => h("td", {class: "n"}, text)))));
        put(spent, costly.length ? h("ul", {class: "list"}, costly.map(task => h("li", {}, h("a", {href: `#tasks/${task.task}`}, task.description || task.task), h("div", {class: "dim"}, `budget ${JSON.stringify(task.budget || {})}, spent ${JSON.stringify(task.spent || {})}`))))
            : h("p", {class: "dim"}, "No task says what it may cost."));
    }};
}

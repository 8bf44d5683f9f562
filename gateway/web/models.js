// What models cost: calls, tokens and money, as the broker sums up what every agent has spent, traced or not; how long minds think, from spans; what tasks have spent.
import {h, put, card, table, empty, number, compact, took, money, moment, bare} from "./dom.js";
import {get, feed, ownTraces} from "./api.js";
import {bar} from "./charts.js";

const BEGUN = 30, KNOWN_MAX = 20000, PAGE = 1000, ROWS_MAX = 10000, SHOWN = 200;
const attribute = (span, ...names) => names.map(name => span.attributes?.[name]).find(value => value !== undefined && value !== null);
const NUMBERS = ["calls", "failed", "input", "output", "nano"];
const none = () => Object.fromEntries(NUMBERS.map(key => [key, 0]));
const add = (to, row) => NUMBERS.forEach(key => to[key] += row[key]);
const numbers = (...texts) => texts.map(text => h("td", {class: "n"}, text));
const row = (name, of, ...more) => h("tr", {}, h("th", {scope: "row"}, name), more, numbers(money(of.nano), number(of.input), number(of.output), number(of.calls) + (of.failed ? `, ${number(of.failed)} failed` : "")));
const figure = (title, value, note) => h("div", {class: "tile"}, h("dl", {style: {margin: "0"}}, h("dt", {}, title), h("dd", {}, value)), h("small", {}, note));

// Members of a group are one line: reader-1, reader-2 ... are of reader.
const groupOf = name => bare(name).replace(/-\d+$/, "");

async function spending() {
    const all = await get(`/api/v1/spending?max-results=${PAGE}`);
    for (let offset = PAGE; all.spent.length < Math.min(all.total, ROWS_MAX) && offset < ROWS_MAX; offset += PAGE) // of each broker
        all.spent.push(...(await get(`/api/v1/spending?max-results=${PAGE}&offset=${offset}`)).spent);
    return all;
}

function gathered(rows, keyOf) {
    const sums = new Map();
    for (const one of rows) {
        const key = keyOf(one), sum = sums.get(key) || sums.set(key, {...none(), agents: new Set(), models: new Set()}).get(key);
        add(sum, one);
        sum.agents.add(one.agent);
        sum.models.add(one.model || "without a name");
    }
    return [...sums].sort(([name, a], [other, b]) => b.nano - a.nano || b.input + b.output - a.input - a.output || (name < other ? -1 : 1));
}

export async function show(root) {
    const columns = [["Money", "n"], ["Tokens in", "n"], ["Tokens out", "n"], ["Calls", "n"]];
    const tiles = h("div", {class: "tiles", id: "spent"}), note = h("p", {class: "dim"});
    const models = table([["Model"], ...columns], "Models"), agents = table([["Agent"], ["Models"], ...columns], "Spending of agents"), minds = table([["Agent"], ["Thinks by"], ["Thoughts", "n"], ["Mean time", "n"]], "Minds");
    const shares = h("div"), tasks = h("div"), quiet = h("div"), times = new Map();
    let known = new Set(), asked = 0;
    const costs = h("div", {}, h("div", {class: "grid"}, card("Models", models.node), card("Who spends most", shares)), card("Agents", agents.node));
    root.append(tiles, note, quiet, costs, h("div", {class: "grid"}, card("Minds, of what is traced", minds.node), card("Tasks with a budget", tasks)));

    function take(span) {
        const mind = attribute(span || {}, "troupe.mind.by");
        if (!span?.span || known.has(span.span) || !mind)
            return;
        known.add(span.span);
        if (known.size > KNOWN_MAX)
            known = new Set([...known].slice(-KNOWN_MAX / 2));
        const key = `${bare(span.agent)}\n${mind}`, entry = times.get(key) || times.set(key, {thoughts: 0, us: 0}).get(key);
        entry.thoughts++;
        entry.us += span.took_us || 0;
    }

    const stop = feed("$sys.spans", data => (data.content?.spans || []).forEach(take), {perSecond: 200});
    async function begin() {
        const {traces} = await get(`/api/v1/traces?max-results=${BEGUN}`);
        for (const trace of new Set([...traces, ...ownTraces().slice(-BEGUN)].map(span => span.trace)))
            (await get(`/api/v1/traces/${trace}`)).spans.forEach(take);
    }

    function drawSpending(all) {
        const {sum} = all, byGroup = gathered(all.spent, one => groupOf(one.agent)), byAgent = gathered(all.spent, one => one.agent), weight = of => sum.nano ? of.nano / 1e9 : of.input + of.output;
        put(tiles, figure("Money", money(sum.nano), "in the unit of the models' prices"), figure("Tokens in", compact(sum.input), "prompts"), figure("Tokens out", compact(sum.output), "replies"),
            figure("Calls", compact(sum.calls), sum.failed ? `${number(sum.failed)} failed` : "none failed"));
        put(note, `All calls of all agents since ${moment(all.since_ms)}, whether they are traced or not.`, all.complete ? "" : all.missing.length ? ` Without what ${all.missing.join(", ")} knows.` : " Not all of it is known here: a linked broker does not say, or there are more agents and models than are counted.",
            all.total > ROWS_MAX ? ` ${number(ROWS_MAX)} of ${number(all.total)} lines are summed up below.` : "");
        put(quiet, all.total ? [] : empty("No model was asked", "Agents here think with the built-in mind, which costs nothing."));
        costs.hidden = !all.total;
        put(models.body, gathered(all.spent, one => one.model).map(([name, of]) => row(name || "without a name", of)));
        put(shares, bar(byGroup.slice(0, 8).map(([name, of]) => [of.agents.size > 1 ? `${name} (${of.agents.size})` : name, weight(of)]), n => sum.nano ? money(n * 1e9) : `${compact(n)} tokens`));
        put(agents.body, byAgent.slice(0, SHOWN).map(([name, of]) => row(bare(name), of, h("td", {}, [...of.models].join(", ")))),
            byAgent.length > SHOWN && h("tr", {}, h("td", {colspan: "6", class: "dim"}, `and ${number(byAgent.length - SHOWN)} more that spent less`)));
    }

    return {every: 2000, leave: stop, async refresh() {
        drawSpending(await spending());
        if (!asked++)
            await begin();
        const {tasks: listed} = await get("/api/v1/tasks?max-results=200").catch(() => ({tasks: []})), costly = listed.filter(task => task.budget || task.spent);
        put(minds.body, [...times].map(([name, entry]) => h("tr", {}, h("th", {scope: "row"}, name.split("\n")[0]), h("td", {}, name.split("\n")[1]), numbers(number(entry.thoughts), took(entry.us / entry.thoughts / 1000)))));
        put(tasks, costly.length ? h("ul", {class: "list"}, costly.map(task => h("li", {}, h("a", {href: `#tasks/${task.task}`}, task.description || task.task), h("div", {class: "dim"}, `budget ${JSON.stringify(task.budget || {})}, spent ${JSON.stringify(task.spent || {})}`))))
            : h("p", {class: "dim"}, "No task says what it may cost."));
    }};
}

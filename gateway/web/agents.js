// Who is there, what each does, and what holds it up.
import {h, put, table, keyed, pill, number, bare, drawer, loading, failure, ago, empty, code, words} from "./dom.js";
import {get, post, part} from "./api.js";

const SHOWN = 300, PAGE = 1000, PAGES = 10;
const columns = [["Name"], ["State"], ["Behaviour"], ["Queued", "n"], ["In hand", "n"], ["Received", "n"], ["Sent", "n"]];
const stateOf = agent => agent.quarantined ? "quarantined" : !agent.reachable ? "unreachable" : agent.hung ? "hung" : agent.state;

async function details(name, frame) {
    const {body} = drawer(bare(name), loading());
    async function load() {
        try {
            const why = await get(`/api/v1/agents/${part(name)}`);
            const reason = h("input", {placeholder: "why, for whoever looks later", "aria-label": "Reason"});
            const change = (verb, text) => h("button", {type: "button", onclick: event => frame.act(event.target, () => post(`/api/v1/agents/${part(name)}/${verb}`, reason.value ? {reason: reason.value} : {}),
                `${bare(name)}: ${words(verb)}`).then(done => done && load())}, text);
            put(body, h("div", {class: "row bar"}, pill(stateOf(why)), h("span", {class: "dim"}, `since ${ago(why.since_ms)}${why.by ? `, by ${bare(why.by)}` : ""}${why.reason ? `: ${why.reason}` : ""}`)),
                h("dl", {class: "facts"}, [["Behaviour", why.behaviour], ["Process", `${why.process}, ${why.host}, pid ${why.pid}`], ["Queued", number(why.queued)], ["Oldest", why.oldest_ms ? ago(why.oldest_ms) : "nothing waits"],
                    ["In hand", number(why.in_hand)], ["Heard of", `${number(why.silent_ms)} ms ago`]].map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)])),
                h("div", {class: "row bar"}, h("span", {class: "grow"}, reason), why.state === "suspended" ? change("resume", "Resume") : change("suspend", "Suspend")),
                h("h3", {}, "Work that it has not finished"), why.work?.length ? h("ul", {class: "list"}, why.work.map(one => h("li", {}, h("b", {}, one.service ? `svc:${one.service}` : "mailbox"), ` ${one.performative} from ${bare(one.sender)}, ${ago(one.since_ms)}`)))
                    : h("p", {class: "dim"}, "None."), why.told && [h("h3", {}, "What it says of itself"), code(why.told)]);
        } catch (error) {
            put(body, failure(error, load));
        }
    }
    await load();
}

// By pages of what is told at once; a filter looks at several.
async function all(pages) {
    let {total, agents} = await get(`/api/v1/agents?max-results=${PAGE}`);
    for (let i = 1; i < pages && agents.length < total; i++) {
        const next = await get(`/api/v1/agents?max-results=${PAGE}&offset=${agents.length}`);
        if (!next.agents.length)
            break;
        agents = agents.concat(next.agents);
    }
    return {total, agents};
}

export async function show(root, frame) {
    const filter = h("input", {type: "search", id: "agents-filter", placeholder: "Name or behaviour", "aria-label": "Filter agents", autocomplete: "off"}), count = h("span", {class: "dim", role: "status"});
    const list = table(columns, "Agents"), none = h("div", {hidden: true});
    list.body.id = "agents";
    root.append(h("div", {class: "row bar"}, h("span", {class: "grow"}, filter), count), list.node, none);
    const draw = keyed(list.body, agent => agent.name, agent => {
        const cells = Array.from({length: 6}, (_, i) => h("td", {class: i > 1 ? "n" : ""})), times = h("span", {class: "dim"});
        const node = h("tr", {}, h("th", {scope: "row"}, h("button", {type: "button", class: "link", onclick: () => details(agent.name, frame)}, agent.name), times), cells);
        return {node, update(now) {
            times.textContent = now.count > 1 ? ` \u00d7${number(now.count)}` : "";
            put(cells[0], pill(stateOf(now)));
            [now.behaviour, number(now.queued), number(now.in_hand), number(now.received), number(now.sent)].forEach((text, i) => cells[i + 1].textContent = text);
        }};
    });
    async function refresh() {
        const wanted = filter.value.toLowerCase(), {total, agents} = await all(wanted ? PAGES : 1);
        const shown = agents.filter(agent => `${agent.name} ${agent.behaviour}`.toLowerCase().includes(wanted)).sort((a, b) => a.name < b.name ? -1 : 1);
        count.textContent = `${number(shown.length)} of ${number(total)}${shown.length > SHOWN ? `, the first ${SHOWN} are shown` : ""}`;
        draw(shown.slice(0, SHOWN));
        none.hidden = shown.length > 0;
        list.node.hidden = !shown.length;
        put(none, empty("No agent is like that", agents.length < total ? `The first ${number(agents.length)} of ${number(total)} were looked at.` : "Change the filter, or attach one under Processes."));
    }
    filter.oninput = frame.refresh;
    return {refresh, every: 2000};
}

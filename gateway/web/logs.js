// What the processes of the fleet wrote, and the platform's own events.
import {h, put, empty, failure, tabs, clock} from "./dom.js";
import {get, feed, part} from "./api.js";

const levels = {warn: "warn", error: "bad", fatal: "bad"};
const EVENTS_MAX = 300;

export async function show(root, frame) {
    const names = h("select", {"aria-label": "Process"}), filter = h("input", {type: "search", placeholder: "Only lines with", "aria-label": "Only lines with"}), follow = h("input", {type: "checkbox", checked: true});
    const log = h("div", {class: "log mono", tabindex: "0", role: "log", "aria-label": "Log", "aria-live": "off"}), none = h("div"), bar = h("span", {class: "row grow"}, names, h("span", {class: "grow"}, filter), h("label", {}, follow, "Follow"));
    let way = 0, shown = "", happened = [], stop = () => {};

    function draw(lines) {
        const wanted = filter.value.toLowerCase(), text = lines.filter(line => line.toLowerCase().includes(wanted)), key = `${names.value} ${text.length} ${text.at(-1)}`;
        if (key === shown)
            return;
        shown = key;
        put(log, text.length ? text.map(line => h("div", {class: levels[line.split(/\s+/)[1]] || ""}, line)) : h("span", {class: "dim"}, "No such lines."));
        if (follow.checked)
            log.scrollTop = log.scrollHeight;
    }
    const choose = tabs("What is shown", ["Processes", "Platform"], i => {
        way = i;
        shown = "";
        names.hidden = i === 1;
        stop();
        if (i)
            stop = feed("$sys.agent.*,$sys.dead-letter,$sys.audit.*,$sys.df.*,$sys.broker.peer.*", data => {
                happened = [...happened, `${clock(Date.now())} ${data.topic} ${JSON.stringify(data.content ?? data)}`].slice(-EVENTS_MAX);
                draw(happened);
            }, {perSecond: 50});
        frame.refresh();
    });
    root.append(h("div", {class: "row bar"}, choose.node, bar), none, log);
    filter.oninput = names.onchange = frame.refresh;
    return {every: 2000, leave: () => stop(), async refresh() {
        if (way) {
            put(none);
            log.hidden = false;
            return draw(happened.length ? happened : ["Agents that come and go, dead letters and the audit are shown here as they happen."]);
        }
        try {
            const {logs} = await get("/api/v1/logs"), chosen = names.value;
            if (logs.length !== names.children.length) {
                put(names, logs.map(one => h("option", {value: one.name}, one.name)));
                names.value = logs.some(one => one.name === chosen) ? chosen : logs.some(one => one.name === "up") ? "up" : logs[0]?.name;
            }
            draw(names.value ? (await get(`/api/v1/logs/${part(names.value)}?lines=400`)).lines : []);
            log.hidden = names.hidden = false;
            put(none);
        } catch (error) {
            if (![401, 403, 501].includes(error.status))
                throw error;
            log.hidden = names.hidden = true;
            put(none, error.status === 501 ? empty("The gateway sees no logs", "Have it started by troupe up (gateway: {} in the fleet file), or say --fleet-state DIR.") : failure(error, error.status === 401 ? frame.signIn : null));
        }
        return undefined;
    }};
}

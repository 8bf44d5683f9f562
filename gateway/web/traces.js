// What messages have set in motion: the last traces, each as a tree with times and as a sequence diagram of the conversation.
import {h, put, empty, card, keyed, tabs, ago, bare, failure} from "./dom.js";
import {get, part, ownTraces} from "./api.js";
import {tree, sequence, sumUp} from "./draw.js";

export async function show(root, frame, [first]) {
    const list = h("ul", {class: "list pick"}), summary = h("p", {class: "dim"}), place = h("div"), none = h("div");
    let chosen = first, spans = [], way = 0, shown = "";
    const draw = () => put(place, (way ? tree : sequence)(spans));
    const choose = tabs("How it is drawn", ["Sequence", "Tree"], i => {
        way = i;
        draw();
    });
    const split = h("div", {class: "split"}, card("Last conversations", list), h("div", {class: "card"}, h("div", {class: "row bar"}, choose.node), summary, place));
    root.append(split, none);

    async function load() {
        try {
            ({spans} = await get(`/api/v1/traces/${part(chosen)}`));
            const now = `${chosen} ${spans.length}`;
            if (now === shown)
                return;
            shown = now;
            summary.textContent = sumUp(spans);
            draw();
        } catch (error) {
            put(place, failure(error, load));
        }
    }
    const rows = keyed(list, one => one.trace, one => {
        const when = h("span", {class: "dim"}), button = h("button", {type: "button", onclick: () => {
            chosen = one.trace;
            history.replaceState(null, "", `#traces/${one.trace}`);
            load().then(frame.refresh);
        }}, h("b", {}, `${bare(one.agent)}: ${one.name.slice(0, 80)}`), when);
        return {node: h("li", {}, button), update(now) {
            when.textContent = `${ago(now.start_us / 1000)} \u00b7 ${now.trace.slice(0, 8)}`;
            if (now.trace === chosen)
                button.setAttribute("aria-current", "true");
            else
                button.removeAttribute("aria-current");
        }};
    });
    return {every: 2500, async refresh() {
        const {traces} = await get("/api/v1/traces?max-results=60"), all = [...ownTraces(), ...traces].sort((a, b) => b.start_us - a.start_us);
        const last = [...new Map(all.map(one => [one.trace, one])).values()].slice(0, 60);
        chosen ||= last[0]?.trace;
        split.hidden = !chosen;
        put(none, chosen ? [] : empty("No conversation was traced", "What is said in the chat is; so is troupe ask --trace, and one in so many messages with trace-one-in in the fleet file."));
        rows(last);
        if (chosen)
            await load();
    }};
}

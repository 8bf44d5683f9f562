// The fleet's processes: groups that are scaled, agents that are attached, restarted and detached.
import {h, put, pill, card, table, keyed, empty, number, ago} from "./dom.js";
import {get, post} from "./api.js";

async function processes() {
    const {fleets} = await get("/api/v1/fleets"), fleet = fleets[0];
    while (fleet && fleet.processes.length < fleet.total) {
        const more = (await get(`/api/v1/fleets?offset=${fleet.processes.length}`)).fleets[0]?.processes || [];
        if (!more.length)
            break;
        fleet.processes.push(...more);
    }
    return fleet;
}

export async function show(root, frame) {
    const about = h("div", {class: "row bar"}), groups = h("ul", {class: "list", id: "groups"}), list = table([["Process"], ["State"], ["Pid", "n"], ["Restarts", "n"], ["Since"], [""]], "Processes"), none = h("div");
    const name = h("input", {required: true, placeholder: "clerk"}), behaviour = h("input", {placeholder: "echo; nothing for more of a group", list: "behaviours"}), services = h("input", {placeholder: "sum, digest"}), count = h("input", {type: "number", min: 1, max: 100, value: "1"}), args = h("textarea", {rows: 3, placeholder: "{\"to\": \"editor\"}"});
    const known = h("datalist", {id: "behaviours"}, ["assistant", "composer", "critic", "dialogue", "echo", "executor", "planner", "reader", "relay", "summariser", "toolkeeper", "voter"].map(value => h("option", {value})));
    const attach = h("form", {id: "attach-form", onsubmit: event => {
        event.preventDefault();
        let more;
        try {
            more = args.value.trim() ? JSON.parse(args.value) : undefined;
        } catch {
            return frame.toast("The arguments are no JSON.", "bad");
        }
        const list = services.value.split(",").map(one => one.trim()).filter(Boolean);
        frame.act(event.submitter, () => post("/api/v1/fleet/attach", {name: name.value, count: Number(count.value), ...(behaviour.value ? {behaviour: behaviour.value} : {}), ...(list.length ? {services: list} : {}), ...(more ? {args: more} : {})}), `${name.value} was attached`);
        return undefined;
    }}, known, h("label", {class: "field"}, "Name of the agent, or of a group", name), h("label", {class: "field"}, "Behaviour", behaviour), h("label", {class: "field"}, "Services", services), h("label", {class: "field"}, "Processes", count), h("label", {class: "field"}, "Arguments", args), h("button", {class: "primary"}, "Attach"));
    const all = h("div", {}, about, h("div", {class: "grid"}, card("Groups", groups), card("Attach", attach)), card("Processes", list.node));
    root.append(all, none);

    const drawGroups = keyed(groups, group => group.name, group => {
        const shown = h("output", {"aria-label": `${group.name}: processes`}), text = h("span", {class: "dim"}), buttons = [-1, 1].map(step => h("button", {type: "button", class: "small", "aria-label": step < 0 ? `One ${group.name} less` : `One more ${group.name}`,
            onclick: event => frame.act(event.currentTarget, () => post("/api/v1/fleet/scale", {groups: {[group.name]: Math.max(0, group.count + step)}}), `${group.name}: ${Math.max(0, group.count + step)}`)}, step < 0 ? "\u2212" : "+"));
        return {node: h("li", {class: "row", "data-group": group.name}, h("b", {class: "grow"}, group.name, " ", text), h("span", {class: "stepper"}, buttons[0], shown, buttons[1])), update(now) {
            group.count = now.count;
            shown.textContent = number(now.count);
            text.textContent = now.running < now.count ? `${now.running} running` : "";
            buttons[0].disabled = now.count === 0;
        }};
    });
    const draw = keyed(list.body, one => one.name, one => {
        const cells = [h("td"), h("td", {class: "n"}), h("td", {class: "n"}), h("td")], act = h("td", {class: "row"});
        const button = (verb, text, kind) => h("button", {type: "button", class: `small ${kind}`, "aria-label": `${text} ${one.name}`, onclick: event => frame.act(event.currentTarget, () => post(`/api/v1/fleet/${verb}`, {name: one.name}), `${one.name}: ${verb}`)}, text);
        if (one.group && one.group !== "gateway")
            act.append(button("restart", "Restart", ""), button("detach", "Detach", "danger"));
        return {node: h("tr", {}, h("th", {scope: "row"}, one.name), cells, act), update(now) {
            put(cells[0], pill(now.state), now.reason && h("span", {class: "dim"}, " " + now.reason));
            [number(now.pid), number(now.restarts), ago(now.since_ms)].forEach((text, i) => cells[i + 1].textContent = text);
        }};
    });
    return {every: 2000, async refresh() {
        const fleet = await processes();
        all.hidden = !fleet;
        put(none, fleet ? [] : empty("No fleet is supervised here", "Processes of a fleet that was started by troupe up are shown, attached and scaled here."));
        if (!fleet)
            return;
        put(about, pill(fleet.state), h("b", {}, fleet.fleet), h("span", {class: "dim"}, `${number(fleet.total)} processes, up since ${ago(fleet.started_ms)}`), !fleet.changeable && h("span", {class: "warn"}, "This gateway may not change it: --fleet-state"));
        const counted = new Map(), daemons = ["gateway", "coordinator", "kb", "exporter"]; // there is one of each
        for (const one of fleet.processes.filter(process => process.group && !daemons.includes(process.group))) {
            const group = counted.get(one.group) || counted.set(one.group, {name: one.group, count: 0, running: 0}).get(one.group);
            group.count++;
            group.running += one.state === "running" ? 1 : 0;
        }
        drawGroups([...counted.values()]);
        draw(fleet.processes);
    }};
}

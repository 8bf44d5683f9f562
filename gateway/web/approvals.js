// Tools that agents may use once a person said so.
import {h, put, pill, empty, keyed, older, bare, ago, took, code, tabs} from "./dom.js";
import {get, post, part, list as pages} from "./api.js";

function pretty(text) {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

export async function show(root, frame) {
    const list = h("div", {class: "grid"}), none = h("div");
    let state = "pending";
    const choose = tabs("Which approvals", ["Waiting", "All"], i => {
        state = i ? "" : "pending";
        frame.refresh();
    });
    root.append(h("div", {class: "row bar"}, choose.node), list, none);
    const rest = older(frame, 60);
    root.append(rest.node);
    const draw = keyed(list, one => `${one.approval} ${one.state}`, one => {
        const reason = h("input", {placeholder: "why, for the agent and whoever looks later", "aria-label": "Reason"}), left = h("span", {class: "dim"}), id = part(one.approval);
        const decide = (verb, text, kind) => h("button", {type: "button", class: kind, "aria-label": `${text} ${one.tool} for ${bare(one.agent)}`,
            onclick: event => frame.act(event.currentTarget, () => post(`/api/v1/approvals/${id}/${verb}`, reason.value ? {reason: reason.value} : {}), `${text}: ${one.tool} for ${bare(one.agent)}`)}, text);
        const shown = code(pretty(one.arguments)), whole = one.cut > 0 && h("button", {type: "button", class: "small", onclick: async event => {
            const all = await frame.act(event.currentTarget, () => get(`/api/v1/approvals/${id}`));
            if (all)
                put(shown, JSON.stringify(pretty(all.arguments), null, 2));
        }}, `All of its ${one.cut} bytes`);
        return {node: h("section", {class: "card", "data-approval": one.approval}, h("div", {class: "row bar"}, pill(one.state), h("b", {class: "grow"}, one.tool), left),
            h("p", {}, h("b", {}, bare(one.agent)), " wants to use it", one.behalf && [" for ", h("b", {}, bare(one.behalf))], "."), shown, whole, one.reason && h("p", {class: "dim"}, `${bare(one.by)}: ${one.reason}`),
            one.state === "pending" && h("div", {class: "row"}, h("span", {class: "grow"}, reason), decide("grant", "Grant", "primary"), decide("deny", "Deny", "danger"))),
        update: now => left.textContent = now.state === "pending" ? `${took(Math.max(0, now.expires_ms - Date.now()))} left` : ago(now.changed_ms)};
    });
    return {every: 1500, async refresh() {
        const {all: approvals, more} = await pages("/api/v1/approvals", "approvals", rest.most, {state});
        rest.draw(approvals.length, more);
        draw(approvals);
        put(none, approvals.length ? [] : empty(state ? "Nothing waits for you" : "Nobody has asked yet", "An agent that wants to use a privileged tool waits here until a person says yes. What nobody grants in time is denied."));
    }};
}

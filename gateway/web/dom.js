// Elements, and how numbers and times are written. Whatever comes from agents goes through here as text, never as markup.

function append(node, children) {
    for (const child of children.flat(Infinity))
        if (child !== null && child !== undefined && child !== false)
            node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    return node;
}

function assign(node, props) {
    for (const [name, value] of Object.entries(props || {})) {
        if (value === null || value === undefined || value === false)
            continue;
        if (name.startsWith("on"))
            node.addEventListener(name.slice(2), value);
        else if (name === "style")
            for (const [key, one] of Object.entries(value))
                node.style.setProperty(key, one);
        else if (name === "value")
            node.value = value;
        else
            node.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
    }
    return node;
}

export const h = (tag, props, ...children) => append(assign(document.createElement(tag), props), children);
export const s = (tag, props, ...children) => append(assign(document.createElementNS("http://www.w3.org/2000/svg", tag), props), children);
export const put = (node, ...children) => {
    node.replaceChildren();
    return append(node, children);
};

// Children that stay the same elements while what they show changes, so that neither focus nor selection is lost.
// make(item) returns {node, update(item)}.
export function keyed(container, keyOf, make) {
    let known = new Map();
    return items => {
        const next = new Map();
        for (const item of items) {
            const key = keyOf(item), entry = known.get(key) || make(item);
            entry.update?.(item);
            next.set(key, entry);
        }
        for (const [key, entry] of known)
            if (!next.has(key))
                entry.node.remove();
        let at = container.firstChild;
        for (const {node} of next.values())
            if (node === at)
                at = at.nextSibling;
            else
                container.insertBefore(node, at);
        while (at) {
            const gone = at;
            at = at.nextSibling;
            gone.remove();
        }
        known = next;
    };
}

// ---- states of a view ----

export const empty = (title, hint, ...more) => h("div", {class: "empty"}, h("b", {}, title), hint && h("p", {}, hint), more);
export const loading = (lines = 4) => h("div", {class: "loading", role: "status", "aria-label": "Loading"},
    Array.from({length: lines}, (_, i) => h("i", {style: {width: `${92 - i * 13}%`}})));
export const failure = (error, again) => h("div", {class: "empty bad", role: "alert"}, h("b", {}, "This could not be shown"),
    h("p", {}, error.message), again && h("button", {type: "button", onclick: again}, "Try again"));

// ---- parts ----

const kinds = {
    active: "good", completed: "good", running: "good", decided: "good", granted: "good", used: "good", ready: "good", up: "good",
    suspended: "warn", waiting: "warn", waiting_approval: "warn", pending: "warn", mediation: "warn", waiting_person: "warn", starting: "warn", hung: "warn",
    in_progress: "info", assigned: "info", voting: "info", transit: "info", initiated: "info",
    failed: "bad", denied: "bad", unreachable: "bad", undecided: "bad", degraded: "bad",
};
export const kindOf = state => kinds[state] || "";
export const words = text => String(text ?? "").replaceAll("_", " ").replaceAll("-", " ");
export const pill = state => h("span", {class: "pill " + kindOf(state)}, words(state));
export const card = (title, ...children) => h("section", {class: "card"}, title && h("h2", {}, title), children);
export const field = (label, control) => h("label", {class: "field"}, label, control);
export const code = value => h("pre", {tabindex: "0"}, typeof value === "string" ? value : JSON.stringify(value, null, 2));

// columns: [title, class]. Rows go into .body.
export function table(columns, label) {
    const body = h("tbody");
    const node = h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label},
        h("table", {}, h("thead", {}, h("tr", {}, columns.map(([title, kind]) => h("th", {scope: "col", class: kind}, title)))), body));
    return {node, body};
}

export function tabs(label, names, onchange, first = 0) {
    const buttons = names.map((name, i) => h("button", {type: "button", role: "tab", "aria-selected": String(i === first), tabindex: i === first ? "0" : "-1",
        onclick: () => choose(i)}, name));
    const choose = i => {
        buttons.forEach((button, j) => {
            button.setAttribute("aria-selected", String(i === j));
            button.tabIndex = i === j ? 0 : -1;
        });
        onchange(i);
    };
    const node = h("div", {class: "tabs", role: "tablist", "aria-label": label, onkeydown: event => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key], now = buttons.indexOf(document.activeElement);
        if (step && now >= 0) {
            const next = (now + step + buttons.length) % buttons.length;
            choose(next);
            buttons[next].focus();
        }
    }}, buttons);
    return {node, choose};
}

// A dialog from the side; it goes with Escape, and focus comes back to where it was.
export function drawer(title, ...children) {
    const body = h("div", {class: "drawer-body"}, children);
    const node = h("dialog", {class: "drawer", "aria-label": title}, h("div", {class: "drawer-head"}, h("h2", {}, title),
        h("button", {type: "button", class: "icon", "aria-label": "Close", onclick: () => node.close()}, "\u2715")), body);
    node.addEventListener("close", () => node.remove());
    node.addEventListener("click", event => event.target === node && node.close());
    document.body.append(node);
    node.showModal();
    return {node, body};
}

// ---- numbers and times ----

const plain = new Intl.NumberFormat("en"), short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});
// Below a list that is cut: says so, and shows more of it.
export function older(frame, step) {
    const text = h("span", {class: "dim", role: "status"}), self = {most: step, node: h("div", {class: "row bar older", hidden: true}, text, h("button", {type: "button", onclick: () => {
        self.most += step;
        frame.refresh();
    }}, "Show older ones")), draw(shown, more, total) {
        self.node.hidden = !more;
        text.textContent = `The newest ${number(shown)}${total > shown ? ` of ${number(total)}` : ""} are shown.`;
    }};
    return self;
}

export const number = n => plain.format(n ?? 0);
export const compact = n => Math.abs(n) < 10000 ? plain.format(Math.round((n ?? 0) * 10) / 10) : short.format(n);
export const money = nano => (nano / 1e9).toLocaleString("en", {minimumFractionDigits: 2, maximumFractionDigits: nano < 1e7 ? 6 : nano < 1e9 ? 4 : 2});
export const bytes = n => n < 1024 ? `${n} B` : n < 1048576 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1048576).toFixed(1)} MiB`;
export const took = ms => ms < 1 ? `${Math.round(ms * 1000)} \u00b5s` : ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s`
    : ms < 3600000 ? `${Math.floor(ms / 60000)} min ${Math.round(ms % 60000 / 1000)} s` : `${Math.floor(ms / 3600000)} h ${Math.round(ms % 3600000 / 60000)} min`;
export const clock = ms => ms ? new Date(ms).toLocaleTimeString("en-GB") : "";
export const moment = ms => ms ? new Date(ms).toLocaleString("en-GB") : "";
export function ago(ms) {
    const s = ms ? (Date.now() - ms) / 1000 : 0;
    return !ms ? "" : s < 5 ? "now" : s < 60 ? `${Math.round(s)} s ago` : s < 3600 ? `${Math.round(s / 60)} min ago` : s < 86400 ? `${Math.round(s / 3600)} h ago` : new Date(ms).toLocaleDateString();
}
export const bare = name => String(name ?? "").split("@")[0];

// Preferences, which this browser keeps, and the feedback that was given.
import {h, put, card, empty, failure, loading, pill} from "./dom.js";
import {get, post, prefs, bound, you, query} from "./api.js";

// A line of JSON for each: what was asked, answered and remarked, and by whom it was found good or bad. It is of the metadata: texts are kept as they are searched, not to the letter.
async function examples() {
    const lines = [];
    let after = "";
    do {
        const page = await get("/api/v1/knowledge/feedback/documents?" + query({after, "max-results": 50}));
        for (const {metadata: {question, answer, remark, rating, agent, user, trace} = {}} of page.documents)
            if (answer !== undefined)
                lines.push(JSON.stringify({question, answer, remark, rating, agent, user, trace}) + "\n");
        after = page.after;
    } while (after);
    return lines.join("");
}

async function download() {
    const link = h("a", {href: URL.createObjectURL(new Blob([await examples()], {type: "application/jsonl"})), download: "feedback.jsonl"});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

export async function show(root, frame) {
    const now = prefs.all(), found = h("div"), words = h("input", {type: "search", placeholder: "Search the feedback", "aria-label": "Search the feedback"});
    const set = (name, value) => {
        prefs.set(name, value);
        frame.toast("Kept");
    };
    const theme = h("select", {onchange: event => {
        set("theme", event.target.value);
        if (event.target.value)
            document.documentElement.dataset.theme = event.target.value;
        else
            delete document.documentElement.dataset.theme;
    }}, [["", "As the system has it"], ["light", "Light"], ["dark", "Dark"]].map(([value, text]) => h("option", {value}, text)));
    theme.value = now.theme;
    const text = (name, label, hint) => h("label", {class: "field"}, label, h("input", {value: now[name], placeholder: hint, onchange: event => set(name, event.target.value.trim())}));

    // An admin says what the agent may learn from for all.
    function example(one) {
        const is = Boolean(one.metadata?.approved);
        if (you.role !== "admin" || (!is && one.metadata?.rating !== "good"))
            return is ? pill("example") : null;
        return h("button", {type: "button", class: "small", "aria-pressed": String(is), onclick: async event => {
            if (await frame.act(event.currentTarget, () => post("/api/v1/feedback/approve", {id: one.id, approved: !is}), is ? "No example any more" : "An example for all who talk with its agent"))
                search();
        }}, is ? `Example, by ${one.metadata.approved}: take back` : "Make it an example");
    }

    async function search() {
        put(found, loading(2));
        try {
            const {namespaces} = await get("/api/v1/knowledge");
            if (!namespaces.some(one => one.namespace === "feedback"))
                return put(found, empty("No feedback yet", "Thumbs under the answers in the chat."));
            const answer = words.value.trim() ? await post("/api/v1/knowledge/feedback/search", {query: words.value, k: 30, text: true, "per-document": 1}) : await get("/api/v1/knowledge/feedback/documents?max-results=50"), list = answer.results || answer.documents || [];
            put(found, list.length ? h("ul", {class: "list"}, list.map(one => h("li", {}, pill(one.metadata?.rating === "good" ? "good answer" : "poor answer"), " ", h("b", {}, one.title || one.id), h("div", {class: "dim"}, [one.metadata?.agent, one.metadata?.user].filter(Boolean).join(" for ")), example(one), (one.metadata?.answer || one.text) && h("div", {}, (one.metadata?.answer || one.text).slice(0, 400)))))
                : empty("No feedback yet", "Thumbs under the answers in the chat."));
        } catch (error) {
            put(found, error.reason === "no-provider" ? empty("Feedback is kept in the knowledge base", "There is none: start troupe-kbd, or say knowledge: {} in the fleet file.") : failure(error, search));
        }
        return undefined;
    }
    root.append(h("div", {class: "grid"}, card("Preferences", h("label", {class: "field"}, "Light or dark", theme), bound() ? null : text("user", "Your name to agents: what they remember belongs to it", you.name || "web"), text("agent", "The agent that the chat begins with", "assistant"),
        h("label", {class: "field"}, "Publications a second that the tap shows", h("input", {type: "number", min: 1, max: 500, value: String(now.tap), onchange: event => set("tap", Math.max(1, Math.min(500, Number(event.target.value) || 50)))})),
        h("p", {}, h("label", {}, h("input", {type: "checkbox", checked: now.speak, onchange: event => set("speak", event.target.checked)}), "Speak replies")), h("p", {class: "dim"}, "Kept in this browser alone, for who is signed in.")),
    card("Feedback on answers", h("p", {class: "dim"}, bound() ? "Your own. Admins and programs of operators read it, too." : "What is shown here is other people's words: admins and programs of operators read all of it."), h("form", {class: "row bar", onsubmit: event => {
        event.preventDefault();
        search();
    }}, h("span", {class: "grow"}, words), h("button", {}, "Search"), h("button", {type: "button", onclick: event => frame.act(event.currentTarget, download)}, "Save as JSONL")), found)));
    search();
    return {};
}

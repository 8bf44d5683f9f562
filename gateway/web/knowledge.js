// The knowledge base: search, documents, and what is added.
import {h, put, empty, loading, failure, drawer, number, code} from "./dom.js";
import {get, post, part, query} from "./api.js";

// The words of the query, marked; as elements, so that no text becomes markup.
function marked(text, wanted) {
    const list = wanted.toLowerCase().split(/\W+/).filter(word => word.length > 2);
    return text.split(/(\W+)/).map(piece => list.some(word => piece.toLowerCase().startsWith(word)) ? h("mark", {}, piece) : piece);
}

async function whole(namespace, id, title) {
    const {body} = drawer(title || id, loading());
    try {
        const document = await get(`/api/v1/knowledge/${part(namespace)}/document?` + query({id}));
        put(body, h("dl", {class: "facts"}, [["Id", document.id], ["Source", document.source], ["Bytes", number(document.length)]].filter(([, value]) => value).map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)])),
            document.metadata && Object.keys(document.metadata).length > 0 && code(document.metadata), code(document.text || ""));
    } catch (error) {
        put(body, failure(error));
    }
}

function addForm(namespaces, frame, done) {
    const namespace = h("input", {required: true, value: namespaces[0] || "default"}), id = h("input", {required: true}), title = h("input"), text = h("textarea", {rows: 10, required: true});
    const {node} = drawer("Add a document", h("form", {onsubmit: event => {
        event.preventDefault();
        frame.act(event.submitter, () => post(`/api/v1/knowledge/${part(namespace.value)}/documents`, {documents: [{id: id.value, text: text.value, ...(title.value ? {title: title.value} : {})}]}), "Added").then(answer => {
            if (!answer)
                return;
            const wrong = answer.documents?.[0]?.error;
            if (wrong)
                return frame.toast(typeof wrong === "string" ? wrong : JSON.stringify(wrong), "bad");
            node.close();
            return done();
        });
    }}, h("label", {class: "field"}, "Namespace", namespace), h("label", {class: "field"}, "Id: who adds it again replaces it", id), h("label", {class: "field"}, "Title", title), h("label", {class: "field"}, "Text", text), h("button", {class: "primary"}, "Add")));
}

export async function show(root, frame) {
    const spaces = h("select", {"aria-label": "Namespace"}), words = h("input", {type: "search", id: "knowledge-query", placeholder: "What do you want to know?", "aria-label": "Query"}), mode = h("select", {"aria-label": "Mode"}, [["hybrid", "Words and meaning"], ["lexical", "Words"], ["vectors", "Meaning"]].map(([value, text]) => h("option", {value}, text)));
    const found = h("div", {"aria-live": "polite"}), about = h("p", {class: "dim"});
    let namespaces = [];

    async function load() {
        try {
            ({namespaces} = await get("/api/v1/knowledge"));
            const chosen = spaces.value;
            put(spaces, namespaces.map(one => h("option", {value: one.namespace}, one.namespace)));
            if (namespaces.some(one => one.namespace === chosen))
                spaces.value = chosen;
            about.textContent = namespaces.map(one => `${one.namespace}: ${number(one.documents)} documents, ${number(one.chunks)} passages`).join(" \u00b7 ");
            if (!found.children.length)
                put(found, namespaces.length ? empty("Search", "Words, or what you mean by them.") : empty("There is nothing in it yet", "Add documents here, or with troupe kb add."));
        } catch (error) {
            put(found, error.reason === "no-provider" ? empty("There is no knowledge base", "Start one: troupe-kbd, or knowledge: {} in the fleet file.") : failure(error, load));
        }
    }

    async function search() {
        if (!words.value.trim() || !spaces.value)
            return;
        put(found, loading());
        try {
            const {results} = await post(`/api/v1/knowledge/${part(spaces.value)}/search`, {query: words.value, mode: mode.value, k: 20, text: true});
            put(found, results.length ? h("ol", {class: "list card", id: "knowledge-results"}, results.map(one => h("li", {}, h("div", {class: "row"}, h("button", {type: "button", class: "link grow", onclick: () => whole(spaces.value, one.id, one.title)}, one.title || one.id),
                h("span", {class: "dim n"}, one.score.toFixed(3))), one.heading && h("div", {class: "dim"}, one.heading), h("div", {}, marked((one.text || "").slice(0, 500), words.value))))) : empty("Nothing was found", "Try other words, or search by meaning."));
        } catch (error) {
            put(found, failure(error, search));
        }
    }
    root.append(h("form", {id: "knowledge-form", role: "search", class: "row bar", onsubmit: event => {
        event.preventDefault();
        search();
    }}, spaces, h("span", {class: "grow row"}, h("span", {class: "grow"}, words)), mode, h("button", {class: "primary"}, "Search"), h("button", {type: "button", onclick: () => addForm(namespaces.map(one => one.namespace), frame, load)}, "Add")), about, found);
    words.style.width = "100%";
    await load();
    return {};
}

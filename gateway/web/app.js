// The page of the gateway. All that agents write is put into the page as text, never as markup.
const $ = id => document.getElementById(id);
const TAP_MAX = 200;
let current = "agents", tap = null;

// ---- the API ----

function headers(more) {
    const token = sessionStorage.getItem("token");
    return token ? {...more, Authorization: "Bearer " + token} : more || {};
}

async function problemOf(response) {
    const body = await response.json().catch(() => ({}));
    return new Error(body.detail || body.error?.message || `${response.status} ${response.statusText}`);
}

async function api(path, body) {
    const response = await fetch(path, body === undefined ? {headers: headers()}
        : {method: "POST", headers: headers({"Content-Type": "application/json"}), body: JSON.stringify(body)});
    if (!response.ok)
        throw await problemOf(response);
    return response.json();
}

// Server-sent events by fetch, which can send a token; yields {id, event, data}.
async function* events(path, options) {
    const response = await fetch(path, options);
    if (!response.ok)
        throw await problemOf(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
        const {done, value} = await reader.read();
        if (done)
            return;
        text += value;
        const blocks = text.split("\n\n");
        text = blocks.pop();
        for (const block of blocks) {
            const fields = {};
            for (const line of block.split("\n")) {
                const colon = line.indexOf(": ");
                if (colon > 0)
                    fields[line.slice(0, colon)] = line.slice(colon + 2);
            }
            if (fields.data !== undefined)
                yield fields;
        }
    }
}

// ---- the page ----

function say(error) {
    $("problem").textContent = error ? error.message : "";
    $("problem").hidden = !error;
}

function cell(text, kind) {
    const td = document.createElement("td");
    td.textContent = text ?? "";
    if (kind)
        td.className = kind;
    return td;
}

function row(...cells) {
    const tr = document.createElement("tr");
    tr.append(...cells);
    return tr;
}

function show(id, rows, columns, nothing) {
    if (!rows.length) {
        const td = cell(nothing, "empty");
        td.colSpan = columns;
        rows = [row(td)];
    }
    $(id).replaceChildren(...rows);
}

const number = n => Number(n ?? 0).toLocaleString("en");
const ago = ms => ms ? new Date(ms).toLocaleTimeString() : "";
const kindOf = {active: "good", completed: "good", suspended: "warn", waiting: "warn", waiting_approval: "warn", failed: "bad", cancelled: "bad"};

function stateCell(state) {
    return cell(state, "state " + (kindOf[state] || ""));
}

// ---- the views ----

async function agents() {
    const {total, agents: list} = await api("/api/v1/agents?max-results=1000");
    const filter = $("agents-filter").value.toLowerCase();
    const shown = list.filter(agent => agent.name.toLowerCase().includes(filter)).sort((a, b) => a.name < b.name ? -1 : 1);
    $("agents-count").textContent = `${number(shown.length)} of ${number(total)}`;
    show("agents", shown.slice(0, 300).map(agent => row(cell(agent.name + (agent.count > 1 ? ` ×${number(agent.count)}` : "")),
        stateCell(agent.reachable ? agent.state : "unreachable"), cell(agent.behaviour), cell(number(agent.queued), "n"), cell(number(agent.in_hand), "n"),
        cell(number(agent.received), "n"), cell(number(agent.sent), "n"))), 7, "No agent has this in its name.");
    $("chat-agents").replaceChildren(...list.slice(0, 100).map(agent => new Option(agent.name.split("@")[0])));
}

async function topics() {
    const {topics: list} = await api("/api/v1/topics");
    list.sort((a, b) => b.per_s - a.per_s || (a.topic < b.topic ? -1 : 1));
    show("topics", list.slice(0, 100).map(topic => row(cell(topic.topic), cell(number(topic.messages), "n"), cell(topic.per_s.toFixed(1), "n"),
        cell(number(topic.subscribers), "n"))), 4, "Nothing was published yet.");
}

function taskButton(task, action, text) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", `${text} ${task}`);
    button.onclick = () => api(`/api/v1/tasks/${encodeURIComponent(task)}/${action}`, {}).then(refresh, say);
    return button;
}

async function tasks() {
    const {tasks: list} = await api("/api/v1/tasks?max-results=100");
    show("tasks", list.map(task => {
        const act = document.createElement("td");
        if (task.state === "waiting_approval")
            act.append(taskButton(task.task, "approve", "Approve"), " ");
        if (["waiting_approval", "pending", "assigned", "in_progress"].includes(task.state))
            act.append(taskButton(task.task, "cancel", "Cancel"));
        else if (task.state !== "completed")
            act.append(taskButton(task.task, "retry", "Retry"));
        return row(cell(task.task), stateCell(task.state), cell(task.agent), cell(task.description, "wide"), cell(ago(task.changed_ms)), act);
    }), 6, "There are no tasks.");
}

async function watch(pattern) {
    tap?.abort();
    tap = new AbortController();
    const signal = tap.signal;
    let after = "";
    $("tap").replaceChildren();
    while (!signal.aborted) {
        try {
            const path = `/api/v1/events?topics=${encodeURIComponent(pattern)}` + (after ? `&after=${after}` : "");
            for await (const event of events(path, {headers: headers(), signal})) {
                after = event.id || after;
                const data = JSON.parse(event.data), li = document.createElement("li"), name = document.createElement("b");
                name.textContent = data.topic ?? event.event;
                li.append(name, " ", JSON.stringify(data.content ?? data));
                $("tap").prepend(li);
                while ($("tap").children.length > TAP_MAX)
                    $("tap").lastChild.remove();
            }
        } catch (error) {
            if (signal.aborted)
                return;
            say(error);
            await new Promise(go => setTimeout(go, 2000));
        }
    }
}

// ---- the chat ----

function bubble(kind, text) {
    const li = document.createElement("li");
    li.className = kind;
    li.textContent = text;
    $("talk").append(li);
    li.scrollIntoView({block: "end"});
    return li;
}

async function send(text) {
    bubble("mine", text);
    const reply = bubble("waits", "");
    try {
        const body = JSON.stringify({model: $("chat-agent").value, stream: true, messages: [{role: "user", content: text}]});
        for await (const event of events("/v1/chat/completions", {method: "POST", headers: headers({"Content-Type": "application/json"}), body})) {
            if (event.data === "[DONE]")
                break;
            const data = JSON.parse(event.data);
            if (data.error)
                throw new Error(data.error.message);
            reply.textContent += data.choices[0].delta.content || "";
        }
        reply.className = "";
    } catch (error) {
        reply.className = "bad";
        reply.textContent += error.message;
    }
}

// ---- what goes on ----

const views = {agents, topics, tasks, chat: async () => {}};

async function refresh() {
    try {
        await views[current]();
        $("link").textContent = "live";
        $("link").className = "good";
        say(null);
    } catch (error) {
        $("link").textContent = "away";
        $("link").className = "bad";
        say(error);
    }
}

function go() {
    const name = location.hash.slice(1);
    current = name in views ? name : "agents";
    for (const view of Object.keys(views))
        $("view-" + view).hidden = view !== current;
    for (const link of document.querySelectorAll("nav a"))
        if (link.hash === "#" + current)
            link.setAttribute("aria-current", "page");
        else
            link.removeAttribute("aria-current");
    if (current === "topics" && !tap)
        watch($("tap-pattern").value);
    if (current === "chat")
        $("chat-text").focus();
    refresh();
}

function theme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches, now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
}

if (localStorage.getItem("theme"))
    document.documentElement.dataset.theme = localStorage.getItem("theme");
$("theme").onclick = theme;
$("token").onclick = () => $("token-dialog").showModal();
$("token-dialog").onclose = () => {
    if ($("token-dialog").returnValue === "save")
        sessionStorage.setItem("token", $("token-text").value.trim());
    $("token-text").value = "";
    refresh();
};
$("agents-filter").oninput = refresh;
$("tap-form").onsubmit = event => {
    event.preventDefault();
    watch($("tap-pattern").value);
};
$("chat-form").onsubmit = event => {
    event.preventDefault();
    const text = $("chat-text").value.trim();
    $("chat-text").value = "";
    if (text)
        send(text);
};
$("chat-text").onkeydown = event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        $("chat-form").requestSubmit();
    }
};
addEventListener("hashchange", go);
setInterval(() => document.hidden || refresh(), 1000);
api("/api/v1/system_status").then(status => $("platform").textContent = status.platform.name, say);
go();

// The gateway's API, and what this browser keeps: the token for the tab, preferences and the talk for longer.

export const token = {
    get: () => sessionStorage.getItem("token") || "",
    set: text => text ? sessionStorage.setItem("token", text) : sessionStorage.removeItem("token"),
};

// Who is signed in, as the gateway says (login.js); and his name to agents, where the settings say no other.
export const you = {name: "", role: "", by: "", label: ""};

// What is kept is each person's own: whoever uses the browser after him finds neither his talks nor the name that he goes by. The theme is the browser's.
const parsed = (key, otherwise) => JSON.parse(localStorage.getItem(key) || otherwise);
const defaults = {theme: "", user: "", agent: "assistant", speak: false, tap: 50};
const prefsOf = (name, person) => name === "theme" ? "prefs" : `prefs/${encodeURIComponent(person)}`;
export const prefs = {
    all: () => ({...defaults, ...parsed(prefsOf("", you.name), "{}"), theme: parsed("prefs", "{}").theme || ""}),
    get: name => prefs.all()[name],
    set(name, value) {
        const key = prefsOf(name, you.name);
        localStorage.setItem(key, JSON.stringify({...parsed(key, "{}"), [name]: value}));
    },
};

const talksOf = person => `talk/${encodeURIComponent(person)}/`;
export const talks = {
    of: (person, agent) => parsed(talksOf(person) + encodeURIComponent(agent), "[]"),
    keep: (person, agent, turns) => localStorage.setItem(talksOf(person) + encodeURIComponent(agent), JSON.stringify(turns)),
    remove: (person, agent) => localStorage.removeItem(talksOf(person) + encodeURIComponent(agent)),
    all: person => Object.keys(localStorage).filter(key => key.startsWith(talksOf(person))).flatMap(key => parsed(key, "[]")),
};

// Who signs out leaves no talk in the browser. His preferences wait for him under his name.
export const forget = person => Object.keys(localStorage).filter(key => key.startsWith(talksOf(person))).forEach(key => localStorage.removeItem(key));

export const session = {csrf: "", users: false, provider: ""};
// A person that the gateway knows speaks and votes as himself alone.
export const bound = () => you.role !== "admin" && (you.by === "session" || you.by === "provider");
export const user = () => (!bound() && prefs.get("user")) || you.name || "web";

export class Problem extends Error {
    constructor(message, status, reason) {
        super(message);
        this.status = status;
        this.reason = reason;
    }
}

// The session's own is a cookie; its token says that it is this page that asks.
export const headers = more => token.get() ? {...more, Authorization: "Bearer " + token.get()} : session.csrf ? {...more, Authorization: "CSRF " + session.csrf} : more || {};

async function problemOf(response) {
    const body = await response.json().catch(() => ({}));
    const text = body.detail || body.error?.message || `${response.status} ${response.statusText}`;
    return new Problem(response.status === 401 && body.reason === "no-token" ? "Sign in first." : text, response.status, body.reason || body.error?.code || "");
}

// Another tab may have signed in anew: then this one's token is an old one, and what was asked is asked again with the new one.
async function fetched(path, options) {
    const response = await fetch(path, options);
    if (response.status !== 403 || (await response.clone().json().catch(() => ({}))).reason !== "csrf-token")
        return response;
    const state = await (await fetch("/api/v1/login")).json();
    if (!state.csrf || state.csrf === session.csrf)
        return response;
    session.csrf = state.csrf;
    dispatchEvent(new Event("loginchange"));
    return fetch(path, {...options, headers: headers(options.headers)});
}

// What only looks is asked once more: a browser gives up what is under way when its machine's network changes.
const asked = async (path, options) => fetched(path, options).catch(async error => {
    if (error.name === "AbortError" || options?.method)
        throw error;
    await new Promise(done => setTimeout(done, 300));
    return fetched(path, options);
});

export async function request(path, options) {
    let response;
    try {
        response = await asked(path, options);
    } catch (error) {
        if (error.name === "AbortError")
            throw error;
        throw new Problem("The gateway does not answer.", 0, "away");
    }
    if (!response.ok)
        throw await problemOf(response);
    return response;
}

export const get = async (path, signal) => (await request(path, {headers: headers(), signal})).json();
export const post = async (path, body = {}, signal) => (await request(path, {method: "POST", headers: headers({"Content-Type": "application/json"}), body: JSON.stringify(body), signal})).json();
export const remove = async path => (await request(path, {method: "DELETE", headers: headers()})).json();
export const part = encodeURIComponent;
export const query = fields => new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== "" && value !== undefined && value !== null)).toString();

// Server-sent events by fetch, which can send a token; yields {id, event, data}.

const PAGE = 200;

// A list by its pages, the newest first, `most` of it at most; `more`: there are older ones.
export async function list(path, key, most, fields = {}) {
    const all = [];
    let before;
    do {
        const answer = await get(`${path}?${query({...fields, before, "max-results": Math.min(PAGE, most - all.length)})}`);
        all.push(...answer[key]);
        before = answer.before; // 0: that was the last one
    } while (before && all.length < most);
    return {all, more: Boolean(before)};
}

export async function* events(path, options) {
    const response = await request(path, options);
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

// Publications as they come, until the returned function is called; goes on where it was when the connection is lost.
export function feed(topics, onEvent, {perSecond = 0, onState = () => {}} = {}) {
    const stop = new AbortController();
    (async () => {
        let after = "";
        while (!stop.signal.aborted) {
            try {
                const path = "/api/v1/events?" + query({topics, after, "per-s": perSecond || ""});
                onState("live");
                for await (const event of events(path, {headers: headers(), signal: stop.signal})) {
                    after = event.id || after;
                    onEvent(JSON.parse(event.data), event.event || "message");
                }
            } catch (error) {
                if (stop.signal.aborted)
                    return;
                onState(error.message);
            }
            await new Promise(go => setTimeout(go, 1500));
        }
    })();
    return () => stop.abort();
}

// A new trace, which what is asked carries along (W3C Trace Context).
export function newTrace() {
    const hex = n => Array.from(crypto.getRandomValues(new Uint8Array(n)), byte => byte.toString(16).padStart(2, "0")).join("");
    const trace = hex(16);
    return {trace, traceparent: `00-${trace}-${hex(8)}-01`};
}

let offered = null;
// The paths of the API, so that a view offers only what this gateway has.
export const paths = async () => offered ||= (await get("/api/v1/openapi.json")).paths;

// A trace that this page began has no first span at the broker, so it remembers those of its chats itself.
export function ownTraces() {
    return talks.all(you.name).filter(turn => turn.trace && turn.at).map(turn => ({trace: turn.trace, agent: turn.agent, name: turn.asked, start_us: turn.at * 1000}));
}

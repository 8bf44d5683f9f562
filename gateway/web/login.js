// Who is signed in: with a token, which this tab keeps, or with name and password, or at an OpenID provider, by a session that is the browser's cookie.
import {get, post, token, session, you, forget} from "./api.js";

const $ = id => document.getElementById(id);
const tabs = new BroadcastChannel("login"); // the session is that of all of them
let onChange = () => {}, say = () => {}, learning = null, wait = 0, byItself = false;

// What a sign-in at the provider ends with, by the word behind #sign-in/ (docs/gateway.md).
const ends = {
    "provider-away": "The provider does not answer. Try again in a moment.",
    "sign-in-over": "That took too long, or was begun in another tab. Please sign in again.",
    "sign-in-denied": "The provider was told not to sign you in.",
    "sign-in-failed": "The provider's answer was not taken. Whoever runs this gateway finds out why in its log.",
    "no-role": "You are known, but have no role here. Ask whoever runs this fleet for one.",
    "too-many-attempts": "Too many attempts. Wait a little, and sign in again.",
    "busy": "Too many sign in at once. Try again in a moment.",
};

const called = () => you.label || you.name;
const signedIn = () => Boolean(token.get() || session.csrf);

function show() {
    $("token").textContent = signedIn() ? "Sign out" : "Sign in";
    $("token").title = you.name ? `${you.name}, ${you.role}` : "";
    $("who").textContent = signedIn() ? called() : "";
    const other = session.users || session.provider;
    $("login-provider").hidden = !session.provider;
    $("login-elsewhere").textContent = "Sign in with " + session.provider;
    $("login-form").hidden = !session.users;
    $("provider-cancel").hidden = session.users;
    if ($("login-or").hidden === !other)
        return;
    $("login-or").hidden = !other;
    $("token-more").open = !other;
}

// What the gateway says of who asks. Where it cannot be asked now, it is asked again until it can.
export function learn() {
    clearTimeout(wait);
    return learning ||= (async () => {
        try {
            const state = await get("/api/v1/login");
            Object.assign(you, {label: ""}, state.you);
            session.csrf = state.csrf || "";
            session.users = state.users;
            session.provider = state.provider || "";
        } catch (error) {
            if (error.status === 401) {
                token.set("");
                say("The token that you signed in with is nobody's any more", "bad");
            }
            wait = setTimeout(learn, error.status === 401 ? 0 : 2000);
        } finally {
            learning = null;
        }
        show();
        if ((session.users || session.provider) && you.by === "nobody" && you.role === "anybody") {
            byItself ||= !$("token-dialog").open;
            signIn(); // nothing else can be done here
        } else if (byItself)
            $("token-dialog").close("cancel"); // another tab has signed in
        return you;
    })();
}

export function signIn() {
    if ($("token-dialog").open)
        return;
    $("login-problem").textContent = "";
    $("token-dialog").showModal();
    $(session.users ? "login-name" : session.provider ? "login-elsewhere" : "token-text").focus();
}

async function changed() {
    await learn();
    onChange();
}

async function changedHere() {
    tabs.postMessage("changed");
    await changed();
}

async function signInWithPassword(event) {
    event.preventDefault();
    const button = $("login-go"), password = $("login-password");
    button.disabled = true;
    $("login-problem").textContent = "";
    try {
        const kept = token.get();
        token.set("");
        try {
            await post("/api/v1/login", {name: $("login-name").value.trim(), password: password.value});
        } catch (error) {
            token.set(kept);
            throw error;
        }
        password.value = "";
        $("token-dialog").close("signed-in");
        await changedHere();
        say(`Signed in as ${you.name}`);
    } catch (error) {
        $("login-problem").textContent = error.message;
        password.select();
        password.focus();
    } finally {
        button.disabled = false;
    }
}

function signInWithToken() {
    const text = $("token-text").value.trim();
    byItself = false;
    $("token-text").value = $("login-password").value = "";
    if ($("token-dialog").returnValue !== "save" || !text)
        return;
    token.set(text);
    changed();
}

async function signOut() {
    const button = $("token");
    button.disabled = true;
    forget(you.name);
    try {
        token.set("");
        await learn(); // there may be a session beneath it
        forget(you.name);
        const {end} = session.csrf ? await post("/api/v1/logout") : {};
        if (end) {
            tabs.postMessage("changed");
            location.assign(end); // signs him out at the provider, too
            return;
        }
    } catch (error) {
        say(error.message, "bad");
    } finally {
        button.disabled = false;
    }
    changedHere();
}

// A browser that comes back from the provider: what came of it.
async function back() {
    const [name, word] = location.hash.slice(1).split("/");
    if (name !== "sign-in")
        return;
    history.replaceState(null, "", sessionStorage.getItem("view") || location.pathname);
    sessionStorage.removeItem("view");
    await learn();
    if (word === "done" && signedIn()) {
        tabs.postMessage("changed");
        say(`Signed in as ${called()}`);
    } else if (word !== "done") {
        signIn();
        $("login-problem").textContent = ends[Object.hasOwn(ends, word) ? word : "sign-in-failed"];
    }
}

export function begin(toast, onWho) {
    say = toast;
    onChange = onWho;
    $("token").onclick = () => signedIn() ? signOut() : signIn();
    $("login-form").onsubmit = signInWithPassword;
    $("login-elsewhere").onclick = () => {
        token.set("");
        sessionStorage.setItem("view", location.hash || location.pathname);
    };
    $("login-cancel").onclick = $("provider-cancel").onclick = () => $("token-dialog").close("cancel");
    $("token-dialog").onclose = signInWithToken;
    tabs.onmessage = changed;
    addEventListener("loginchange", learn);
    show();
    return location.hash.startsWith("#sign-in/") ? back() : learn();
}

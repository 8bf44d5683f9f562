// Who is signed in: with a token, which this tab keeps, or with name and password, by a session that is the browser's cookie.
import {get, post, token, session, you, forget} from "./api.js";

const $ = id => document.getElementById(id);
const tabs = new BroadcastChannel("login"); // the session is that of all of them
let onChange = () => {}, say = () => {}, learning = null, wait = 0, byItself = false;

const signedIn = () => Boolean(token.get() || session.csrf);

function show() {
    $("token").textContent = signedIn() ? "Sign out" : "Sign in";
    $("token").title = you.name ? `${you.name}, ${you.role}` : "";
    $("who").textContent = signedIn() ? you.name : "";
    if ($("login-form").hidden === !session.users)
        return;
    $("login-form").hidden = $("login-or").hidden = !session.users;
    $("token-more").open = !session.users;
}

// What the gateway says of who asks. Where it cannot be asked now, it is asked again until it can.
export function learn() {
    clearTimeout(wait);
    return learning ||= (async () => {
        try {
            const state = await get("/api/v1/login");
            Object.assign(you, state.you);
            session.csrf = state.csrf || "";
            session.users = state.users;
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
        if (session.users && you.by === "nobody" && you.role === "anybody") {
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
    $(session.users ? "login-name" : "token-text").focus();
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
        if (session.csrf)
            await post("/api/v1/logout");
    } catch (error) {
        say(error.message, "bad");
    } finally {
        button.disabled = false;
    }
    changedHere();
}

export function begin(toast, onWho) {
    say = toast;
    onChange = onWho;
    $("token").onclick = () => signedIn() ? signOut() : signIn();
    $("login-form").onsubmit = signInWithPassword;
    $("login-cancel").onclick = () => $("token-dialog").close("cancel");
    $("token-dialog").onclose = signInWithToken;
    tabs.onmessage = changed;
    addEventListener("loginchange", learn);
    show();
    return learn();
}

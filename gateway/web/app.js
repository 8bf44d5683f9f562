// The frame of the page: navigation, theme, token, and the view that is shown. A view is a module with show(root, frame), which returns
// {refresh, every, leave}: refresh() is called each `every` milliseconds while the page is seen.
import {h, put, loading, failure, number} from "./dom.js";
import {icon} from "./icons.js";
import {get, prefs, you} from "./api.js";
import {begin as beginLogin, learn, signIn} from "./login.js";

const $ = id => document.getElementById(id);
const groups = [
    ["", [["overview", "Overview"], ["chat", "Chat"]]],
    ["Work", [["tasks", "Tasks"], ["decisions", "Decisions"], ["approvals", "Approvals"], ["knowledge", "Knowledge"]]],
    ["Fleet", [["agents", "Agents"], ["topics", "Topics"], ["traces", "Conversations"], ["models", "Models"], ["logs", "Logs"], ["fleet", "Processes"]]],
    ["", [["settings", "Settings"]]],
];
const titles = Object.fromEntries(groups.flatMap(([, views]) => views));
let current = null, turn = 0;

// ---- what the frame says ----

function say(error) {
    $("problem").hidden = !error;
    put($("problem"), error ? [h("span", {}, error.message), error.status === 401 && h("button", {type: "button", onclick: signIn}, "Sign in")] : []);
}

function barred(error) {
    if (error.status === 401 && ["session", "provider", "token"].includes(you.by))
        learn(); // it has ended
}

function linked(state) {
    $("link").textContent = state ? "live" : "away";
    $("link").className = "pill " + (state ? "good" : "bad");
}

function toast(text, kind = "good") {
    const node = h("div", {class: "toast " + kind}, text);
    $("toasts").append(node);
    setTimeout(() => node.remove(), 5000);
}

// What a button does: its outcome is told, and it cannot be pressed twice meanwhile.
async function act(button, what, done) {
    button.disabled = true;
    try {
        const answer = await what();
        if (done)
            toast(done);
        await refresh();
        return answer;
    } catch (error) {
        toast(error.message, "bad");
        barred(error);
        if (error.status === 401)
            signIn();
        return undefined;
    } finally {
        button.disabled = false;
    }
}

const frame = {say, toast, act, signIn, refresh: () => refresh()};

// ---- the view ----

async function refresh() {
    if (!current?.refresh || current.busy)
        return;
    const of = current;
    of.busy = true;
    try {
        await of.refresh();
        if (of === current) {
            linked(true);
            say(null);
        }
    } catch (error) {
        if (of === current && error.name !== "AbortError") {
            linked(![0, 503].includes(error.status));
            say(error);
            barred(error);
        }
    } finally {
        of.busy = false;
        of.last = performance.now();
    }
}

async function open() {
    const name = location.hash.slice(1).split("/")[0], view = name in titles ? name : "overview", mine = ++turn;
    current?.leave?.();
    current = null;
    document.body.classList.remove("open");
    $("menu").setAttribute("aria-expanded", "false");
    $("veil").hidden = true;
    $("title").textContent = titles[view];
    document.title = `${titles[view]} \u00b7 Troupe`;
    document.body.dataset.view = view;
    for (const link of document.querySelectorAll("nav a"))
        if (link.hash === "#" + view)
            link.setAttribute("aria-current", "page");
        else
            link.removeAttribute("aria-current");
    const root = h("div", {class: "view", id: "view-" + view});
    put($("main"), loading());
    say(null);
    try {
        const module = await import(`./${view}.js`);
        const shown = await module.show(root, frame, location.hash.slice(1).split("/").slice(1).map(decodeURIComponent));
        if (mine !== turn)
            return shown?.leave?.();
        current = {...shown};
        put($("main"), root);
        await refresh();
        root.dataset.ready = "true";
    } catch (error) {
        if (mine === turn)
            put($("main"), failure(error, open));
    }
    return undefined;
}

// ---- theme, menu ----

function showPlatform() {
    get("/api/v1/system_status").then(status => $("platform").textContent = status.platform.name, () => {});
}

function applyTheme() {
    const theme = prefs.get("theme");
    if (theme)
        document.documentElement.dataset.theme = theme;
    else
        delete document.documentElement.dataset.theme;
}

function toggleTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches, now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    prefs.set("theme", now === "dark" ? "light" : "dark");
    applyTheme();
    dispatchEvent(new Event("themechange"));
}

function toggleMenu() {
    const opened = document.body.classList.toggle("open");
    $("menu").setAttribute("aria-expanded", String(opened));
    $("veil").hidden = !opened;
    if (opened)
        document.querySelector("nav a").focus();
}

// What waits for a person, and whether all is well, also while another view is looked at.
async function watch() {
    const seen = await get("/api/v1/metrics").catch(() => null), n = seen?.approvals?.length || 0;
    linked(Boolean(seen));
    $("pending").hidden = !n;
    $("pending").textContent = n === 1 ? "1 approval waits" : `${number(n)}${n < 50 ? "" : " or more"} approvals wait`;
    $("pending").title = $("pending").textContent;
}

put($("nav"), groups.map(([title, views]) => h("div", {class: "group"}, title && h("h2", {}, title),
    h("ul", {}, views.map(([name, text]) => h("li", {}, h("a", {href: "#" + name}, icon(name), text)))))));
put($("menu"), icon("menu"));
put($("theme"), icon("theme"));
$("menu").onclick = toggleMenu;
$("veil").onclick = toggleMenu;
$("theme").onclick = toggleTheme;
addEventListener("hashchange", () => {
    if (location.hash === "#main")
        return;
    open().then(() => $("title").focus({preventScroll: true}));
});
addEventListener("keydown", event => event.key === "Escape" && document.body.classList.contains("open") && toggleMenu());
setInterval(() => {
    if (!document.hidden && current?.every && performance.now() - (current.last || 0) >= current.every - 50)
        refresh();
}, 250);
setInterval(() => document.hidden || document.body.dataset.view === "overview" || watch(), 5000);
addEventListener("offline", () => linked(false));
applyTheme();
beginLogin(toast, () => {
    showPlatform();
    open();
}).finally(() => {
    showPlatform();
    open();
    watch();
});

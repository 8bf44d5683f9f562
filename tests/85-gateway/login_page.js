// Signing in on the page in a browser: node login_page.js URL PASSWORD SCREENSHOTS. Prints one line of JSON with what it saw.
const {chromium} = require("playwright-core");
const {look, seen: out} = require("./look.js");
const [url, password, place] = process.argv.slice(2);
let context, page;

const see = name => look(page, name, place);

async function open(more = {}) {
    page = await context.newPage();
    page.setDefaultTimeout(40000);
    page.on("pageerror", error => out.errors.push(String(error)));
    await more.before?.();
    await page.goto(url + "/");
}

// Where nothing may be seen without, the form is there by itself, and is for the keyboard: name, Tab, password, Enter.
async function byKeyboard() {
    await open();
    await page.locator("#token-dialog[open]").waitFor();
    out.first_focus = await page.evaluate(() => document.activeElement.id);
    await see("login-light");
    await page.keyboard.type("operator");
    await page.keyboard.press("Tab");
    await page.keyboard.type("wrong password");
    await page.keyboard.press("Enter");
    await page.locator("#login-problem:not(:empty)").waitFor();
    out.problem = await page.locator("#login-problem").textContent();
    out.problem_role = await page.locator("#login-problem").getAttribute("role");
    out.focus_after_wrong = await page.evaluate(() => document.activeElement.id);
    await see("login-wrong");
    await page.keyboard.type(password); // what was wrong is selected, and goes
    await page.keyboard.press("Enter");
    await page.locator("#token:has-text('Sign out')").waitFor();
    await page.locator("#view-overview[data-ready]").waitFor();
    out.who = await page.locator("#who").textContent();
    out.dialog_open = await page.locator("#token-dialog[open]").count();
    await see("login-in");
}

// What changes something works by the session, also in a tab whose token is that of a session before; and a tab follows another one out and in.
async function changes() {
    const publish = () => page.evaluate(async () => {
        const {post} = await import("/web/api.js");
        return post("/api/v1/topics/news.a", {content: {n: 1}});
    });
    out.published = await publish();
    const old = page;
    await open();
    await page.locator("#token:has-text('Sign out')").waitFor();
    out.second_tab = await page.locator("#who").textContent();
    await page.locator("#token").click();
    await old.locator("#token-dialog[open]").waitFor();
    await page.locator("#login-name").fill("operator");
    await page.locator("#login-password").fill(password);
    await page.locator("#login-go").click();
    await page.locator("#token:has-text('Sign out')").waitFor();
    await page.close();
    page = old;
    await page.locator("#token:has-text('Sign out')").waitFor();
    await page.locator("#token-dialog:not([open])").waitFor({state: "attached"});
    await page.evaluate(async () => (await import("/web/api.js")).session.csrf = "of a session before");
    out.published_again = await publish();
    out.readable = await page.evaluate(() => document.cookie); // scripts cannot read the session
}

async function signIn(name) {
    await page.locator("#login-name").fill(name);
    await page.locator("#login-password").fill(password);
    await page.locator("#login-go").click();
    await page.locator(`#who:has-text('${name}')`).waitFor();
}

async function view(name) {
    await page.evaluate(to => location.hash = to, name);
    await page.locator(`#view-${name}[data-ready]`).waitFor();
}

async function talk(text) {
    await view("chat");
    await page.locator("#chat-text").fill(text);
    await page.keyboard.press("Enter");
    await page.locator("#talk > li:not(.mine):not(.waits):not(.failed)").waitFor();
}

// What somebody finds who uses the browser now: turns of the talk, the name to agents in the settings (null: he can choose none) and of the next question, the theme.
async function found() {
    await view("chat");
    const turns = await page.locator("#talk > li").count();
    await view("settings");
    const field = page.getByLabel("Your name to agents"), name = await field.count() ? await field.inputValue() : null;
    return {turns, name, ...await page.evaluate(async () => {
        const api = await import("/web/api.js");
        return {asked_as: api.user(), traces: api.ownTraces().length, theme: api.prefs.get("theme")};
    })};
}

const stored = word => page.evaluate(text => Object.entries(localStorage).filter(([key, value]) => key.startsWith("talk") && value.includes(text)).length, word);

// Two persons with one browser: neither finds what the other has said, nor goes by his name, whether he signed out or was forgotten.
async function oneBrowserForTwo() {
    await view("settings");
    await page.locator("#view-settings select").selectOption("light");
    await talk("hello, my secret is Olga's");
    out.kept = await stored("Olga's");
    out.of_olga = await found();
    await page.locator("#token").click();
    await page.locator("#token-dialog[open]").waitFor();
    out.left = await stored("Olga's");
    await signIn("admin");
    out.of_admin = await found();
    await page.getByLabel("Your name to agents").fill("Adam");
    await page.keyboard.press("Tab");
    out.of_adam = await found();
    await talk("hello, my secret is Adam's");
    await context.clearCookies();
    await page.reload();
    await page.locator("#token-dialog[open]").waitFor();
    await signIn("operator");
    out.of_operator = await found();
    out.kept_of_admin = await stored("Adam's");
    await view("overview");
}

async function out_again() {
    await page.locator("#token").click();
    await page.locator("#token-dialog[open]").waitFor();
    out.out_who = await page.locator("#who").textContent();
    out.cookies = (await context.cookies()).length;
    await page.keyboard.press("Escape");
    await page.locator("#problem button:has-text('Sign in')").click();
    await page.locator("#token-dialog[open]").waitFor();
    await page.locator("#login-or").click();
    out.token_too = await page.locator("#token-text").isVisible();
    await see("login-token");
}

// The first answer is lost: the form comes all the same.
async function asksAgain() {
    await page.close();
    let lost = 0;
    await open({before: () => page.route("**/api/v1/login", route => lost++ ? route.continue() : route.abort())});
    await page.locator("#token-dialog[open] #login-name").waitFor();
    out.asked = lost;
}

async function smallAndDark() {
    await page.setViewportSize({width: 375, height: 740});
    await see("login-phone");
    await page.emulateMedia({colorScheme: "dark"});
    await see("login-dark");
    await page.locator("#login-name").fill("viewer");
    await page.locator("#login-password").fill(password);
    await page.locator("#login-go").click();
    await page.locator("#view-overview[data-ready]").waitFor();
    await see("login-in-phone");
}

(async () => {
    const browser = await chromium.launch({executablePath: process.env.TROUPE_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"]});
    context = await browser.newContext({viewport: {width: 1280, height: 820}, colorScheme: "light"});
    for (const step of [byKeyboard, changes, oneBrowserForTwo, out_again, asksAgain, smallAndDark]) {
        try {
            await step();
        } catch (error) {
            await page.screenshot({path: `${place}/failed-login-${step.name}.png`});
            throw new Error(`${step.name}: ${error.message}\n${JSON.stringify(out)}`);
        }
    }
    await browser.close();
    console.log(JSON.stringify(out));
})().catch(error => {
    console.error(error.message);
    process.exit(1);
});

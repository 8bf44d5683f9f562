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
    for (const step of [byKeyboard, changes, out_again, asksAgain, smallAndDark]) {
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

// Signing in at an OpenID provider on the page in a browser: node sign_in_page.js URL SCREENSHOTS. Prints one line of JSON with what it saw.
const {chromium} = require("playwright-core");
const {look, seen: out} = require("./look.js");
const [url, place] = process.argv.slice(2);
let context, page;

const see = name => look(page, name, place);

async function open() {
    page = await context.newPage();
    page.setDefaultTimeout(40000);
    page.on("pageerror", error => out.errors.push(String(error)));
    page.on("console", message => message.type() === "error" && /Content Security Policy/.test(message.text()) && out.errors.push(message.text()));
}

// Where nothing may be seen without, the form is there by itself; the keyboard is on the way to the provider, and its user is back where he was.
async function thereAndBack() {
    await open();
    await page.goto(url + "/#agents");
    await page.locator("#token-dialog[open]").waitFor();
    out.first_focus = await page.evaluate(() => document.activeElement.id);
    out.offer = await page.locator("#login-elsewhere").textContent();
    out.password = await page.locator("#login-name").isVisible();
    await see("sign-in-light");
    await page.locator("#provider-cancel").click();
    await page.locator("#token-dialog:not([open])").waitFor({state: "attached"});
    await page.locator("#token").click();
    await page.locator("#token-dialog[open]").waitFor();
    await page.keyboard.press("Enter");
    await page.locator("h1:has-text('Provider')").waitFor();
    out.at_provider = new URL(page.url()).pathname;
    await page.locator("#go").click();
    await page.locator("#token:has-text('Sign out')").waitFor();
    await page.locator("#view-agents[data-ready]").waitFor();
    out.who = await page.locator("#who").textContent();
    out.address = page.url().slice(url.length);
    out.told = await page.locator("#toasts").textContent();
    out.readable = await page.evaluate(() => document.cookie);
    await see("sign-in-done");
}

// What changes something works, a reload stays, and another tab is signed in, too.
async function session() {
    out.published = await page.evaluate(async () => (await import("/web/api.js")).post("/api/v1/topics/news.a", {content: {n: 1}}).then(() => true));
    await page.reload();
    await page.locator("#token:has-text('Sign out')").waitFor();
    const first = page;
    await open();
    await page.goto(url + "/");
    await page.locator("#token:has-text('Sign out')").waitFor();
    out.second_tab = await page.locator("#who").textContent();
    await page.locator("#token").click(); // out here, and at the provider, which sends him back
    await page.locator("#token-dialog[open]").waitFor();
    out.out_who = await page.locator("#who").textContent();
    await first.locator("#token:text-is('Sign in')").waitFor();
    await first.close();
}

// The provider says no: the page says so, in words.
async function denied() {
    await page.goto(url + "/api/v1/login/callback?error=access_denied&state=x");
    await page.locator("#token-dialog[open] #login-problem:not(:empty)").waitFor();
    out.problem = await page.locator("#login-problem").textContent();
    await see("sign-in-problem");
    await page.goto(url + "/#sign-in/<img src=x onerror=alert(1)>");
    await page.reload();
    await page.locator("#token-dialog[open] #login-problem:not(:empty)").waitFor();
    out.unknown = await page.locator("#login-problem").innerHTML();
    await page.setViewportSize({width: 375, height: 740});
    await page.emulateMedia({colorScheme: "dark"});
    await see("sign-in-phone-dark");
}

(async () => {
    const browser = await chromium.launch({executablePath: process.env.TROUPE_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"]});
    context = await browser.newContext({viewport: {width: 1280, height: 820}, colorScheme: "light"});
    for (const step of [thereAndBack, session, denied]) {
        try {
            await step();
        } catch (error) {
            await page.screenshot({path: `${place}/failed-sign-in-${step.name}.png`});
            throw new Error(`${step.name}: ${error.message}\n${JSON.stringify(out)}`);
        }
    }
    await browser.close();
    console.log(JSON.stringify(out));
})().catch(error => {
    console.error(error.message);
    process.exit(1);
});

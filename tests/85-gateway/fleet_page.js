// A supervised fleet changed on the page: node fleet_page.js URL OPERATOR ADMIN SCREENSHOTS, the two being tokens. Prints one line of JSON with what it saw.
const {chromium} = require("playwright-core");
const {look, seen: out} = require("./look.js");
const [url, operator, admin, place] = process.argv.slice(2);
let page;

const see = name => look(page, name, place);
const row = name => page.locator(`#view-fleet tbody tr:has(th:text-is('${name}'))`);
const running = name => row(name).locator(".pill:has-text('running')").waitFor();
const gone = name => row(name).waitFor({state: "detached"});
const counted = n => page.locator(`[data-group=echo] output:text-is('${n}')`).waitFor();
const press = name => page.getByRole("button", {name, exact: true}).click();
const told = text => page.locator(`.toast:has-text("${text}")`).first().waitFor();

async function view(name) {
    await page.evaluate(to => location.hash = to, name);
    await page.locator(`#view-${name}[data-ready]`).waitFor();
}

async function signIn(token) {
    await press("Sign in");
    await page.locator("#token-text").fill(token);
    await page.locator("#token-dialog button[value=save]").click();
    await page.locator("#token:has-text('Sign out')").waitFor();
    await view("fleet");
}

async function attach() {
    await page.getByLabel("Name of the agent, or of a group").fill("clerk");
    await page.getByLabel("Behaviour").fill("echo");
    await page.getByLabel("Services").fill("paper");
    await press("Attach");
}

// Whose role is not enough is told so, and nothing has changed.
async function refused() {
    await page.goto(url + "/");
    await signIn(operator);
    await running("echo-2");
    await press("One more echo");
    await page.locator(".toast.bad").first().waitFor();
    out.refused = [await page.locator(".toast.bad").first().textContent()];
    await see("fleet-refused");
    await page.locator(".toast.bad").first().waitFor({state: "detached"});
    await attach();
    await page.locator(".toast.bad").first().waitFor();
    out.refused.push(await page.locator(".toast.bad").first().textContent());
    out.unchanged = await page.locator("#view-fleet tbody th").allTextContents();
    await press("Sign out");
    await page.locator("#token:has-text('Sign in')").waitFor();
}

async function scale() {
    await signIn(admin);
    await press("One more echo");
    await told("echo: 3");
    await counted(3);
    await running("echo-3");
    await see("fleet-scaled");
    await press("One echo less");
    await gone("echo-3");
    await counted(2);
}

async function attachAndRestart() {
    await attach();
    await told("clerk was attached");
    await running("clerk");
    const pid = row("clerk").locator("td").nth(1), before = await pid.textContent();
    await press("Restart clerk");
    await told("clerk: restart");
    await page.waitForFunction(([was]) => {
        const cells = [...document.querySelectorAll("#view-fleet tbody tr")].find(one => one.querySelector("th").textContent === "clerk")?.querySelectorAll("td");
        return cells && cells[0].textContent.includes("running") && cells[1].textContent !== was;
    }, [before]);
    await see("fleet-attached");
    out.pids = [before, await pid.textContent()].map(text => Number(text.replaceAll(",", "")));
    await press("Detach clerk");
    await gone("clerk");
}

async function logs() {
    await view("logs");
    await page.getByLabel("Process", {exact: true}).selectOption("echo-1");
    await page.locator("#view-logs .log:has-text('agentd A004')").waitFor();
    out.log = await page.locator("#view-logs .log div").allTextContents();
    await see("logs-of-a-process");
    await page.getByLabel("Only lines with").fill("no line has this");
    await page.locator("#view-logs .log:has-text('No such lines.')").waitFor();
}

(async () => {
    const browser = await chromium.launch({executablePath: process.env.TROUPE_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"]});
    page = await browser.newPage({viewport: {width: 1280, height: 820}, colorScheme: "light"});
    page.setDefaultTimeout(40000);
    page.on("pageerror", error => out.errors.push(String(error)));
    for (const step of [refused, scale, attachAndRestart, logs]) {
        try {
            await step();
        } catch (error) {
            await page.screenshot({path: `${place}/failed-fleet-${step.name}.png`});
            throw new Error(`${step.name}: ${error.message}\n${JSON.stringify(out)}`);
        }
    }
    await browser.close();
    console.log(JSON.stringify(out));
})().catch(error => {
    console.error(error.message);
    process.exit(1);
});

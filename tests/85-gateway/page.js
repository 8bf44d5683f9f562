// The page of the gateway in a browser: node page.js URL TOKEN SCREENSHOTS SOUND PICTURE. Prints one line of JSON with what it saw.
const {chromium} = require("playwright-core");
const {look: lookAt, seen: out} = require("./look.js");
const [url, token, place, sound, picture, eyes, admin] = process.argv.slice(2);
const VIEWS = ["overview", "chat", "tasks", "decisions", "approvals", "knowledge", "agents", "topics", "traces", "models", "logs", "fleet", "settings"];
const api = {"Authorization": "Bearer " + token, "Content-Type": "application/json"};
let page;

const shot = name => page.screenshot({path: `${place}/${name}.png`});
const look = name => lookAt(page, name, place);
const ask = async (path, data) => (await page.request.post(url + path, {headers: api, data})).json();

async function view(name) {
    await page.evaluate(to => location.hash = to, name);
    await page.locator(`#view-${name}[data-ready]`).waitFor();
}

// Chromium gives up what is under way when an address of the machine comes or goes (ERR_NETWORK_CHANGED), as those of other tests' networks do.
async function load(go) {
    for (let tries = 0; tries < 3; tries++) {
        await go();
        if (await page.locator("body[data-view]").waitFor({timeout: 10000}).then(() => true, () => false))
            return;
    }
    throw new Error("the page does not come");
}

async function begin() {
    const begun = Date.now();
    let bytes = 0;
    page.on("response", async response => bytes += Number(response.headers()["content-length"] || 0));
    await load(() => page.goto(url + "/"));
    await page.locator("#view-overview[data-ready]").waitFor();
    out.usable_ms = Date.now() - begun;
    out.first_bytes = bytes;
    out.link = await page.locator("#link").textContent();
    await page.keyboard.press("Tab");
    out.first_focus = await page.evaluate(() => document.activeElement.className);
    await page.locator("#token").click();
    await page.locator("#token-text").fill(token);
    await page.locator("#token-dialog button[value=save]").click();
    await page.locator("#token:has-text('Sign out')").waitFor();
}

// What is published appears while one looks.
async function dashboard() {
    await view("overview");
    const seen = page.locator(".bars div:has-text('news.live')");
    for (let tries = 0; !(await seen.count()) && tries < 200; tries++) {
        await ask("/api/v1/topics/news.live", {content: {n: tries}});
        await page.waitForTimeout(100);
    }
    out.live = await seen.first().textContent();
    out.latencies = await page.locator("#view-overview [aria-label=Latencies] tbody tr").allInnerTexts();
    await look("overview-light");
}

async function topics() {
    await view("topics");
    await page.locator("#tap-pattern").fill("news.*");
    await page.locator("#tap-form button:has-text('Watch')").click();
    for (let tries = 0; !(await page.locator("#tap li").count()) && tries < 100; tries++) {
        await ask("/api/v1/topics/news.a", {content: {text: "<img src=x onerror=document.title='broken'>"}});
        await page.waitForTimeout(100);
    }
    out.tap = await page.locator("#tap li").first().textContent();
    out.title = await page.title();
    await page.locator("#topics tr:has-text('news.a')").waitFor();
    await look("topics-light");
}

async function task() {
    await view("tasks");
    await page.locator("#task-new").click();
    await page.locator("#task-description").fill("paint the fence");
    await page.locator("#task-skills").fill("work");
    await page.locator("#task-form input[type=checkbox]").check();
    await look("task-form");
    await page.locator("#task-form button:has-text('Submit')").click();
    const card = page.locator(".task:has-text('paint the fence')");
    await card.locator(".pill:has-text('waiting approval')").waitFor();
    await look("tasks-light");
    await card.getByRole("button", {name: "Approve"}).click();
    await card.locator(".pill:has-text('completed')").waitFor();
    await card.locator(".link").click();
    await page.locator("dialog.drawer .pill:has-text('completed')").first().waitFor();
    out.result = await page.locator("dialog.drawer").textContent();
    await look("task-details");
    await page.keyboard.press("Escape");
    await ask("/api/v1/tasks", {tasks: [{id: "p1", skills: ["work"], description: "Search"}, {id: "p2", skills: ["nobody"], needs: ["p1"], description: "Analyse"}, {id: "p3", skills: ["nobody"], needs: ["p1"], description: "Draw"},
        {id: "p4", skills: ["work"], needs: ["p2", "p3"], description: "Write"}]});
    await page.getByRole("tab", {name: "Board"}).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator(".gantt .lane i").nth(3).waitFor();
    await look("tasks-timeline");
    await page.keyboard.press("ArrowRight");
    await page.locator("svg a[aria-label^='Write']").waitFor();
    out.edges = await page.locator("#view-tasks svg > path").count();
    await look("tasks-plan");
}

async function approval() {
    await view("approvals");
    const card = page.locator("[data-approval]");
    await card.locator("pre:has-text('one')").waitFor();
    await look("approvals-light");
    await card.getByRole("button", {name: /^Grant/}).click();
    await page.locator("#view-approvals .empty").waitFor();
    out.approval = "granted";
}

async function decision() {
    await ask("/api/v1/decisions", {question: "Tea or coffee?", options: ["tea", "coffee"], voters: ["svc:voter"]});
    await view("decisions");
    await page.locator("#view-decisions .card li:has-text('sleepy')").waitFor();
    out.ballot = await page.locator("#view-decisions .card li:has-text('sleepy')").textContent();
    await look("decisions-light");
}

async function knowledge() {
    await ask("/api/v1/knowledge/default/documents", {documents: [{id: "harbour", title: "The harbour", text: "Ferries leave the harbour at seven. The lighthouse stands at its end."}]});
    await view("knowledge");
    await page.locator("#knowledge-query").fill("when do ferries leave");
    await page.keyboard.press("Enter");
    out.found = await page.locator("#knowledge-results li").first().textContent();
    await look("knowledge-light");
}

async function answered(n, timeout) {
    await page.locator("#talk > li:not(.mine):not(.waits)").nth(n).waitFor({timeout});
    return page.locator("#talk > li:not(.mine) .bubble").nth(n).textContent();
}

async function chat() {
    await view("chat");
    await look("chat-empty");
    await page.locator("#chat-text").fill("search for the harbour");
    await page.keyboard.press("Enter");
    out.reply = await answered(0);
    out.readers = await page.getByRole("button", {name: "A good answer"}).first().getAttribute("aria-description");
    await page.getByRole("button", {name: "A good answer"}).first().click();
    await page.locator("button[aria-label='A good answer'][aria-pressed=true]").waitFor();
    await page.locator("#talk summary:has-text('What was done')").click();
    for (let tries = 0; !(await page.locator("#talk .span").count()) && tries < 40; tries++) { // spans are told a moment later
        await page.locator("#talk summary:has-text('What was done')").click();
        await page.waitForTimeout(250);
    }
    out.work = await page.locator("#talk summary:has-text('What was done')").textContent();
    await look("chat-light");
}

async function image() {
    await page.locator("#chat-file").setInputFiles(picture);
    await page.locator(".thumb img").waitFor();
    await look("chat-image");
    const sent = page.waitForRequest(request => request.url().endsWith("/v1/chat/completions"));
    await page.locator("#chat-text").fill("hello, what is this?");
    await page.keyboard.press("Enter");
    out.image = JSON.parse((await sent).postData()).messages[0].content[1].image_url.url.slice(0, 22);
    if (eyes === "eyes") {
        out.about = await answered(1, 300000);
        await page.locator("#talk summary:has-text('What was seen')").click();
        out.seen = await page.locator("#talk details.seen .source").first().textContent();
    } else {
        await page.locator("#talk li.failed").waitFor();
        out.about = await page.locator("#talk li.failed").textContent();
    }
    await look("chat-seen");
}

// The browser's microphone plays the file of sound; what the page says of the answer is what its text, or its problem, says.
async function record() {
    const answer = page.waitForResponse(one => one.url().endsWith("/v1/audio/transcriptions"), {timeout: 300000});
    await page.locator("#chat-mic").click();
    await page.locator("#chat-mic[aria-pressed=true]").waitFor();
    await page.waitForTimeout(5000); // so long is spoken
    await look("chat-mic");
    await page.locator("#chat-mic").click();
    const response = await answer;
    await page.locator("#chat-mic:not([aria-busy])").waitFor();
    return response;
}

// What was sent to be written down: its container and codec, how long it is, and how loud at its loudest (0: silence).
async function recording() {
    const bytes = await window.sent.at(-1).arrayBuffer(), text = new TextDecoder("latin1").decode(bytes.slice(0, 4096));
    const sound = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes);
    return {webm: text.startsWith("\x1a\x45\xdf\xa3") && text.includes("webm") && text.includes("A_OPUS"), seconds: sound.duration, loudest: sound.getChannelData(0).reduce((most, one) => Math.max(most, Math.abs(one)), 0)};
}

async function speak() {
    await page.locator("#chat-text").fill("");
    const response = await record(), body = await response.json();
    out.recording = await page.evaluate(recording);
    out.heard_status = response.status();
    out.heard = body.text ?? body.error.message;
    if (body.text) {
        await page.waitForFunction(text => document.querySelector("#chat-text").value === text.trim(), body.text);
        out.written = await page.locator("#chat-text").inputValue();
    } else
        await page.locator(`.toast:has-text("${response.ok() ? "No words were heard" : body.error.message.slice(0, 40)}")`).first().waitFor();
    await look("chat-heard");
    await page.locator("#chat-text").fill("");
}

// With the toggle on a reply is spoken: a recording of the gateway's that this browser plays, or a word about why not.
async function spoken() {
    await page.locator("#chat-speak").click();
    const answer = page.waitForResponse(one => one.url().endsWith("/v1/audio/speech"), {timeout: 300000});
    await page.locator("#chat-text").fill("hello");
    await page.keyboard.press("Enter");
    const response = await answer;
    out.spoken_status = response.status();
    out.spoken_type = response.headers()["content-type"];
    if (response.ok())
        out.played = await (await page.waitForFunction(() => window.played[0])).jsonValue();
    else
        await page.locator(".toast:has-text('nor this browser has a voice')").first().waitFor();
    await look("chat-spoken");
    await page.locator("#chat-speak").click();
    await page.locator("#chat-speak[aria-pressed=false]").waitFor();
}

async function others() {
    await view("traces");
    await page.locator("#view-traces svg text").first().waitFor();
    out.sequence = await page.locator("#view-traces svg").getAttribute("aria-label");
    await look("traces-light");
    await view("settings");
    await page.locator("#view-settings li:has-text('good answer')").waitFor();
    await look("settings-light");
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", {name: "Save as JSONL"}).click()]);
    out.examples = require("fs").readFileSync(await saved.path(), "utf8");
    out.examples_file = saved.suggestedFilename();
    await models();
    for (const name of ["agents", "logs", "fleet"]) {
        await view(name);
        await look(`${name}-light`);
    }
    await view("agents");
    await page.locator("#agents button:has-text('assistant@')").click();
    await page.locator("dialog.drawer dl").waitFor();
    await look("agent-details");
    await page.keyboard.press("Escape");
}

// An admin says that an answer is an example for all.
async function example() {
    for (const [who, from, to] of [[admin, "Make it an example", "take back"], [token, "example", "example"]]) {
        await page.evaluate(text => sessionStorage.setItem("token", text), who);
        await load(() => page.reload());
        await view("settings");
        await page.locator(`#view-settings li :text('${from}')`).first().click();
        await page.locator(`#view-settings li :text('${to}')`).first().waitFor();
        if (who === admin)
            await look("settings-example");
        else
            out.takes_back = await page.locator("#view-settings li button").count();
    }
}

// What is spent while one looks, by calls that nobody traces.
async function models() {
    await view("models");
    for (const receiver of ["writer-1", "writer-2", "writer-2", "author"])
        await ask("/api/v1/messages", {receiver, content: "Whales are mammals. They live in the sea. Many whales sing."});
    await page.locator("#spent dd:text-is('4')").waitFor();
    out.spent = await page.locator("#spent").innerText();
    out.spenders = await page.locator("#view-models [aria-label='Spending of agents'] tbody tr").allInnerTexts();
    out.shares = await page.locator("#view-models .bars > div").allInnerTexts();
    await look("models-light");
    await view("overview");
    await page.locator(".tile:has-text('Model tokens') dd:text-is('40')").waitFor();
    await look("overview-spent");
}

async function darkAndSmall() {
    await page.locator("#theme").click();
    out.dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    for (const name of VIEWS) {
        await view(name);
        await look(`${name}-dark`);
    }
    await page.setViewportSize({width: 375, height: 740});
    for (const name of VIEWS) {
        await view(name);
        await look(`${name}-phone`);
    }
    await page.locator("#menu").click();
    await page.waitForTimeout(250); // it slides in
    await shot("menu-phone");
    await page.keyboard.press("Escape");
}

// More than a list shows at once: it says so, counts all, and shows the rest when it is asked to.
async function many() {
    await view("tasks");
    for (let i = 0; i < 5; i++)
        await ask("/api/v1/tasks", {tasks: Array.from({length: 50}, (_, k) => ({id: `many-${i}-${k}`, skills: ["nobody"], description: `wait ${i} ${k}`}))});
    const pending = page.locator("#view-tasks section[aria-label=Pending]"), rest = page.locator("#view-tasks .older");
    await pending.locator("h2").filter({hasText: /25\d/}).waitFor();
    out.older = await rest.textContent();
    await rest.getByRole("button", {name: "Show older ones"}).click();
    await pending.locator(".task:has-text('wait 0 0')").waitFor();
    await rest.waitFor({state: "hidden"});
}

// What does not come by the network: the page itself says how to go on, and asks once more by itself.
async function broken() {
    const other = await page.context().newPage();
    const lost = path => other.route(path, route => route.abort("connectionreset"), {times: 1});
    await lost("**/web/app.js");
    await other.goto(url + "/");
    await other.locator(".boot").waitFor();
    out.boot = await other.locator("#main").innerText();
    await other.locator(".boot a").click();
    await other.locator("#view-overview[data-ready]").waitFor();
    await lost("**/api/v1/services");
    out.asked_again = await other.evaluate(async () => (await import("/web/api.js")).get("/api/v1/services").then(answer => Object.keys(answer), error => error.message));
    await other.close();
}

(async () => {
    const browser = await chromium.launch({executablePath: process.env.TROUPE_CHROMIUM || "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${sound}`]});
    const context = await browser.newContext({viewport: {width: 1280, height: 820}, colorScheme: "light", permissions: ["microphone"]});
    page = await context.newPage();
    await page.addInitScript(() => {
        const play = HTMLMediaElement.prototype.play;
        window.played = [];
        const append = FormData.prototype.append;
        window.sent = [];
        FormData.prototype.append = function (name, value, ...more) {
            if (value instanceof Blob)
                window.sent.push(value);
            return append.call(this, name, value, ...more);
        };
        HTMLMediaElement.prototype.play = function () {
            const begun = play.call(this);
            begun.then(() => window.played.push({seconds: this.duration}), error => window.played.push({error: String(error)}));
            return begun;
        };
    });
    page.setDefaultTimeout(40000);
    page.on("pageerror", error => out.errors.push(String(error)));
    page.on("console", message => message.type() === "error" && out.errors.push(message.text() + " " + message.location().url));
    for (const step of [begin, dashboard, topics, task, approval, decision, knowledge, chat, image, speak, spoken, others, example, darkAndSmall, many, broken]) {
        try {
            await step();
        } catch (error) {
            await shot(`failed-${step.name}`);
            throw new Error(`${step.name}: ${error.message}\n${JSON.stringify(out)}`);
        }
    }
    await browser.close();
    console.log(JSON.stringify(out));
})().catch(error => {
    console.error(error.message);
    process.exit(1);
});

// The page under load: node page_load.js URL SECONDS. Prints one line of JSON for each view: frames a second, and the heap before and after.
const {chromium} = require("playwright-core");
const [url, seconds, token] = process.argv.slice(2);
const PROBES = 200;

// What the view tells of the publications: how many came and went by on the tap; messages a second and on topics, as the overview has them.
const told = {
    overview: () => document.querySelector("#view-overview .tiles").textContent,
    topics: () => (document.querySelector("#view-topics [role=status]").textContent.match(/[\d,]+/g) || []).reduce((sum, one) => sum + Number(one.replaceAll(",", "")), 0),
    agents: () => document.querySelector("#view-agents [role=status]").textContent,
};
const onTopics = () => document.querySelector("#view-overview canvas").getAttribute("aria-label");

// Pictures that the browser drew in so many milliseconds, and the longest pause between two.
const frames = ms => new Promise(done => {
    const begun = performance.now();
    let count = 0, last = begun, longest = 0;
    (function step(now) {
        count++;
        longest = Math.max(longest, now - last);
        last = now;
        if (now - begun < ms)
            requestAnimationFrame(step);
        else
            done({per_s: count / (now - begun) * 1000, longest_ms: longest});
    })(begun);
});

// How long a publication takes from who publishes by HTTP to a script in the browser, in milliseconds, the shortest first.
async function delays(page) {
    await page.goto(url + "/");
    await page.evaluate(() => {
        window.delays = [];
        (async () => {
            const response = await fetch("/api/v1/events?topics=probe.tick"), reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            for (let text = "", part; !(part = await reader.read()).done;) {
                const now = Date.now();
                text += part.value;
                for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
                    const data = text.slice(0, end).split("\n").find(line => line.startsWith("data: "));
                    if (data)
                        window.delays.push(now - JSON.parse(data.slice(6)).content.at);
                }
            }
        })();
    });
    const headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"};
    for (let tries = 0; tries < 10 * PROBES && await page.evaluate(() => window.delays.length) < PROBES; tries++)
        await page.request.post(url + "/api/v1/topics/probe.tick", {headers, data: {content: {at: Date.now()}}});
    return page.evaluate(() => window.delays.sort((a, b) => a - b));
}

(async () => {
    const browser = await chromium.launch({executablePath: process.env.TROUPE_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--js-flags=--expose-gc", "--enable-precise-memory-info"]});
    const usable = [];
    for (let i = 0; i < 5; i++) { // each with nothing kept of the one before
        const fresh = await browser.newContext({viewport: {width: 1280, height: 820}}), first = await fresh.newPage(), begun = Date.now();
        await first.goto(url + "/");
        await first.locator("#view-overview[data-ready]").waitFor();
        usable.push(Date.now() - begun);
        await fresh.close();
    }
    const page = await browser.newPage({viewport: {width: 1280, height: 820}}), out = {};
    page.setDefaultTimeout(60000);
    const heap = () => page.evaluate(() => {
        gc();
        return performance.memory.usedJSHeapSize;
    });
    const late = await delays(page);
    for (const view of ["overview", "topics", "agents"]) {
        await page.goto(`${url}/#${view}`);
        await page.locator(`#view-${view}[data-ready]`).waitFor();
        await page.waitForTimeout(3000); // it has what it keeps
        const first = await page.evaluate(told[view]), begun = Date.now(), before = await heap(), drawn = await page.evaluate(frames, seconds * 1000), after = await heap();
        out[view] = {...drawn, before, after, nodes: await page.evaluate(() => document.querySelectorAll("*").length), first, told: await page.evaluate(told[view]), took_s: (Date.now() - begun) / 1000,
            rates: view === "overview" ? await page.evaluate(onTopics) : ""};
    }
    await browser.close();
    console.log(JSON.stringify({views: out, usable: usable.sort((a, b) => a - b), late}));
})().catch(error => {
    console.error(error.message);
    process.exit(1);
});

// The page under load: node page_load.js URL SECONDS. Prints one line of JSON for each view: frames a second, and the heap before and after.
const {chromium} = require("playwright-core");
const [url, seconds] = process.argv.slice(2);

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
    for (const view of ["overview", "topics", "agents"]) {
        await page.goto(`${url}/#${view}`);
        await page.locator(`#view-${view}[data-ready]`).waitFor();
        await page.waitForTimeout(3000); // it has what it keeps
        const first = await page.evaluate(told[view]), begun = Date.now(), before = await heap(), drawn = await page.evaluate(frames, seconds * 1000), after = await heap();
        out[view] = {...drawn, before, after, nodes: await page.evaluate(() => document.querySelectorAll("*").length), first, told: await page.evaluate(told[view]), took_s: (Date.now() - begun) / 1000,
            rates: view === "overview" ? await page.evaluate(onTopics) : ""};
    }
    await browser.close();
    console.log(JSON.stringify({views: out, usable: usable.sort((a, b) => a - b)}));
})().catch(error => {
    console.error(error.message);
    process.exit(1);
});

// The page under load: node page_load.js URL SECONDS. Prints one line of JSON for each view: frames a second, and the heap before and after.
const {chromium} = require("playwright-core");
const [url, seconds] = process.argv.slice(2);

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
        const before = await heap(), drawn = await page.evaluate(frames, seconds * 1000), after = await heap();
        const told = view === "topics" ? await page.locator("#view-topics [role=status]").first().textContent() : await page.locator(view === "agents" ? "#view-agents [role=status]" : "#view-overview .tiles").textContent();
        out[view] = {...drawn, before, after, nodes: await page.evaluate(() => document.querySelectorAll("*").length), told};
    }
    await browser.close();
    console.log(JSON.stringify(out));
})().catch(error => {
    console.error(error.message);
    process.exit(1);
});

// The page of the gateway in a browser: node page.js URL TOKEN SCREENSHOTS. Prints one line of JSON with what it saw.
const {chromium} = require("playwright-core");
const [url, token, place] = process.argv.slice(2);
(async () => {
    const browser = await chromium.launch({executablePath: process.env.TROUPE_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"]});
    const page = await browser.newPage({viewport: {width: 1200, height: 800}, colorScheme: "light"}), out = {errors: []};
    page.setDefaultTimeout(15000);
    page.on("pageerror", error => out.errors.push(String(error)));
    page.on("console", message => message.type() === "error" && out.errors.push(message.text()));
    const shot = name => page.screenshot({path: `${place}/${name}.png`});
    const begun = Date.now();
    await page.goto(url + "/");
    await page.locator("#agents tr:has-text('assistant@local')").waitFor();
    out.usable_ms = Date.now() - begun;
    out.link = await page.locator("#link").textContent();
    await shot("agents-light");

    await page.keyboard.press("Tab");
    out.first_focus = await page.evaluate(() => document.activeElement.className);
    await page.locator("#token").click();
    await page.locator("#token-text").fill(token);
    await page.locator("#token-dialog button[value=save]").click();

    await page.locator("nav a[href='#topics']").click();
    await page.locator("#tap-pattern").fill("news.*");
    await page.locator("#tap-form button").click();
    const headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"};
    const markup = "<img src=x onerror=document.title='broken'>";
    for (let tries = 0; !(await page.locator("#tap li").count()) && tries < 100; tries++) {
        await page.request.post(url + "/api/v1/topics/news.a", {headers, data: {content: {text: markup}}});
        await page.waitForTimeout(100);
    }
    out.tap = await page.locator("#tap li").first().textContent();
    out.title = await page.title();
    await page.locator("#topics tr:has-text('news.a')").waitFor();
    await shot("topics-light");

    await page.locator("nav a[href='#tasks']").click();
    const task = (await (await page.request.post(url + "/api/v1/tasks", {headers, data: {skills: ["work"], approval: true, description: "paint the fence"}})).json()).tasks[0].task;
    const line = page.locator(`#tasks tr:has-text('${task}')`);
    await line.locator(".state:has-text('waiting_approval')").waitFor();
    await shot("tasks-light");
    await line.getByRole("button", {name: "Approve"}).click();
    await line.locator(".state:has-text('pending')").waitFor();
    await line.getByRole("button", {name: "Cancel"}).click();
    await line.locator(".state:has-text('cancelled')").waitFor();
    out.task = "cancelled";

    await page.locator("nav a[href='#chat']").click();
    await page.locator("#chat-text").fill("hello, my name is Ann");
    await page.keyboard.press("Enter");
    await page.locator("#talk li").nth(1).and(page.locator(":not(.waits)")).waitFor();
    out.reply = await page.locator("#talk li").nth(1).textContent();
    await shot("chat-light");
    await page.locator("#theme").click();
    out.dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await shot("chat-dark");

    await page.setViewportSize({width: 375, height: 720});
    await page.locator("nav a[href='#agents']").click();
    await page.locator("#agents tr:has-text('assistant@local')").waitFor();
    out.phone_overflow = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    await shot("agents-phone-dark");
    await browser.close();
    console.log(JSON.stringify(out));
})().catch(error => { console.error(error); process.exit(1); });

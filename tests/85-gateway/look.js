// What is wrong with how a page looks: kept in `seen`, beside what else a test sees.
const seen = {errors: [], overflow: [], unnamed: [], faint: []};

// What a person sees badly: text whose contrast with what is behind it is below that of WCAG 2 AA.
function faint() {
    const channel = c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    const parse = text => (text.match(/[\d.]+/g) || []).map(Number), light = ([r, g, b]) => .2126 * channel(r / 255) + .7152 * channel(g / 255) + .0722 * channel(b / 255);
    const found = new Set(), walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
        if (!text || !element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) || element.closest(".hide, :disabled, option, noscript, .skip"))
            continue;
        let behind = element, colour = [];
        while (behind && ((colour = parse(getComputedStyle(behind).backgroundColor)).length === 4 && colour[3] < 1))
            behind = behind.parentElement;
        const style = getComputedStyle(element), a = light(parse(element instanceof SVGElement ? style.fill : style.color)), b = light(behind ? colour : [255, 255, 255]);
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
        if (ratio < (large ? 3 : 4.5))
            found.add(`${text.slice(0, 30)} ${ratio.toFixed(2)}`);
    }
    return [...found];
}

// What a screen reader has no name for.
const unnamed = () => [...document.querySelectorAll("button, input, select, textarea, a[href], [role=region], [role=img], dialog")].filter(one => one.checkVisibility() && !(one.getAttribute("aria-label") || one.getAttribute("aria-labelledby")
    || one.labels?.length || one.textContent.trim())).map(one => one.outerHTML.slice(0, 120));

async function look(page, name, place) {
    seen.unnamed.push(...await page.evaluate(unnamed));
    seen.faint.push(...(await page.evaluate(faint)).map(text => `${name}: ${text}`));
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth))
        seen.overflow.push(name);
    await page.screenshot({path: `${place}/${name}.png`});
}

module.exports = {look, seen};

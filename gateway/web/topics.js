// What is published, and a tap on it: so many a second as a person can read, the rest is counted.
import {h, put, card, table, keyed, number, empty, clock} from "./dom.js";
import {get, post, feed, part, prefs} from "./api.js";

const TAP_MAX = 200, SHOWN = 100;

export async function show(root, frame) {
    const list = table([["Topic"], ["A second", "n"], ["Messages", "n"], ["Subscribers", "n"]], "Topics"), none = h("div"), cut = h("p", {class: "dim", role: "status"});
    list.body.id = "topics";
    const pattern = h("input", {id: "tap-pattern", value: ">", autocomplete: "off", spellcheck: "false", "aria-label": "Pattern to watch: * is any one part, > the rest"});
    const tap = h("ol", {class: "tap", id: "tap", "aria-label": "Publications, the newest first"}), told = h("span", {class: "dim", role: "status"});
    const pause = h("button", {type: "button", "aria-pressed": "false"}, "Pause");
    const topic = h("input", {placeholder: "news.today", required: true}), content = h("textarea", {rows: 3, placeholder: "a text, or JSON"});
    let stop = () => {}, seen = 0, skipped = 0, waiting = [], frameAsked = 0;

    const form = h("form", {id: "tap-form", class: "row bar", onsubmit: event => {
        event.preventDefault();
        watch();
    }}, h("span", {class: "grow"}, pattern), h("button", {}, "Watch"), pause);
    const publish = h("form", {onsubmit: event => {
        event.preventDefault();
        let value = content.value;
        try {
            value = JSON.parse(value);
        } catch { /* a text */ }
        frame.act(event.submitter, () => post(`/api/v1/topics/${part(topic.value)}`, {content: value}), `Published on ${topic.value}`);
    }}, h("label", {class: "field"}, "Topic", topic), h("label", {class: "field"}, "Content", content), h("button", {class: "primary"}, "Publish"));
    root.append(h("div", {class: "grid"}, card("Tap", form, told, tap), h("div", {}, card("Topics", list.node, cut, none), card("Publish", publish))));

    // At most once for each picture that the screen shows.
    function paint() {
        frameAsked = 0;
        const fresh = waiting.reverse().slice(0, TAP_MAX).map(({topic: name, content: what, at}) => {
            const text = typeof what === "string" ? what : JSON.stringify(what ?? null);
            return h("li", {}, h("time", {}, clock(at)), h("span", {}, h("b", {}, name), " ", text.length > 400 ? text.slice(0, 400) + "\u2026" : text));
        });
        waiting = [];
        tap.prepend(...fresh);
        while (tap.children.length > TAP_MAX)
            tap.lastChild.remove();
        told.textContent = `${number(seen)} came${skipped ? `, ${number(skipped)} more went by` : ""}`;
    }

    function watch() {
        stop();
        seen = skipped = 0;
        waiting = [];
        put(tap);
        told.textContent = "Waiting for something to be published.";
        stop = feed(pattern.value || ">", (data, event) => {
            if (event === "skipped")
                skipped += data.skipped;
            else if (event === "gap")
                skipped += data.missed;
            else if (pause.getAttribute("aria-pressed") !== "true") {
                seen++;
                waiting.push({...data, at: Date.now()});
                if (waiting.length > TAP_MAX)
                    waiting.shift();
            }
            frameAsked ||= requestAnimationFrame(paint);
        }, {perSecond: prefs.get("tap"), onState: state => state === "live" || frame.say(new Error(`The tap: ${state}`))});
    }
    pause.onclick = () => {
        const paused = pause.getAttribute("aria-pressed") !== "true";
        pause.setAttribute("aria-pressed", String(paused));
        pause.textContent = paused ? "Go on" : "Pause";
    };
    const draw = keyed(list.body, one => one.topic, one => {
        const cells = [h("td", {class: "n"}), h("td", {class: "n"}), h("td", {class: "n"})];
        return {node: h("tr", {}, h("th", {scope: "row"}, h("button", {type: "button", class: "link", onclick: () => {
            pattern.value = one.topic;
            watch();
        }}, one.topic)), cells), update: now => [now.per_s.toFixed(1), number(now.messages), number(now.subscribers)].forEach((text, i) => cells[i].textContent = text)};
    });
    watch();
    return {every: 2000, leave: () => stop(), async refresh() {
        const {topics} = await get("/api/v1/topics");
        topics.sort((a, b) => b.per_s - a.per_s || a.topic.startsWith("$") - b.topic.startsWith("$") || (a.topic < b.topic ? -1 : 1)); // the platform's own come last
        draw(topics.slice(0, SHOWN));
        cut.textContent = topics.length > SHOWN ? `The busiest ${SHOWN} of ${number(topics.length)} are shown.` : "";
        list.node.hidden = !topics.length;
        put(none, topics.length ? [] : empty("Nothing was published yet", "Agents publish on topics; whoever subscribes to them hears it."));
    }};
}

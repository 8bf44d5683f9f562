// A talk with an agent: text, speech and images; replies as they are made, spoken if wanted; where they come from, and what was done for them.
import {h, put, empty, loading, bare, code, words, number} from "./dom.js";
import {icon} from "./icons.js";
import {get, post, remove, request, events, headers, part, paths, prefs, talks, user, you, newTrace, Problem} from "./api.js";
import {tree, sumUp} from "./draw.js";

const KEPT = 100, IMAGE_SIDE = 1024, IMAGE_BYTES = 20 << 20, SPOKEN_MS = 120000, SAID = 1500;
const starters = ["hello, my name is Ann", "search for the harbour", "what is the status of the tasks?", "decide between tea and coffee", "prepare the slides by Monday, urgent"];

// ---- what is kept in this browser ----

// A turn belongs to who began it: it is not kept where he has signed out meanwhile.
function keep(person, agent, turn) {
    if (person !== you.name)
        return;
    try {
        talks.keep(person, agent, [...talks.of(person, agent), turn].slice(-KEPT));
    } catch { /* no room: the talk goes on unkept */ }
}

// ---- images and speech ----

// An image as large as a model needs it, as a data URL.
async function shrink(file) {
    if (!file.type.startsWith("image/") || file.size > IMAGE_BYTES)
        throw new Problem("Only images of up to 20 MiB can be shown to an agent.");
    const bitmap = await createImageBitmap(file).catch(() => {
        throw new Problem("This file is no image that the browser can read.");
    });
    const scale = Math.min(1, IMAGE_SIDE / Math.max(bitmap.width, bitmap.height)), canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", .85);
}

async function transcribe(blob) {
    if (!blob.size)
        throw new Problem("Nothing was recorded: is the microphone muted?");
    const form = new FormData();
    form.append("file", blob, blob.type.includes("webm") ? "speech.webm" : "speech.ogg");
    form.append("model", "default");
    const {text} = await (await request("/v1/audio/transcriptions", {method: "POST", headers: headers(), body: form})).json();
    if (!text.trim())
        throw new Problem("No words were heard: speak nearer to the microphone.");
    return text;
}

// A reply in parts of some sentences: the first one is heard before the others are made.
function partsOf(text) {
    const parts = [""];
    for (const sentence of text.match(/[^.!?\n]+[.!?\n]*\s*|[.!?\n]+\s*/g) || [])
        for (let at = 0; at < sentence.length; at += SAID) {
            const piece = sentence.slice(at, at + SAID);
            if ((parts.at(-1) + piece).length > SAID)
                parts.push("");
            parts[parts.length - 1] += piece;
        }
    return parts.filter(part => part.trim());
}

async function play(text, mine) {
    const response = await request("/v1/audio/speech", {method: "POST", headers: headers({"Content-Type": "application/json"}), body: JSON.stringify({model: "default", input: text, voice: "default"}), signal: mine.stop.signal});
    const audio = new Audio(URL.createObjectURL(await response.blob()));
    mine.audio = audio;
    await new Promise((go, fail) => {
        audio.onended = audio.onpause = go;
        audio.onerror = () => fail(new Problem("This browser cannot play what was spoken."));
        mine.stop.signal.addEventListener("abort", () => audio.pause());
        audio.play().catch(fail);
    }).finally(() => URL.revokeObjectURL(audio.src));
}

let playing = null; // what is spoken now: {stop, audio}
const hush = () => {
    playing?.stop.abort();
    playing = null;
    globalThis.speechSynthesis?.cancel();
};

// By the gateway; where that has no voice, by the browser.
async function say(text, offered) {
    hush();
    const mine = playing = {stop: new AbortController()};
    try {
        if (!offered["/v1/audio/speech"])
            throw new Problem("The gateway has no voice.", 503);
        for (const part of partsOf(text))
            if (playing === mine)
                await play(part, mine);
    } catch (error) {
        if (error.name === "AbortError")
            return;
        if (error.status !== 503 || !globalThis.speechSynthesis?.getVoices().length)
            throw error.status === 503 ? new Problem(`Neither the gateway nor this browser has a voice. ${error.message}`, 503) : error;
        speechSynthesis.speak(new SpeechSynthesisUtterance(text));
    }
}

// Who reads what a thumb keeps.
const READERS = "Your question, this answer and your remark are kept. Admins and programs of operators read them; a good answer is an example for the agent when it talks with you, and with others when an admin says so.";

// ---- where a reply comes from ----

function sourcesOf(answer) {
    const list = answer?.results || answer?.evidence || answer?.citations || [];
    return Array.isArray(list) ? list.map(one => ({title: one.title || one.id || one.document || one.task || one.tool || one.source || "source", where: one.heading || one.source || "",
        text: one.text || one.quote || "", })).filter(one => one.text || one.title) : [];
}

function showWork(turn) {
    const body = h("div", {}, loading(2)), summary = h("summary", {}, "What was done for this");
    async function load() {
        try {
            const {spans} = await get(`/api/v1/traces/${turn.trace}`);
            summary.textContent = spans.length ? `What was done for this: ${sumUp(spans)}` : "What was done for this";
            put(body, turn.last?.action && h("p", {}, "Understood as ", h("b", {}, words(turn.last.action)), turn.last.to && [", asked of ", h("b", {}, turn.last.to)], "."), tree(spans),
                h("p", {}, h("a", {href: `#traces/${turn.trace}`}, "As a sequence diagram")), turn.last?.asked && h("details", {}, h("summary", {}, "What was asked, and answered"), code({asked: turn.last.asked, answer: turn.last.answer})));
        } catch (error) {
            put(body, h("p", {class: "bad"}, error.message));
        }
    }
    return h("details", {ontoggle: event => event.target.open && load()}, summary, body);
}

export async function show(root, frame) {
    const offered = await paths();
    const agent = h("input", {id: "chat-agent", value: prefs.get("agent") || "assistant", list: "chat-agents", autocomplete: "off", spellcheck: "false", "aria-label": "Agent to talk with"}), agents = h("datalist", {id: "chat-agents"});
    const talk = h("ol", {id: "talk", "aria-label": "The talk", "aria-live": "polite", "aria-relevant": "additions"}), hello = h("div");
    const text = h("textarea", {id: "chat-text", rows: 1, placeholder: "Say something", "aria-label": "What you say"}), thumb = h("div", {class: "thumb", hidden: true});
    const file = h("input", {type: "file", accept: "image/*", id: "chat-file", hidden: true}), mic = h("button", {type: "button", class: "icon", id: "chat-mic", "aria-pressed": "false", "aria-label": "Speak"}, icon("mic"));
    const speak = h("button", {type: "button", class: "icon", id: "chat-speak", "aria-label": "Speak replies", "aria-pressed": String(prefs.get("speak"))}, icon("speak"));
    const send = h("button", {class: "primary", "aria-label": "Send"}, icon("send"));
    let image = null, recorder = null, busy = null;

    if (!offered["/v1/audio/transcriptions"] || !navigator.mediaDevices) {
        mic.disabled = true;
        mic.title = navigator.mediaDevices ? "This gateway cannot turn speech into text." : "The browser gives the microphone to pages of HTTPS and of this machine only.";
    }

    // ---- bubbles ----

    function rate(turn, node) {
        const comment = h("input", {placeholder: "What was wrong?", "aria-label": "What was wrong", class: "grow"}), more = h("form", {class: "row", hidden: true}, comment, h("button", {class: "small"}, "Keep"));
        const mark = (label, name) => h("button", {type: "button", class: "icon", title: READERS, "aria-pressed": "false", "aria-label": label, "aria-description": READERS}, icon(name));
        const buttons = [mark("A good answer", "up"), mark("A poor answer", "down")];
        async function keepIt(good, why) {
            const done = await frame.act(buttons[good ? 0 : 1], () => post("/api/v1/feedback", {rating: good ? "good" : "bad", question: turn.asked, answer: turn.text, remark: why, agent: turn.agent, user: user(), trace: turn.trace}), "Kept as feedback");
            if (done)
                buttons.forEach((button, i) => button.setAttribute("aria-pressed", String((i === 0) === good)));
        }
        buttons[0].onclick = () => keepIt(true, "");
        buttons[1].onclick = () => {
            more.hidden = false;
            comment.focus();
            keepIt(false, "");
        };
        more.onsubmit = event => {
            event.preventDefault();
            more.hidden = true;
            keepIt(false, comment.value);
        };
        node.append(...buttons, h("span", {class: "readers", title: READERS}, "seen by admins"), more);
    }

    function under(turn) {
        const node = h("div", {class: "under"}), sources = sourcesOf(turn.last?.answer);
        rate(turn, node);
        if (turn.seen?.length)
            node.append(h("details", {class: "seen"}, h("summary", {}, turn.seen.length === 1 ? "What was seen" : `What was seen in ${number(turn.seen.length)} images`),
                turn.seen.map(one => h("div", {class: "source"}, one.text, one.by && h("span", {class: "dim"}, ` Seen by ${one.by}.`)))));
        node.append(h("button", {type: "button", class: "icon", "aria-label": "Speak this", onclick: () => say(turn.text, offered).catch(error => frame.toast(error.message, "bad"))}, icon("speak")));
        if (sources.length)
            node.append(h("details", {class: "sources"}, h("summary", {}, sources.length === 1 ? "1 source" : `${number(sources.length)} sources`),
                sources.slice(0, 10).map(one => h("div", {class: "source"}, h("b", {}, one.title), one.where && h("span", {class: "dim"}, one.where + " "), one.text.slice(0, 400)))));
        node.append(showWork(turn));
        return node;
    }

    function bubble(turn) {
        const said = h("div", {class: "bubble"}, turn.image && h("img", {src: turn.image, alt: "The image that was sent"}), turn.text), node = h("li", {class: turn.mine ? "mine" : turn.failed ? "failed" : ""},
            h("span", {class: "hide"}, turn.mine ? "You: " : `${turn.agent}: `), said);
        if (!turn.mine && !turn.failed && !turn.waits)
            node.append(under(turn));
        put(hello);
        talk.append(node);
        node.scrollIntoView({block: "end"});
        return {node, said};
    }

    function begin() {
        const turns = talks.of(you.name, agent.value);
        put(talk);
        put(hello);
        if (!turns.length)
            put(hello, empty(`Talk with ${bare(agent.value)}`, "Ask, or tell it to do something. It remembers you by the name in the settings.", h("div", {class: "starters"},
                starters.map(one => h("button", {type: "button", onclick: () => sendIt(one)}, one)))));
        turns.forEach(bubble);
    }

    // ---- a turn ----

    async function stream(turn, body, said) {
        busy = new AbortController();
        for await (const event of events("/v1/chat/completions", {method: "POST", headers: headers({"Content-Type": "application/json"}), body: JSON.stringify(body), signal: busy.signal})) {
            if (event.data === "[DONE]")
                return;
            const data = JSON.parse(event.data);
            if (data.error)
                throw new Problem(data.error.message);
            turn.seen ||= data.seen;
            turn.text += data.choices[0].delta.content || "";
            said.textContent = turn.text;
            said.scrollIntoView({block: "end"});
        }
    }

    async function sendIt(words) {
        const name = agent.value.trim() || "assistant", person = you.name, me = user(), {trace, traceparent} = newTrace(), picture = image;
        showImage(null);
        const content = picture ? [{type: "text", text: words || "What is in this picture?"}, {type: "image_url", image_url: {url: picture}}] : words;
        bubble({mine: true, text: words, image: picture});
        keep(person, name, {mine: true, text: words});
        const turn = {agent: name, asked: words, text: "", trace, at: Date.now(), waits: true}, {node, said} = bubble(turn);
        node.className = "waits";
        send.disabled = true;
        try {
            await stream(turn, {model: name, stream: true, user: me, traceparent, messages: [{role: "user", content}]}, said);
            turn.last = await get(`/api/v1/sessions/${part(name)}/${part(me)}`).then(session => session.last, () => null);
            if (turn.last && JSON.stringify(turn.last).length > 20000)
                turn.last = {action: turn.last.action, to: turn.last.to};
            delete turn.waits;
            node.className = "";
            node.append(under(turn));
            keep(person, name, turn);
            if (speak.getAttribute("aria-pressed") === "true")
                say(turn.text, offered).catch(error => frame.toast(error.message, "bad"));
        } catch (error) {
            node.className = "failed";
            said.textContent = turn.text + (turn.text ? "\n" : "") + error.message;
            if (error.status === 401)
                frame.signIn();
        }
        busy = null;
        send.disabled = false;
        node.scrollIntoView({block: "end"});
    }

    // ---- what is put in ----

    function showImage(data) {
        image = data;
        thumb.hidden = !data;
        put(thumb, data ? [h("img", {src: data, alt: "The image that will be sent"}), h("button", {type: "button", class: "small", onclick: () => showImage(null)}, "Remove")] : []);
    }

    const attach = one => one && shrink(one).then(showImage).then(() => text.focus(), error => frame.toast(error.message, "bad"));

    async function record() {
        if (recorder)
            return recorder.stop();
        try {
            const stream = await navigator.mediaDevices.getUserMedia({audio: true}), pieces = [];
            hush(); // it would hear itself
            recorder = new MediaRecorder(stream);
            const long = setTimeout(() => recorder?.stop(), SPOKEN_MS);
            recorder.ondataavailable = event => pieces.push(event.data);
            recorder.onstop = async () => {
                clearTimeout(long);
                stream.getTracks().forEach(track => track.stop());
                const blob = new Blob(pieces, {type: recorder.mimeType});
                recorder = null;
                listening(false);
                mic.disabled = true;
                mic.setAttribute("aria-busy", "true");
                mic.setAttribute("aria-label", "What was said is written down");
                try {
                    text.value = `${text.value} ${await transcribe(blob)}`.trim();
                    text.focus();
                } catch (error) {
                    frame.toast(error.message, "bad");
                }
                mic.disabled = false;
                mic.removeAttribute("aria-busy");
                listening(false);
            };
            recorder.start();
            listening(true);
        } catch (error) {
            frame.toast(`No microphone: ${error.message}`, "bad");
        }
        return undefined;
    }

    function listening(on) {
        mic.setAttribute("aria-pressed", String(on));
        mic.setAttribute("aria-label", on ? "Stop and write down" : "Speak");
        mic.classList.toggle("recording", on);
        put(mic, icon(on ? "stop" : "mic"));
    }

    const form = h("form", {id: "chat-form", onsubmit: event => {
        event.preventDefault();
        const words = text.value.trim();
        if (busy || (!words && !image))
            return;
        text.value = "";
        text.style.height = "";
        sendIt(words);
    }}, h("button", {type: "button", class: "icon", "aria-label": "Add an image", onclick: () => file.click()}, icon("image")), mic, text, speak, send);
    root.append(h("div", {class: "row bar"}, h("label", {class: "row"}, h("span", {class: "dim"}, "With"), agent), agents, h("span", {class: "grow"}),
        h("button", {type: "button", class: "icon", "aria-label": "Begin anew: the agent forgets this talk", title: "Begin anew", onclick: event => {
            talks.remove(you.name, agent.value);
            begin();
            frame.act(event.currentTarget, () => remove(`/api/v1/sessions/${part(agent.value)}/${part(user())}`), "Forgotten");
        }}, icon("clear"))), hello, talk, h("div", {class: "composer"}, thumb, file, form));
    text.oninput = () => {
        text.style.height = "auto";
        text.style.height = `${Math.min(text.scrollHeight, 190)}px`;
    };
    text.onkeydown = event => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            form.requestSubmit();
        }
    };
    text.onpaste = event => attach([...event.clipboardData.files].find(one => one.type.startsWith("image/")));
    file.onchange = () => {
        attach(file.files[0]);
        file.value = "";
    };
    mic.onclick = record;
    speak.onclick = () => {
        const on = speak.getAttribute("aria-pressed") !== "true";
        speak.setAttribute("aria-pressed", String(on));
        prefs.set("speak", on);
        if (!on)
            hush();
    };
    agent.onchange = () => {
        prefs.set("agent", agent.value);
        begin();
    };
    get("/api/v1/agents?max-results=200").then(({agents: list}) => put(agents, list.map(one => h("option", {value: bare(one.name)}))), () => {});
    begin();
    setTimeout(() => text.focus(), 0);
    return {leave() {
        busy?.abort();
        recorder?.stop();
        hush();
    }};
}

// Tasks: a board, when each was worked at, which need which, and all of one.
import {h, put, pill, kindOf, empty, tabs, keyed, drawer, loading, failure, older, ago, moment, clock, bare, code, number, words, took} from "./dom.js";
import {get, post, part, list as pages} from "./api.js";
import {graph} from "./draw.js";

const lanes = [["Waits for a yes", ["waiting_approval"]], ["Pending", ["pending"]], ["In work", ["assigned", "in_progress"]], ["Done", ["completed"]], ["Failed", ["failed", "cancelled"]]];
const OPEN = ["waiting_approval", "pending", "assigned", "in_progress"], ROWS = 60;
const sumOf = (numbers, states) => states.reduce((sum, state) => sum + (numbers[state] || 0), 0);
const titleOf = task => task.description || task.task;

function buttons(task, frame, again) {
    const one = (action, text, kind) => h("button", {type: "button", class: `small ${kind}`, "aria-label": `${text} ${titleOf(task)}`,
        onclick: event => frame.act(event.currentTarget, () => post(`/api/v1/tasks/${part(task.task)}/${action}`), `${titleOf(task)}: ${action}`).then(done => done && again?.())}, text);
    return [task.state === "waiting_approval" && one("approve", "Approve", "primary"), OPEN.includes(task.state) && one("cancel", "Cancel", ""), ["failed", "cancelled"].includes(task.state) && one("retry", "Retry", "")].filter(Boolean);
}

async function details(id, frame) {
    const {body} = drawer(id, loading());
    async function load() {
        try {
            const task = await get(`/api/v1/tasks/${part(id)}`), trace = task.trace?.split("-")[1];
            put(body, h("div", {class: "row bar"}, pill(task.state), buttons(task, frame, load)), h("p", {}, titleOf(task)), task.reason && h("p", {class: "bad"}, task.reason),
                h("dl", {class: "facts"}, [["Agent", task.agent && bare(task.agent)], ["Skills", task.skills?.join(", ")], ["Needs", task.needs?.join(", ")], ["Priority", String(task.priority)], ["Tries", `${task.tries} of ${task["tries-max"]}`],
                    ["Progress", task.progress && `${Math.round(task.progress * 100)} %`], ["Spent", task.spent && JSON.stringify(task.spent)], ["Since", moment(task.created_ms)], ["Changed", ago(task.changed_ms)]].filter(([, value]) => value).map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)])),
                trace && h("p", {}, h("a", {href: `#traces/${trace}`}, "What was done for it")), task.input !== null && task.input !== undefined && [h("h3", {}, "Input"), code(task.input)],
                task.result !== null && task.result !== undefined && [h("h3", {}, "Result"), code(task.result)],
                h("h3", {}, "History"), h("ol", {class: "list"}, (task.history || []).map(one => h("li", {}, h("span", {class: "dim"}, clock(one.at_ms || one.time_ms)), " ", pill(one.state || one.event || one.what || ""), " ", one.agent ? bare(one.agent) : "", " ", one.reason || one.text || ""))));
        } catch (error) {
            put(body, failure(error, load));
        }
    }
    await load();
}

function submitForm(frame) {
    const fields = {description: h("input", {required: true, id: "task-description"}), skills: h("input", {required: true, id: "task-skills", placeholder: "search, write"}), input: h("textarea", {rows: 4, placeholder: "a text, or JSON"}),
        priority: h("input", {type: "number", min: 0, max: 9, value: "4"}), needs: h("input", {placeholder: "ids of tasks"}), approval: h("input", {type: "checkbox"})};
    const list = text => text.split(",").map(one => one.trim()).filter(Boolean);
    const {node} = drawer("A new task", h("form", {id: "task-form", onsubmit: event => {
        event.preventDefault();
        let input = fields.input.value;
        try {
            input = JSON.parse(input);
        } catch { /* a text */ }
        frame.act(event.submitter, () => post("/api/v1/tasks", {description: fields.description.value, skills: list(fields.skills.value), priority: Number(fields.priority.value), approval: fields.approval.checked,
            ...(input === "" ? {} : {input}), ...(fields.needs.value ? {needs: list(fields.needs.value)} : {})}), "Submitted").then(done => done && node.close());
    }}, h("label", {class: "field"}, "What is to be done", fields.description), h("label", {class: "field"}, "Services that its agent must offer, with commas between", fields.skills), h("label", {class: "field"}, "Input", fields.input),
    h("label", {class: "field"}, "Priority, 0 to 9", fields.priority), h("label", {class: "field"}, "Tasks that must be completed before", fields.needs), h("p", {}, h("label", {}, fields.approval, "A person has to approve it first")), h("button", {class: "primary"}, "Submit")));
}

// ---- the three ways of looking at them ----

function board(frame) {
    const columns = lanes.map(([title, states]) => {
        const list = h("ul"), count = h("span", {class: "dim"});
        const draw = keyed(list, task => task.task, task => {
            const state = h("span"), meta = h("div", {class: "meta"}), act = h("div", {class: "row"}), done = h("progress", {max: 1, "aria-label": "Progress"});
            let was = "";
            return {node: h("li", {class: "task", "data-task": task.task}, h("button", {type: "button", class: "link", onclick: () => details(task.task, frame)}, titleOf(task)), meta, done, h("div", {class: "row"}, state), act), update(now) {
                meta.textContent = [now.agent && bare(now.agent), ago(now.changed_ms), now.reason].filter(Boolean).join(" \u00b7 ");
                done.hidden = !(now.progress > 0) || !OPEN.includes(now.state);
                done.value = now.progress || 0;
                if (was !== now.state) {
                    put(state, pill(now.state));
                    put(act, buttons(now, frame));
                    act.hidden = !act.children.length;
                }
                was = now.state;
            }};
        });
        return {states, count, draw, node: h("section", {class: "column", "aria-label": title}, h("h2", {}, title, count), list)};
    });
    return {node: h("div", {class: "board", tabindex: "0", role: "region", "aria-label": "Board"}, columns.map(column => column.node)), draw(tasks, numbers) {
        for (const column of columns) {
            const mine = tasks.filter(task => column.states.includes(task.state));
            column.count.textContent = number(sumOf(numbers, column.states));
            column.draw(mine);
        }
    }};
}

function timeline(frame) {
    const node = h("div", {class: "card"});
    return {node, draw(tasks) {
        const shown = tasks.slice(0, ROWS).reverse(), end = Date.now(), begin = Math.min(...shown.map(task => task.created_ms)), whole = Math.max(1, end - begin);
        put(node, h("div", {class: "gantt"}, h("span", {class: "dim"}, took(whole)), h("div", {class: "axis"}, [0, .25, .5, .75, 1].map(at => h("span", {}, clock(begin + whole * at)))), shown.map(task => {
            const until = OPEN.includes(task.state) ? end : task.changed_ms;
            return [h("button", {type: "button", class: "link name", onclick: () => details(task.task, frame)}, titleOf(task)), h("div", {class: "lane", role: "img", "aria-label": `${words(task.state)}, ${took(until - task.created_ms)}`,
                title: `${words(task.state)}, ${took(until - task.created_ms)}`}, h("i", {style: {"--l": `${(task.created_ms - begin) / whole * 100}%`, "--w": `${(until - task.created_ms) / whole * 100}%`, "--c": `var(--${kindOf(task.state) || "dim"})`}}))];
        })));
    }};
}

function plan(frame) {
    const node = h("div", {class: "card"});
    let shown = "";
    return {node, draw(tasks) {
        const needed = new Set(tasks.flatMap(task => task.needs || [])), linked = tasks.filter(task => task.needs?.length || needed.has(task.task)).slice(0, ROWS).reverse();
        const text = JSON.stringify(linked.map(task => [task.task, task.state, task.agent]));
        if (text === shown)
            return;
        shown = text;
        put(node, linked.length ? graph(linked.map(task => ({id: task.task, title: titleOf(task), state: task.state, needs: task.needs, agent: task.agent})), kindOf, id => details(id, frame))
            : empty("No task needs another", "What a planner makes of a request is drawn here: which step waits for which."));
    }};
}

export async function show(root, frame, [first]) {
    const views = [board(frame), timeline(frame), plan(frame)], place = h("div"), none = h("div");
    let chosen = 0;
    const choose = tabs("How tasks are shown", ["Board", "Timeline", "Plan"], i => {
        chosen = i;
        put(place, views[i].node);
        frame.refresh();
    });
    root.append(h("div", {class: "row bar"}, choose.node, h("span", {class: "grow"}), h("button", {type: "button", class: "primary", id: "task-new", onclick: () => submitForm(frame)}, "New task")), place, none);
    put(place, views[0].node);
    if (first)
        details(first, frame);
    const rest = older(frame, 200);
    root.append(rest.node);
    return {every: 1500, async refresh() {
        const [{all: tasks, more}, numbers] = await Promise.all([pages("/api/v1/tasks", "tasks", rest.most), get("/api/v1/task_numbers")]);
        place.hidden = !tasks.length;
        rest.draw(tasks.length, more, sumOf(numbers, lanes.flatMap(([, states]) => states)));
        put(none, tasks.length ? [] : empty("There are no tasks", "A task is work that is done once, whoever dies. Submit one, or ask an assistant to do something."));
        if (tasks.length)
            views[chosen].draw(tasks, numbers);
    }};
}

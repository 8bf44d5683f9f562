// Questions to a group: what is voted on, who said what, and why it came out so.
import {h, put, pill, empty, card, keyed, drawer, loading, failure, older, ago, bare, number, words} from "./dom.js";
import {get, post, part, bound, you, list as pages} from "./api.js";

const METHODS = ["plurality", "approval", "score", "borda", "schulze"];

// What somebody said, as the coordinator counted it: marks are of the options that he is for, by how much.
function ballotText({said, marks, delegate}) {
    const list = Object.entries(marks || {}).sort((a, b) => b[1] - a[1]);
    if (delegate)
        return `gives the vote to ${bare(delegate)}`;
    return list.length ? list.map(([option, mark]) => mark === 1 ? option : `${option} (${Math.round(mark * 100) / 100})`).join(", ") : words(said || "has not voted");
}

function voteItem(vote) {
    const more = [vote.weight !== 1 && vote.weight !== undefined && `weight ${vote.weight}`, vote.confidence > 0 && `${Math.round(vote.confidence * 100)} % sure`, vote.by && `by ${vote.by}`].filter(Boolean).join(", ");
    return h("li", {}, h("b", {}, bare(vote.voter)), ": ", ballotText(vote), more && h("span", {class: "dim"}, ` (${more})`), vote.reason && h("div", {class: "dim"}, vote.reason), vote.fallback && h("div", {class: "dim"}, `Not by the usual mind: ${vote.fallback}`));
}

function results(decision) {
    const most = Math.max(1, ...decision.options.map(option => option.points || 0));
    return decision.options.map(option => h("div", {class: "ballot"}, h("div", {class: "label"}, h("span", {}, option.option === decision.winner ? h("b", {}, option.option, " \u2713") : option.option, option["in-play"] === false && h("span", {class: "dim"}, " (out)")),
        h("span", {class: "dim"}, option.support !== undefined ? `${Math.round(option.support)} %` : "")), h("div", {class: "track", "aria-hidden": "true"}, h("i", {style: {"--w": `${option.support ?? (option.points || 0) / most * 100}%`, "--c": option.option === decision.winner ? "var(--good)" : "var(--accent)"}}))));
}

function voteForm(decision, frame, again) {
    const name = h("input", {required: true, value: bound() ? you.name : "", readonly: bound(), placeholder: "your name, as a voter of it"}), choice = h("select", {}, decision.options.filter(option => option["in-play"] !== false).map(option => h("option", {}, option.option))), reason = h("input", {placeholder: "why"});
    return h("form", {onsubmit: event => {
        event.preventDefault();
        const ballot = decision.method === "approval" ? {approve: [choice.value]} : decision.method === "score" ? {scores: {[choice.value]: 10}} : ["borda", "schulze"].includes(decision.method) ? {ranking: [choice.value]} : {choice: choice.value};
        frame.act(event.submitter, () => post(`/api/v1/decisions/${part(decision.decision)}/vote`, {voter: `person:${name.value}`, ballot: {...ballot, ...(reason.value ? {reason: reason.value} : {})}}), "Voted").then(done => done && again());
    }}, h("h3", {}, "Your ballot"), h("div", {class: "row"}, h("span", {class: "grow"}, h("label", {class: "field"}, "person:", name)), h("span", {class: "grow"}, h("label", {class: "field"}, "For", choice))), h("label", {class: "field"}, "Reason", reason), h("button", {class: "primary"}, "Vote"));
}

function settleForm(decision, frame, again) {
    const choice = h("select", {"aria-label": "Option"}, decision.options.map(option => h("option", {}, option.option)));
    const act = (verb, body, text) => event => frame.act(event.currentTarget, () => post(`/api/v1/decisions/${part(decision.decision)}/${verb}`, body()), text).then(done => done && again());
    return h("div", {class: "row bar"}, decision.state === "waiting_person" && [choice, h("button", {type: "button", class: "primary", onclick: act("settle", () => ({option: choice.value}), "Settled")}, "Decide")],
        h("button", {type: "button", onclick: act("withdraw", () => ({}), "Withdrawn")}, "Withdraw"));
}

function newForm(frame) {
    const question = h("input", {required: true}), options = h("textarea", {rows: 3, required: true, placeholder: "one a line"}), voters = h("input", {required: true, value: "svc:voter"}), method = h("select", {}, METHODS.map(one => h("option", {}, one)));
    const lines = text => text.split(/[\n,]/).map(one => one.trim()).filter(Boolean);
    const {node} = drawer("A question to a group", h("form", {onsubmit: event => {
        event.preventDefault();
        frame.act(event.submitter, () => post("/api/v1/decisions", {question: question.value, options: lines(options.value), voters: lines(voters.value), method: method.value}), "Asked").then(done => done && node.close());
    }}, h("label", {class: "field"}, "Question", question), h("label", {class: "field"}, "Options, one a line", options), h("label", {class: "field"}, "Voters: names, svc:NAME, person:NAME", voters), h("label", {class: "field"}, "Method", method), h("button", {class: "primary"}, "Ask")));
}

export async function show(root, frame, [first]) {
    const list = h("ul", {class: "list pick"}), one = h("div", {class: "card"}, empty("Choose a decision", "Its ballots and its count are shown here.")), split = h("div", {class: "split"}, card("", list), one), none = h("div");
    let chosen = first, shown = "";
    root.append(h("div", {class: "row bar"}, h("span", {class: "grow"}), h("button", {type: "button", class: "primary", onclick: () => newForm(frame)}, "New question")), split, none);
    const rest = older(frame, 100);
    root.append(rest.node);

    async function load(force) {
        try {
            const decision = await get(`/api/v1/decisions/${part(chosen)}`), text = JSON.stringify([decision.changed_ms, decision.answered, decision.state]);
            if (text === shown && !force)
                return;
            shown = text;
            put(one, h("div", {class: "row bar"}, pill(decision.state), h("span", {class: "dim"}, `${words(decision.method)}, round ${decision.round} of ${decision.rounds}, ${ago(decision.changed_ms)}`)), h("h2", {}, decision.question), decision.why && h("p", {}, decision.why), results(decision),
                h("h3", {}, `Ballots: ${number(decision.voted ?? decision.answered)} of ${number(decision.voters?.length ?? decision.voters)}`), decision.secret ? h("p", {class: "dim"}, "The vote is secret.")
                    : decision.votes?.length ? h("ul", {class: "list"}, decision.votes.map(voteItem)) : h("p", {class: "dim"}, "Nobody has voted yet."),
                ["voting", "mediation", "waiting_person"].includes(decision.state) && [decision.state === "voting" && voteForm(decision, frame, () => load(true)), settleForm(decision, frame, () => load(true))]);
        } catch (error) {
            put(one, failure(error, () => load(true)));
        }
    }
    const draw = keyed(list, item => item.decision, item => {
        const state = h("span"), button = h("button", {type: "button", onclick: () => {
            chosen = item.decision;
            put(one, loading());
            load(true).then(frame.refresh);
        }}, h("b", {}, item.question), state);
        return {node: h("li", {}, button), update(now) {
            put(state, pill(now.state), " ", h("span", {class: "dim"}, now.winner ? `${now.winner} \u00b7 ` : "", ago(now.changed_ms)));
            if (now.decision === chosen)
                button.setAttribute("aria-current", "true");
            else
                button.removeAttribute("aria-current");
        }};
    });
    return {every: 2000, async refresh() {
        const {all: decisions, more} = await pages("/api/v1/decisions", "decisions", rest.most);
        rest.draw(decisions.length, more);
        split.hidden = !decisions.length;
        put(none, decisions.length ? [] : empty("Nothing was put to the vote", "A group of agents, of persons, or of both decides by votes. Ask it something."));
        if (!chosen && decisions.length)
            chosen = decisions[0].decision;
        draw(decisions);
        if (chosen)
            await load();
    }};
}

// Persistent, with many messages in work at once (--args '{"in_flight": 16}'): each is answered when it is done, and the id says which.
// A request {"ms": N} is agreed to, and answered after that time.
import readline from "node:readline";
import { setTimeout as after } from "node:timers/promises";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

async function handle({ id, performative, content }) {
    if (performative !== "request") return say({ id, done: true });
    if (!Number.isInteger(content?.ms)) {
        return say({ id, performative: "refuse", content: { reason: "missing-argument", detail: "ms" } });
    }
    say({ id, performative: "agree" });
    await after(content.ms);
    say({ id, content: { waited: content.ms } });
}

for await (const line of readline.createInterface({ input: process.stdin })) handle(JSON.parse(line));

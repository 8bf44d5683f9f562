// What the SDK of A2A sees of a gateway: node a2a_client.js BASE TOKEN BINDING; prints JSON.
const {ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory, RestTransportFactory} = require("@a2a-js/sdk/client");

const [, , base, token, binding] = process.argv;
const fetchImpl = (url, init) => fetch(url, {...init, headers: {...init?.headers, Authorization: "Bearer " + token}});
const message = (text, more) => ({message: {messageId: "m-" + text, role: 1, parts: [{content: {$case: "text", value: text}, mediaType: "text/plain",
    filename: "", metadata: undefined}], contextId: "", taskId: "", extensions: [], referenceTaskIds: [], metadata: undefined, ...more}, tenant: "",
    configuration: undefined, metadata: undefined});
const textOf = task => task.artifacts.flatMap(a => a.parts).filter(p => p.content.$case === "text").map(p => p.content.value).join("|");

(async () => {
    const {DefaultAgentCardResolver} = require("@a2a-js/sdk/client");
    const transport = binding === "JSONRPC" ? new JsonRpcTransportFactory({fetchImpl}) : new RestTransportFactory({fetchImpl});
    const factory = new ClientFactory({transports: [transport], cardResolver: new DefaultAgentCardResolver({fetchImpl})});
    const out = {};
    const client = await factory.createFromUrl(base + "/a2a/echo/", ".well-known/agent-card.json");
    const task = await client.sendMessage(message("hello"));
    out.task = {state: task.status.state, text: textOf(task), history: task.history.length};
    out.again = (await client.getTask({id: task.id, tenant: ""})).status.state;
    out.listed = (await client.listTasks({tenant: "", contextId: task.contextId, pageToken: "", status: 0})).tasks.map(t => t.id).includes(task.id);
    out.events = [];
    for await (const event of client.sendMessageStream(message("streamed")))
        out.events.push(event.payload ? event.payload.$case : event.kind || Object.keys(event));
    try {
        await client.cancelTask({id: task.id, tenant: "", metadata: undefined});
    } catch (error) {
        out.cancel = error.name;
    }
    try {
        await client.getTask({id: "none", tenant: ""});
    } catch (error) {
        out.missing = error.name;
    }
    const fleet = await factory.createFromUrl(base);
    const card = await fleet.getAgentCard();
    out.card = {name: card.name, skills: card.skills.map(s => s.id)};
    console.log(JSON.stringify(out));
})().catch(error => { console.error(error); process.exit(1); });

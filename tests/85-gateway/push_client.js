// Push notifications as the SDK of A2A asks for them: node push_client.js BASE TOKEN BINDING URL; the agent is busy meanwhile. Prints JSON.
const {ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory, RestTransportFactory} = require("@a2a-js/sdk/client");

const [, , base, token, binding, url] = process.argv;
const fetchImpl = (at, init) => fetch(at, {...init, headers: {...init?.headers, Authorization: "Bearer " + token}});
const push = more => ({tenant: "", id: "", taskId: "", url, token: "of-" + binding, authentication: undefined, ...more});
const request = {message: {messageId: "m1", role: 1, parts: [{content: {$case: "text", value: "hello"}, mediaType: "text/plain", filename: "", metadata: undefined}],
    contextId: "", taskId: "", extensions: [], referenceTaskIds: [], metadata: undefined}, tenant: "", metadata: undefined,
    configuration: {returnImmediately: true, acceptedOutputModes: [], taskPushNotificationConfig: push({id: "first"})}};

(async () => {
    const transport = binding === "JSONRPC" ? new JsonRpcTransportFactory({fetchImpl}) : new RestTransportFactory({fetchImpl});
    const factory = new ClientFactory({transports: [transport], cardResolver: new DefaultAgentCardResolver({fetchImpl})});
    const client = await factory.createFromUrl(base + "/a2a/echo/", ".well-known/agent-card.json");
    const task = await client.sendMessage(request);
    const made = await client.createTaskPushNotificationConfig(push({taskId: task.id, authentication: {scheme: "Bearer", credentials: "secret"}}));
    const got = await client.getTaskPushNotificationConfig({tenant: "", taskId: task.id, id: "first"});
    const before = await client.listTaskPushNotificationConfig({tenant: "", taskId: task.id, pageSize: 0, pageToken: ""});
    await client.deleteTaskPushNotificationConfig({tenant: "", taskId: task.id, id: "first"});
    const after = await client.listTaskPushNotificationConfig({tenant: "", taskId: task.id, pageSize: 0, pageToken: ""});
    console.log(JSON.stringify({task: task.id, made: made.id, got: got.id, before: before.configs.map(c => c.id), after: after.configs.map(c => c.id)}));
})().catch(error => { console.error(error); process.exit(1); });

// An agent of A2A by the SDK of npm: node a2a_server.js streams|plain; prints {"url"}, then what it was told to cancel.
// It answers "say TEXT" in pieces, "ask" by a question, "no" by a rejection, "wait" never; all else by data.
const express = require("express");
const {AgentEvent, DefaultRequestHandler, InMemoryTaskStore} = require("@a2a-js/sdk/server");
const {agentCardHandler, jsonRpcHandler, UserBuilder} = require("@a2a-js/sdk/server/express");

const SUBMITTED = 1, WORKING = 2, COMPLETED = 3, CANCELED = 5, INPUT_REQUIRED = 6, REJECTED = 7;
const part = content => ({content, mediaType: "", filename: "", metadata: undefined});
const text = value => part({$case: "text", value});
const message = (context, words) => words && {messageId: "m" + Math.random(), role: 2, parts: [text(words)], contextId: context.contextId, taskId: context.taskId,
    extensions: [], referenceTaskIds: [], metadata: undefined};

const waiting = new Map();

const executor = {
    async execute(context, bus) {
        const {taskId, contextId, userMessage, task} = context, first = userMessage.parts[0].content;
        const status = (state, words) => ({state, message: message(context, words), timestamp: undefined});
        const end = (state, words) => { bus.publish(AgentEvent.statusUpdate({taskId, contextId, status: status(state, words), metadata: undefined})); bus.finished(); };
        const artifact = (id, parts, append, lastChunk) => bus.publish(AgentEvent.artifactUpdate({taskId, contextId, append, lastChunk, metadata: undefined,
            artifact: {artifactId: id, name: id, description: "", parts, extensions: [], metadata: undefined}}));
        if (task)
            bus.publish(AgentEvent.task({...task, status: status(WORKING)}));
        else
            bus.publish(AgentEvent.task({id: taskId, contextId, status: status(SUBMITTED), artifacts: [], history: [userMessage], metadata: undefined}));
        const words = first.$case === "text" ? first.value : "";
        if (words === "wait")
            return new Promise(resolve => waiting.set(taskId, resolve));
        if (words === "no")
            return end(REJECTED, "not that");
        if (words === "ask")
            return end(INPUT_REQUIRED, "where?");
        if (words.startsWith("say "))
            words.slice(4).split(" ").forEach((word, i, all) => artifact("a", [text((i ? " " : "") + word)], i > 0, i === all.length - 1));
        else if (words)
            artifact("a", [text(`${words} of ${contextId}${task ? " again" : ""}`)], false, true);
        else
            artifact("a", [part({$case: "data", value: {got: first.value}})], false, true);
        end(COMPLETED);
    },
    async cancelTask(taskId, bus) {
        console.log(JSON.stringify({cancelled: taskId}));
        bus.publish(AgentEvent.statusUpdate({taskId, contextId: "", status: {state: CANCELED, message: undefined, timestamp: undefined}, metadata: undefined}));
        bus.finished();
        waiting.get(taskId)();
    },
};

const app = express(), server = app.listen(0, "127.0.0.1", () => {
    const base = `http://127.0.0.1:${server.address().port}`;
    const card = {name: "weatherman", description: "knows the weather", version: "3", provider: undefined, documentationUrl: "", iconUrl: "", signatures: [],
        supportedInterfaces: [{url: base + "/rpc", protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: ""}], securitySchemes: {}, securityRequirements: [],
        capabilities: {streaming: process.argv[2] === "streams", pushNotifications: false, extensions: [], extendedAgentCard: false},
        defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"],
        skills: [{id: "rain/today", name: "Rain", description: "says whether it rains", tags: ["weather"], examples: [], inputModes: [], outputModes: [], securityRequirements: []}]};
    const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
    app.use("/.well-known/agent-card.json", agentCardHandler({agentCardProvider: handler}));
    app.use("/rpc", (request, response, next) => request.headers.authorization === "Bearer key-of-theirs" ? next() : response.status(401).end());
    app.use("/rpc", jsonRpcHandler({requestHandler: handler, userBuilder: UserBuilder.noAuthentication}));
    console.log(JSON.stringify({url: base}));
});

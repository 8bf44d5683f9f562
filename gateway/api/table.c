/*
 * The routes. Where `to` and `action` are given, the handler tr_web_ask sends the fields to that agent under their own names, so a row is all
 * that such a route needs, and docs/protocol.md, docs/tasks.md, docs/deciding.md and docs/knowledge.md say what its fields and its answer
 * mean.
 */
#include "gateway/api/api.h"

#define FIELDS(...)                                                                                          \
    (const tr_web_field_t[]) {                                                                               \
        __VA_ARGS__, {                                                                                       \
            0                                                                                                \
        }                                                                                                    \
    }
#define PATH(name, help)                                                                                     \
    { name, TR_WEB_IN_PATH, TR_WEB_TEXT, true, help }
#define QUERY(name, type, help)                                                                              \
    { name, TR_WEB_IN_QUERY, TR_WEB_##type, false, help }
#define NEEDED_QUERY(name, type, help)                                                                       \
    { name, TR_WEB_IN_QUERY, TR_WEB_##type, true, help }
#define BODY(name, type, help)                                                                               \
    { name, TR_WEB_IN_BODY, TR_WEB_##type, false, help }
#define NEEDED(name, type, help)                                                                             \
    { name, TR_WEB_IN_BODY, TR_WEB_##type, true, help }
#define ASK(agent, what) .to = agent, .action = what, .handle = tr_web_ask

#define PAGE QUERY("max-results", INTEGER, "how many at most")

static const tr_web_route_t routes[] = {
    /* ---- the gateway ---- */
    {TR_WEB_GET, "/healthz", TR_WEB_ANYBODY, "health", "The process works", .type = "text/plain",
        .handle = tr_api_health},
    {TR_WEB_GET, "/readyz", TR_WEB_ANYBODY, "ready", "It has a link to its broker, and is not about to end",
        .type = "text/plain", .handle = tr_api_ready},
    {TR_WEB_GET, "/metrics", TR_WEB_VIEWER, "metrics", "What the gateway counts, as Prometheus reads it",
        .type = "text/plain", .handle = tr_api_metrics},
    {TR_WEB_GET, "/api/v1/openapi.json", TR_WEB_ANYBODY, "openapi", "This document",
        .handle = tr_api_document},
    {TR_WEB_GET, "/api/v1/system_status", TR_WEB_VIEWER, "system_status",
        "The gateway, the platform, its counters and its services", .handle = tr_api_status},

    {TR_WEB_GET, "/", TR_WEB_ANYBODY, "page", "The page for people", .type = "text/html",
        .handle = tr_api_page},
    {TR_WEB_GET, "/web/{file}", TR_WEB_ANYBODY, "pageFile", "What the page needs",
        FIELDS(PATH("file", "its name")), .type = "text/javascript", .handle = tr_api_file},

    /* ---- agents ---- */
    {TR_WEB_GET, "/api/v1/agents", TR_WEB_VIEWER, "listAgents", "The agents that are registered",
        FIELDS(QUERY("name", TEXT, "the one of this name"), QUERY("state", TEXT, "those in this state"),
            QUERY("offset", INTEGER, "so many are left out"), PAGE),
        ASK("ams", "search")},
    {TR_WEB_GET, "/api/v1/agents/{name}", TR_WEB_VIEWER, "showAgent",
        "What an agent does, and what holds it up", FIELDS(PATH("name", "of the agent")), ASK("ams", "why")},
    {TR_WEB_POST, "/api/v1/agents/{name}/suspend", TR_WEB_OPERATOR, "suspendAgent",
        "Nothing is delivered to it until it is resumed",
        FIELDS(PATH("name", "of the agent"), BODY("reason", TEXT, "why, for people")), ASK("ams", "suspend")},
    {TR_WEB_POST, "/api/v1/agents/{name}/resume", TR_WEB_OPERATOR, "resumeAgent", "It goes on",
        FIELDS(PATH("name", "of the agent"), BODY("reason", TEXT, "why, for people")), ASK("ams", "resume")},
    {TR_WEB_GET, "/api/v1/directory", TR_WEB_VIEWER, "searchDirectory", "What agents say that they can do",
        FIELDS(QUERY("selector", TEXT, "of labels: key=value, key in (a, b) ..."),
            QUERY("template", OBJECT, "what a description must have, as JSON"),
            QUERY("offset", INTEGER, "so many are left out"), PAGE,
            QUERY("max-depth", INTEGER, "how far it may go to other platforms")),
        ASK("df", "search")},
    {TR_WEB_GET, "/api/v1/services", TR_WEB_VIEWER, "listServices", "The services that are offered", NULL,
        ASK("ams", "services")},
    {TR_WEB_GET, "/api/v1/quarantine", TR_WEB_VIEWER, "listQuarantine", "The agents in quarantine", NULL,
        ASK("ams", "quarantine-list")},
    {TR_WEB_POST, "/api/v1/quarantine/{name}", TR_WEB_ADMIN, "quarantineAgent",
        "It, and all that it has set to work, sends nothing and gets nothing",
        FIELDS(PATH("name", "of the agent"), BODY("reason", TEXT, "why, for people")),
        ASK("ams", "quarantine")},
    {TR_WEB_DELETE, "/api/v1/quarantine/{name}", TR_WEB_ADMIN, "releaseAgent", "It is let go",
        FIELDS(PATH("name", "of the agent")), ASK("ams", "quarantine-release")},

    /* ---- topics and messages ---- */
    {TR_WEB_GET, "/api/v1/topics", TR_WEB_VIEWER, "listTopics", "The live topics, with their rates",
        FIELDS(QUERY("pattern", TEXT, "those that match: * is any one part, > the rest")),
        ASK("ams", "topics")},
    {TR_WEB_POST, "/api/v1/topics/{topic}", TR_WEB_OPERATOR, "publish", "Publishes on a topic",
        FIELDS(PATH("topic", "its name"), BODY("content", ANY, "what is published"),
            BODY("language", TEXT, "of a content that is a text: it is sent as it is")),
        .success = 202, .handle = tr_api_publish},
    {TR_WEB_GET, "/api/v1/events", TR_WEB_VIEWER, "watchTopics",
        "Publications as they come, as server-sent events; Last-Event-ID or after says where to go on",
        FIELDS(NEEDED_QUERY("topics", TEXT, "patterns with commas between"),
            QUERY("after", TEXT, "the id of the last event that was seen")),
        .type = "text/event-stream", .handle = tr_api_events},
    {TR_WEB_GET, "/api/v1/ws", TR_WEB_VIEWER, "watchTopicsBySocket",
        "A WebSocket with publications as they come; what is watched may be changed (docs/gateway.md)",
        FIELDS(QUERY("topics", TEXT, "patterns with commas between"),
            QUERY("after", TEXT, "the id of the last event that was seen")),
        .success = 101, .socket = true, .handle = tr_api_socket},
    {TR_WEB_POST, "/api/v1/messages", TR_WEB_OPERATOR, "sendMessage",
        "Sends a message, and waits for its answer unless wait is false",
        FIELDS(NEEDED("receiver", TEXT, "NAME, NAME@PLATFORM or svc:NAME"),
            BODY("performative", TEXT, "the speech act; request where it is not given"),
            BODY("content", ANY, "a text is sent as it is, all else as msgpack"),
            BODY("language", TEXT, "of the content: text, json, msgpack, or another name"),
            BODY("protocol", TEXT, "the interaction protocol"), BODY("ontology", TEXT, "of the content"),
            BODY("conversation", TEXT, "the conversation's id"),
            BODY("wait", BOOLEAN, "false: no answer is waited for"),
            BODY("wait-ms", INTEGER, "how long for the answer, at most")),
        .handle = tr_api_message},
    {TR_WEB_POST, "/api/v1/process_input", TR_WEB_OPERATOR, "process_input",
        "A text to an assistant: its reply, and what it did",
        FIELDS(NEEDED("text", TEXT, "what is said"),
            BODY("user", TEXT, "whose session it is; the token's name where it is not given"),
            BODY("agent", TEXT, "who is asked; assistant where it is not given"),
            BODY("wait-ms", INTEGER, "how long for the reply, at most")),
        .handle = tr_api_process_input},

    /* ---- tasks ---- */
    {TR_WEB_GET, "/api/v1/tasks", TR_WEB_VIEWER, "listTasks", "Tasks, the newest first",
        FIELDS(QUERY("state", TEXT, "those in this state"),
            QUERY("before", INTEGER, "of the last page, for the next one"), PAGE),
        ASK("svc:tasks", "list")},
    {TR_WEB_POST, "/api/v1/tasks", TR_WEB_OPERATOR, "submitTasks",
        "Submits one task, or `tasks`: all are taken or none (docs/tasks.md says what a task has)",
        FIELDS(BODY("tasks", LIST, "several at once"),
            BODY("skills", LIST, "of one: names of services that its agent must offer"),
            BODY("input", ANY, "what its agent is sent"), BODY("description", TEXT, "for people"),
            BODY("id", TEXT, "its id; made where it is not given"),
            BODY("key", TEXT, "who submits again under the same key gets the same task"),
            BODY("needs", LIST, "ids of tasks that must be completed before"),
            BODY("priority", INTEGER, "0 to 9"), BODY("*", ANY, "all else that a task may have")),
        .to = "svc:tasks", .action = "submit", .success = 201, .handle = tr_api_submit},
    {TR_WEB_GET, "/api/v1/tasks/{task}", TR_WEB_VIEWER, "showTask", "A task, with its result and its history",
        FIELDS(PATH("task", "its id")), ASK("svc:tasks", "show")},
    {TR_WEB_POST, "/api/v1/tasks/{task}/cancel", TR_WEB_OPERATOR, "cancelTask", "It is not done any more",
        FIELDS(PATH("task", "its id"), BODY("reason", TEXT, "why, for people")), ASK("svc:tasks", "cancel")},
    {TR_WEB_POST, "/api/v1/tasks/{task}/approve", TR_WEB_OPERATOR, "approveTask", "It may be done",
        FIELDS(PATH("task", "its id")), ASK("svc:tasks", "approve")},
    {TR_WEB_POST, "/api/v1/tasks/{task}/retry", TR_WEB_OPERATOR, "retryTask",
        "One that has failed begins anew", FIELDS(PATH("task", "its id")), ASK("svc:tasks", "retry")},
    {TR_WEB_GET, "/api/v1/task_numbers", TR_WEB_VIEWER, "countTasks", "How many tasks are in each state",
        NULL, ASK("svc:tasks", "stats")},

    /* ---- decisions ---- */
    {TR_WEB_GET, "/api/v1/decisions", TR_WEB_VIEWER, "listDecisions", "Decisions, the newest first",
        FIELDS(QUERY("state", TEXT, "those in this state"),
            QUERY("before", INTEGER, "of the last page, for the next one"), PAGE),
        ASK("svc:decisions", "decisions")},
    {TR_WEB_POST, "/api/v1/decisions", TR_WEB_OPERATOR, "decide",
        "Puts a question to voters (docs/deciding.md says what it may have)",
        FIELDS(NEEDED("question", TEXT, "what is asked"), NEEDED("options", LIST, "2 to 64"),
            NEEDED("voters", LIST, "names, svc:NAME, person:NAME"),
            BODY("method", TEXT, "plurality, approval, score, borda, schulze"),
            BODY("*", ANY, "all else that a decision may have")),
        .success = 201, ASK("svc:decisions", "decide")},
    {TR_WEB_GET, "/api/v1/decisions/{decision}", TR_WEB_VIEWER, "showDecision",
        "A decision, with its votes and its history", FIELDS(PATH("decision", "its id")),
        ASK("svc:decisions", "decision")},
    {TR_WEB_POST, "/api/v1/decisions/{decision}/vote", TR_WEB_OPERATOR, "vote", "A person's ballot",
        FIELDS(PATH("decision", "its id"), NEEDED("voter", TEXT, "person:NAME"),
            NEEDED("ballot", OBJECT, "what he says")),
        ASK("svc:decisions", "vote")},
    {TR_WEB_POST, "/api/v1/decisions/{decision}/settle", TR_WEB_OPERATOR, "settle",
        "A person decides what votes could not",
        FIELDS(PATH("decision", "its id"), NEEDED("option", TEXT, "which"), BODY("reason", TEXT, "why")),
        ASK("svc:decisions", "settle")},
    {TR_WEB_POST, "/api/v1/decisions/{decision}/withdraw", TR_WEB_OPERATOR, "withdraw", "Nothing is decided",
        FIELDS(PATH("decision", "its id"), BODY("reason", TEXT, "why")), ASK("svc:decisions", "withdraw")},

    /* ---- knowledge ---- */
    {TR_WEB_GET, "/api/v1/knowledge", TR_WEB_VIEWER, "listNamespaces", "The namespaces of the knowledge base",
        NULL, ASK("svc:kb", "namespaces")},
    {TR_WEB_POST, "/api/v1/knowledge/{namespace}/search", TR_WEB_VIEWER, "searchKnowledge",
        "The best passages for a query",
        FIELDS(PATH("namespace", "where"), BODY("query", TEXT, "words"), BODY("vector", LIST, "numbers"),
            BODY("k", INTEGER, "how many; 10"), BODY("mode", TEXT, "hybrid, lexical, vectors"),
            BODY("filter", OBJECT, "what a document's metadata must be"),
            BODY("per-document", INTEGER, "passages of each document; 1"),
            BODY("text", BOOLEAN, "with the passages' text"),
            BODY("explain", BOOLEAN, "how each score has come about")),
        ASK("svc:kb", "search")},
    {TR_WEB_POST, "/api/v1/knowledge/{namespace}/documents", TR_WEB_OPERATOR, "update_knowledge",
        "Adds documents, or replaces those of the same id",
        FIELDS(PATH("namespace", "where"),
            NEEDED("documents", LIST, "each with id, text and, as wanted, title, format, source, metadata"),
            BODY("language", TEXT, "of a namespace that this makes")),
        ASK("svc:kb", "add")},
    {TR_WEB_GET, "/api/v1/knowledge/{namespace}/documents", TR_WEB_VIEWER, "listDocuments",
        "The documents, by their ids",
        FIELDS(PATH("namespace", "where"), QUERY("filter", OBJECT, "what their metadata must be, as JSON"),
            QUERY("after", TEXT, "of the last page, for the next one"), PAGE),
        ASK("svc:kb", "list")},
    {TR_WEB_GET, "/api/v1/knowledge/{namespace}/document", TR_WEB_VIEWER, "showDocument",
        "A document with its text",
        FIELDS(PATH("namespace", "where"), NEEDED_QUERY("id", TEXT, "which"),
            QUERY("offset", INTEGER, "from this byte on")),
        ASK("svc:kb", "get")},
    {TR_WEB_POST, "/api/v1/knowledge/{namespace}/remove", TR_WEB_OPERATOR, "removeDocuments",
        "Removes documents",
        FIELDS(PATH("namespace", "where"), BODY("ids", LIST, "these"),
            BODY("filter", OBJECT, "or those whose metadata is so")),
        ASK("svc:kb", "remove")},
    {TR_WEB_DELETE, "/api/v1/knowledge/{namespace}", TR_WEB_ADMIN, "dropNamespace",
        "Removes a namespace with all that is in it", FIELDS(PATH("namespace", "which")),
        ASK("svc:kb", "drop")},

    /* ---- as OpenAI's ---- */
    {TR_WEB_GET, "/v1/models", TR_WEB_VIEWER, "openaiModels", "The agents, as models",
        .handle = tr_api_models},
    {TR_WEB_POST, "/v1/chat/completions", TR_WEB_OPERATOR, "openaiChat", "A turn with an agent",
        FIELDS(NEEDED("model", TEXT, "the agent's name"),
            NEEDED("messages", LIST, "what was said; the user's last one is asked"),
            BODY("stream", BOOLEAN, "sentences as they come, as server-sent events"),
            BODY("user", TEXT, "whose session it is; the token's name where it is not given"),
            BODY("*", ANY, "what else clients send is not looked at")),
        .handle = tr_api_chat},

    {TR_WEB_POST, "/v1/embeddings", TR_WEB_VIEWER, "openaiEmbeddings",
        "Texts as vectors, by the embedder of this machine",
        FIELDS(NEEDED("input", ANY, "a text, or a list of them"),
            BODY("model", TEXT, "whatever it is: there is one"),
            BODY("encoding_format", TEXT, "float or base64"),
            BODY("*", ANY, "what else clients send is not looked at")),
        .handle = tr_api_embeddings},

    /* ---- the platform ---- */
    {TR_WEB_GET, "/api/v1/brokers", TR_WEB_VIEWER, "listBrokers", "The links to other brokers", NULL,
        ASK("ams", "brokers")},
    {TR_WEB_GET, "/api/v1/streams", TR_WEB_VIEWER, "listStreams", "Topics with memory", NULL,
        ASK("ams", "streams")},
    {TR_WEB_GET, "/api/v1/mailboxes", TR_WEB_VIEWER, "listMailboxes", "Durable mailboxes",
        FIELDS(QUERY("name", TEXT, "of this agent"), QUERY("offset", INTEGER, "so many are left out"), PAGE),
        ASK("ams", "mailboxes")},
    {TR_WEB_GET, "/api/v1/dead_letters", TR_WEB_VIEWER, "listDeadLetters",
        "Durable messages that could not be delivered",
        FIELDS(QUERY("after", INTEGER, "those with greater numbers"),
            QUERY("name", TEXT, "of this agent's mailbox"), QUERY("service", TEXT, "of this service"),
            QUERY("reason", TEXT, "given up for this")),
        ASK("ams", "dead-letters")},
    {TR_WEB_POST, "/api/v1/dead_letters/{number}/requeue", TR_WEB_OPERATOR, "requeueDeadLetter",
        "It is sent again", FIELDS({"number", TR_WEB_IN_PATH, TR_WEB_INTEGER, true, "of the dead letter"}),
        ASK("ams", "dead-letter-requeue")},
    {TR_WEB_DELETE, "/api/v1/dead_letters/{number}", TR_WEB_ADMIN, "dropDeadLetter", "It is gone",
        FIELDS({"number", TR_WEB_IN_PATH, TR_WEB_INTEGER, true, "of the dead letter"}),
        ASK("ams", "dead-letter-drop")},
};

const tr_web_route_t *tr_api_routes(size_t *ret_count) {
    *ret_count = sizeof routes / sizeof *routes;
    return routes;
}

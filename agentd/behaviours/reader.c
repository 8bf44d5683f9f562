/*
 * reader: reads a document and tells what it is about. Offers the service `read`, one document at a time.
 *
 *   args: {"service": "read",      the service's name; "" offers none
 *          "root": DIR,            read no file outside of this directory; default: any that it may read
 *          "limit": BYTES,         of one document; default 4 MiB
 *          "delay_ms": 0}          waits so long over each digest: to watch, or to try out slow readers
 *
 * A request (or query-ref) whose content is a map with a document, {"path": PATH} or {"name": NAME, "text":
 * TEXT}, and an action:
 *
 *   "statistics"   which terms it has: an inform {document, statistics, words, bytes, attempt, seconds},
 *                  where statistics is a text by agentd/text/corpus.h, cut after 1 MiB
 *   "digest"       (default) the digest of agentd/behaviours/digest_content.h, with attempt and seconds.
 *                  "corpus": a text by agentd/text/corpus.h, the merged statistics of all documents, weighs
 *                  the terms; without it only this document's own counts do. "terms", "sentences",
 *                  "entities": how many of each
 *
 * So that terms are weighed against the fleet's documents, whoever asks collects the statistics of all of
 * them first, merges them, and then asks for the digests: see editor.c.
 *
 * `attempt` is how often the request was delivered before (to a reader that died). What cannot be read is
 * refused {reason, detail}; reason is one of not-found, not-permitted, not-a-file, empty, binary, too-large,
 * too-complex, unreadable. What makes no sense is not understood, reason unsupported-act, unsupported-value
 * or bad-content.
 *
 * Publishes {document, agent, phase, attempt} on digest.progress; phase is reading-statistics,
 * reading-digest, done or refused.
 */
#include "agentd/behaviours/args.h"
#include "agentd/behaviours/digest_content.h"
#include "agentd/behaviours/replies.h"
#include "agentd/behaviours/table.h"

#include "lib/base/clock.h"
#include "proto/aid.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS       "digest.progress"
#define STATISTICS_MAX ((size_t)1 << 20)

typedef struct reader {
    tr_replies_t replies;
    char aid[TR_AID_MAX + 1];
    char *root; /* real path, NULL = anywhere */
    size_t limit;
    int64_t delay_ms;
} reader_t;

/* One request while it is worked on. */
typedef struct task {
    reader_t *reader;
    tr_agent_t *agent;
    const tr_message_t *message;
    tr_value_t request;
    int64_t begun_ns;
    tr_document_ref_t ref;
    char name[TR_DIGEST_NAME_MAX + 1];
    tr_document_t *document;
    tr_language_guess_t language;
    tr_tokens_t *tokens;
    tr_corpus_t *corpus;
} task_t;

typedef struct reader_args {
    char service[TR_NAME_MAX + 1];
    char root[PATH_MAX];
    int64_t limit, delay_ms;
} reader_args_t;

#define AT(member)   offsetof(reader_args_t, member)
#define ROOM(member) sizeof((reader_args_t *)NULL)->member

static const tr_arg_t known_args[] = {
    {"service", TR_ARG_TEXT, AT(service), ROOM(service), .check = tr_arg_is_service,
        .expected = "the name of a service, or \"\" for none"},
    {"root", TR_ARG_TEXT, AT(root), ROOM(root), .expected = "the path of a directory"},
    {"limit", TR_ARG_WHOLE, AT(limit), .min = 1, .max = TR_DOCUMENT_HIGHEST_LIMIT},
    {"delay_ms", TR_ARG_WHOLE, AT(delay_ms), .min = 0, .max = 60000},
};

/* `ret_root`: allocated, NULL without one. */
static int read_args(tr_value_t args, reader_args_t *ret_args, char **ret_root, tr_problem_t *problem) {
    struct stat st;
    *ret_args = (reader_args_t){.service = "read", .limit = TR_DOCUMENT_DEFAULT_LIMIT};
    int rc = tr_args_read(known_args, sizeof known_args / sizeof *known_args, args, ret_args, problem);
    if (rc < 0 || !ret_args->root[0])
        return rc;
    char *root = realpath(ret_args->root, NULL);
    int code = root && stat(root, &st) == 0 ? 0 : errno;
    if (code == 0 && !S_ISDIR(st.st_mode))
        code = ENOTDIR;
    if (code == 0) {
        *ret_root = root;
        return 0;
    }
    free(root);
    return tr_problem_set(problem, -EINVAL, "args.root", "expected a directory, found \"%.200s\": %s",
        ret_args->root, strerror(code));
}

int tr_reader_check(tr_value_t args, tr_problem_t *problem) {
    reader_args_t read;
    char *root = NULL;
    int rc = read_args(args, &read, &root, problem);
    free(root);
    return rc;
}

static int init(tr_agent_t *agent, void *state, tr_value_t args) {
    reader_t *self = state;
    reader_args_t read;
    int rc = read_args(args, &read, &self->root, NULL);
    self->limit = (size_t)read.limit;
    self->delay_ms = read.delay_ms;
    tr_agent_aid(agent, self->aid);
    if (rc == 0 && read.service[0])
        rc = tr_provide(agent, read.service, 0);
    if (rc < 0)
        free(self->root);
    return rc;
}

static void tell_progress(const task_t *self, const char *phase) {
    tr_content_writer_t out;
    tr_content_writer_init(&out);
    tr_write_map(&out, 4);
    tr_write_kv(&out, "document", self->name);
    tr_write_kv(&out, "agent", self->reader->aid);
    tr_write_kv(&out, "phase", phase);
    tr_write_kv_uint(&out, "attempt", tr_message_attempt(self->message));
    /* News for who watches: work goes on without it, ignoring. */
    tr_publish_content(self->agent, PROGRESS, &out);
    tr_flush(self->agent);
}

static int answer_reason(const task_t *self, tr_performative_t act, const char *reason, const char *detail) {
    return tr_replies_send_reason(&self->reader->replies, self->agent, self->message, act, reason, detail);
}

/* Within the root: no link or ".." leads out of it. */
static int check_path(const task_t *self, tr_error_t *error) {
    const char *root = self->reader->root;
    char real[PATH_MAX];
    if (!root)
        return 0;
    if (!realpath(self->name, real))
        return tr_error_set(error, -errno, "%s: %s", self->name, strerror(errno));
    size_t len = strlen(root);
    bool inside =
        strcmp(root, "/") == 0 || (strncmp(real, root, len) == 0 && (real[len] == '/' || !real[len]));
    return inside ? 0
                  : tr_error_set(
                        error, -EACCES, "%s: outside of %s, which this reader keeps to", self->name, root);
}

static int load(task_t *self, tr_error_t *error) {
    int rc;
    if (self->ref.text)
        rc = tr_document_parse(
            self->name, self->ref.text, self->ref.text_len, self->reader->limit, &self->document, error);
    else {
        rc = check_path(self, error);
        if (rc == 0)
            rc = tr_document_load(self->name, self->reader->limit, &self->document, error);
    }
    if (rc < 0)
        return rc;
    self->language = tr_language_identify_document(self->document);
    rc = tr_tokens_new(self->document, self->language.language, &self->tokens);
    return rc < 0 ? tr_error_set(error, rc, "%s: %s", self->name, strerror(-rc)) : 0;
}

static void write_effort(const task_t *self, tr_content_writer_t *out) {
    tr_write_kv_uint(out, "attempt", tr_message_attempt(self->message));
    tr_write_kv_double(out, "seconds", (double)(tr_clock_ns() - self->begun_ns) / 1e9);
}

/* Cut at the end of a line, so that it stays well-formed. */
static size_t cut(const char *list, size_t len) {
    if (len <= STATISTICS_MAX)
        return len;
    const char *newline = memrchr(list, '\n', STATISTICS_MAX);
    return newline ? (size_t)(newline - list) + 1 : 0;
}

static int answer_statistics(task_t *self) {
    size_t len = 0;
    tr_content_writer_t out;
    self->corpus = tr_corpus_new();
    if (!self->corpus || tr_corpus_add(self->corpus, self->tokens) < 0)
        return -ENOMEM;
    char *list = tr_corpus_write(self->corpus, &len);
    if (!list)
        return -ENOMEM;
    tr_content_writer_init(&out);
    tr_write_map(&out, 6);
    tr_write_kv(&out, "document", self->name);
    tr_write_str(&out, "statistics");
    tr_write_strn(&out, list, cut(list, len));
    tr_write_kv_uint(&out, "words", self->tokens->word_count);
    tr_write_kv_uint(&out, "bytes", self->document->bytes);
    write_effort(self, &out);
    free(list);
    return tr_replies_send(&self->reader->replies, self->agent, self->message, TR_INFORM, &out);
}

/* 1..1000 of the request, 0 for the default. */
static size_t wanted(const task_t *self, const char *key) {
    int64_t n = tr_value_int(tr_value_get(self->request, key), 0);
    return n < 0 ? 0 : n > 1000 ? 1000 : (size_t)n;
}

static int take_corpus(task_t *self, tr_error_t *error) {
    size_t len = 0;
    tr_value_t v = tr_value_get(self->request, "corpus");
    if (!v)
        return 0;
    const char *list = tr_value_str(v, &len);
    if (!list)
        return tr_error_set(error, -EBADMSG, "\"corpus\": expected a text");
    self->corpus = tr_corpus_new();
    if (!self->corpus)
        return -ENOMEM;
    int rc = tr_corpus_merge(self->corpus, list, len, error);
    return rc == -ENOMEM ? rc : rc < 0 ? -EBADMSG : 0;
}

static int answer_digest(task_t *self) {
    tr_error_t error = {0};
    tr_digest_t *digest = NULL;
    tr_content_writer_t out;
    tr_digest_limits_t limits = {wanted(self, "terms"), wanted(self, "sentences"), wanted(self, "entities")};
    int rc = take_corpus(self, &error);
    if (rc == -EBADMSG)
        return answer_reason(self, TR_NOT_UNDERSTOOD, "bad-content", error.text);
    if (rc == 0)
        rc = tr_digest_new_from_tokens(self->tokens, self->language, self->corpus, &limits, &digest);
    if (rc < 0)
        return rc;
    if (self->reader->delay_ms)
        usleep((useconds_t)(self->reader->delay_ms * 1000));
    tr_content_writer_init(&out);
    tr_write_map(&out, tr_digest_pairs() + 2);
    tr_digest_write_pairs(&out, digest);
    write_effort(self, &out);
    tr_digest_destroy(&digest);
    return tr_replies_send(&self->reader->replies, self->agent, self->message, TR_INFORM, &out);
}

static const struct {
    const char *name;
    const char *phase;
    int (*answer)(task_t *self);
} actions[] = {
    {"statistics", "reading-statistics", answer_statistics},
    {"digest", "reading-digest", answer_digest},
};

#define ACTIONS        (sizeof actions / sizeof *actions)
#define DEFAULT_ACTION 1

/* The number of the action that is asked for, -1 where there is none of that name. */
static int find_action(tr_value_t request) {
    tr_value_t name = tr_value_get(request, "action");
    if (!name)
        return DEFAULT_ACTION;
    for (size_t i = 0; i < ACTIONS; i++)
        if (tr_value_equals(name, actions[i].name))
            return (int)i;
    return -1;
}

static int work(task_t *self, int action) {
    tr_error_t error = {0};
    tell_progress(self, actions[action].phase);
    int rc = load(self, &error);
    bool refused = rc < 0;
    if (refused)
        rc = answer_reason(self, rc == -ENOMEM ? TR_FAILURE : TR_REFUSE, tr_document_reason(rc), error.text);
    else {
        rc = actions[action].answer(self);
        if (rc == -ENOMEM)
            rc = answer_reason(self, TR_FAILURE, "out-of-memory", self->name);
    }
    tell_progress(self, refused ? "refused" : "done");
    tr_corpus_destroy(&self->corpus);
    tr_tokens_destroy(&self->tokens);
    tr_document_destroy(&self->document);
    return rc;
}

static int request(task_t *self) {
    tr_error_t error = {0};
    self->request = tr_message_value(self->message);
    if (!tr_value_is_map(self->request))
        return answer_reason(
            self, TR_NOT_UNDERSTOOD, "bad-content", "expected a map such as {\"path\": PATH}");
    int action = find_action(self->request);
    if (action < 0)
        return answer_reason(self, TR_NOT_UNDERSTOOD, "unsupported-value",
            "\"action\": expected \"statistics\" or \"digest\"");
    if (tr_document_ref_read(self->request, &self->ref, &error) < 0)
        return answer_reason(self, TR_NOT_UNDERSTOOD, "bad-content", error.text);
    memcpy(self->name, self->ref.name, self->ref.name_len);
    self->name[self->ref.name_len] = '\0';
    return work(self, action);
}

static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    task_t task = {.reader = state, .agent = agent, .message = message, .begun_ns = tr_clock_ns()};
    if (tr_message_type(message) != TR_MESSAGE_DIRECT)
        return 0;
    switch (tr_message_performative(message)) {
    case TR_REQUEST:
    case TR_QUERY_REF: break;
    case TR_REQUEST_WHEN:
    case TR_REQUEST_WHENEVER:
    case TR_QUERY_IF:
    case TR_CFP:
    case TR_PROPOSE:
    case TR_SUBSCRIBE:
        return answer_reason(&task, TR_NOT_UNDERSTOOD, "unsupported-act", "expected a request"), 0;
    default: return 0; /* it asks for nothing */
    }
    int rc = request(&task);
    /* Only what a fresh start may mend is a failure of the behaviour; an answer that nobody can
     * get is not. */
    return rc == -ENOMEM ? rc : 0;
}

static void fini(tr_agent_t *agent, void *state) {
    (void)agent;
    reader_t *self = state;
    tr_replies_finish(&self->replies);
    free(self->root);
}

const tr_behaviour_t tr_behaviour_reader = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "reader",
    .summary = "reads documents: language, key terms, key sentences, names (service read)",
    .state_size = sizeof(reader_t),
    .capacity = 1,
    .init = init,
    .receive = receive,
    .fini = fini,
};

/* `troupe dlq ls`, `show`, `requeue`, `drop`: durable messages that could not be delivered. */
#include "proto/json.h"
#include "tools/cli/cli_json.h"
#include "tools/cli/message_text.h"
#include "tools/cli/output_cell.h"
#include "tools/cli/output_yaml.h"
#include "tools/cli/rows.h"
#include "tools/cli/session.h"
#include "tools/verbs/queue_name.h"
#include "tools/verbs/verbs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The words of --reason: those that a durable message dies of. */
static const char *const reasons[] = {"any", "too-many-tries", "expired", "too-old", "poison", NULL};

typedef struct options {
    tr_cli_common_t common;
    const char *to;
    int reason;
    int64_t count;
    bool all, raw;
} options_t;

/* Which ones; of verbs that look at many. */
#define WHICH_OPTIONS                                                                                        \
    {"to", 0, "QUEUE", TR_STRING(options_t, to), NULL,                                                       \
        "Only those of an agent's mailbox (NAME) or a service's queue (svc:NAME).",                          \
        .flags = TR_OPTION_FLAG_ONLY},                                                                       \
    {                                                                                                        \
        "reason", 0, "REASON", TR_WORD(options_t, reason), "any", "Only those that died of this.",           \
            .words = reasons, .flags = TR_OPTION_FLAG_ONLY                                                   \
    }
#define ALL_OPTION(what)                                                                                     \
    {                                                                                                        \
        "all", 0, NULL, TR_BOOL(options_t, all), NULL, what " of --to and --reason, in place of numbers.",   \
            .flags = TR_OPTION_FLAG_ONLY                                                                     \
    }

/* ---- requests ---- */

/* "action" and, of one, its number; of many, which ones. `entries`: that the caller adds. */
static int begin(const tr_call_t *call, const char *action, size_t entries, tr_content_writer_t *ret_writer) {
    const options_t *o = call->options;
    tr_queue_name_t queue = {0};
    if (o->to && !tr_queue_name_read(o->to, &queue))
        return tr_cli_usage(call, "--to %.140s: expected the NAME of an agent, or svc:NAME", o->to);
    tr_content_writer_init(ret_writer);
    tr_write_map(ret_writer, 1 + entries + (o->to != NULL) + (o->reason > 0));
    tr_write_kv(ret_writer, "action", action);
    if (o->to)
        tr_write_kv(ret_writer, queue.service ? "service" : "name", queue.name);
    if (o->reason > 0)
        tr_write_kv(ret_writer, "reason", reasons[o->reason]);
    return TR_EXIT_OK;
}

static int ask(tr_cli_session_t *session, tr_content_writer_t *request, json_t **ret_answer) {
    tr_message_t *answer = NULL;
    int code = tr_cli_ask_platform(session, "ams", request, &answer);
    if (code == TR_EXIT_OK)
        *ret_answer = tr_value_to_json(tr_message_value(answer));
    tr_message_done(&answer);
    return code;
}

static int open_session(const tr_call_t *call, tr_cli_session_t **ret_session) {
    const options_t *o = call->options;
    return tr_cli_session_open(&(tr_cli_session_config_t){.call = call, .common = &o->common}, ret_session);
}

static int64_t integer(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

/* ---- ls ---- */

static const tr_option_t ls_table[] = {
    WHICH_OPTIONS,
    {"count", 'n', "N", TR_INT(options_t, count), "0", "Show the first N only; 0 is no limit.", .min = 0,
        .max = INT32_MAX, .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t ls_program = {
    .name = "troupe dlq ls",
    .summary = "List the dead letters: what could not be delivered",
    .description =
        "A durable message that was delivered too often without being finished (too-many-tries), that made "
        "its "
        "receivers fail (poison, --poison), whose "
        "reply-by passed in its queue (expired), or that waited for longer than the broker keeps messages "
        "(too-old, --queue-retention), is kept by the broker as a dead letter: for somebody to "
        "look at, and then to send again or to drop. How many there are, of how many, is said on the "
        "standard error: a "
        "mailbox with too many of them (--letters-each of the broker) takes no new durable messages until "
        "some are seen to.",
    .examples = "troupe dlq ls\n"
                "troupe dlq ls --to editor --reason too-many-tries\n"
                "troupe dlq ls --to svc:digest -o json",
    .options = ls_table,
    .option_count = sizeof ls_table / sizeof *ls_table,
    .env_prefix = "TROUPE",
};

static const tr_column_t columns[] = {
    {"number", TR_COLUMN_NUMBER},
    {"reason", TR_COLUMN_TEXT},
    {"to", TR_COLUMN_TEXT},
    {"attempts", TR_COLUMN_NUMBER},
    {"since", TR_COLUMN_TIME},
    {"performative", TR_COLUMN_TEXT},
    {"sender", TR_COLUMN_TEXT},
    {"bytes", TR_COLUMN_BYTES},
    {"receiver", TR_COLUMN_TEXT, .wide = true},
    {"protocol", TR_COLUMN_TEXT, .wide = true},
    {"conversation_id", TR_COLUMN_TEXT, .wide = true},
    {"language", TR_COLUMN_TEXT, .wide = true},
};

/* In the names of the columns; says where it was to go as people do. */
static void rename_keys(json_t *letter) {
    char to[TR_QUEUE_NAME_MAX + 1];
    const char *queue = json_string_value(json_object_get(letter, "queue"));
    tr_queue_name_print(queue ? queue : "", to);
    json_object_set_new(letter, "to", json_string(to));
    json_object_set(letter, "since", json_object_get(letter, "since_ms"));
    json_object_del(letter, "queue");
    json_object_del(letter, "since_ms");
}

static void put_row(tr_output_t *output, json_t *letter) {
    rename_keys(letter);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        json_t *value = json_object_get(letter, columns[i].name);
        tr_output_json(output, value ? json_incref(value) : json_null());
    }
    tr_output_row(output);
}

static char *size_text(const json_t *bytes) {
    return tr_output_cell(bytes, TR_COLUMN_BYTES);
}

static void tell_full(const tr_call_t *call, const json_t *box) {
    char to[TR_QUEUE_NAME_MAX + 1], *size = size_text(json_object_get(box, "bytes"));
    const char *queue = json_string_value(json_object_get(box, "queue"));
    tr_queue_name_print(queue ? queue : "", to);
    tr_cli_print_format(call->err,
        "%s has too many, %" PRId64 " with %s: new durable messages to it have to wait\n", to,
        integer(box, "letters"), size ? size : "");
    free(size);
}

/* How many there are, of how many; and whose are so many that nothing new is taken. */
static void tell_how_full(const tr_call_t *call, const json_t *page) {
    const options_t *o = call->options;
    const json_t *limits = json_object_get(page, "limits"), *full = json_object_get(page, "full"), *box;
    bool table = o->common.output == TR_OUTPUT_TABLE || o->common.output == TR_OUTPUT_WIDE;
    if (!table || !limits || !integer(page, "total"))
        return;
    char *size = size_text(json_object_get(page, "bytes")),
         *most = size_text(json_object_get(limits, "bytes"));
    fprintf(call->err, "%" PRId64 " of %" PRId64 " dead letters, %s of %s\n", integer(page, "total"),
        integer(limits, "letters"), size ? size : "", most ? most : "");
    free(size);
    free(most);
    size_t i;
    json_array_foreach(full, i, box) tell_full(call, box);
}

/* All pages, or as many as --count wants. */
static int list(const tr_call_t *call, tr_cli_session_t *session, tr_output_t *output) {
    const options_t *o = call->options;
    int64_t after = 0, left = o->count ? o->count : INT64_MAX;
    for (bool more = true; more && left > 0;) {
        tr_content_writer_t request;
        json_t *page = NULL, *letter;
        size_t i;
        int code = begin(call, "dead-letters", 1, &request);
        if (code != TR_EXIT_OK)
            return code;
        tr_write_kv_int(&request, "after", after);
        tr_cli_session_renew(session);
        code = ask(session, &request, &page);
        if (code == TR_EXIT_OK && !after)
            tell_how_full(call, page);
        json_array_foreach(json_object_get(page, "letters"), i, letter) {
            if (left-- > 0)
                put_row(output, letter);
        }
        more = code == TR_EXIT_OK && json_is_true(json_object_get(page, "more"));
        after = integer(page, "last");
        json_decref(page);
        if (code != TR_EXIT_OK)
            return code;
    }
    return TR_EXIT_OK;
}

static int run_ls(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code == TR_EXIT_OK)
        code = open_session(call, &session);
    if (code == TR_EXIT_OK)
        code = list(call, session, output);
    tr_cli_session_close(&session);
    if (code == TR_EXIT_OK)
        return tr_cli_finish(call, &output);
    tr_output_destroy(&output);
    return code;
}

const tr_verb_t tr_verb_dlq_ls = {"dlq ls", TR_VERB_WATCH, &ls_program, sizeof(options_t), run_ls};

/* ---- show ---- */

static const tr_option_t show_table[] = {
    {"raw", 0, NULL, TR_BOOL(options_t, raw), NULL, "Print the bytes of its content as they are.",
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t show_program = {
    .name = "troupe dlq show",
    .summary = "Show a dead letter with its content",
    .description = "What `troupe dlq ls` says of it, an empty line, and its content: a text as it is, all "
                   "else as JSON.",
    .examples = "troupe dlq show 17\n"
                "troupe dlq show 17 -o json",
    .options = show_table,
    .option_count = sizeof show_table / sizeof *show_table,
    .env_prefix = "TROUPE",
    .arguments = "NUMBER",
    .least_arguments = 1,
    .most_arguments = 1,
};

static int read_number(const tr_call_t *call, const char *text, int64_t *ret_number) {
    tr_error_t error = {0};
    return tr_parse_int(text, 1, INT64_MAX, ret_number, &error) == 0
               ? TR_EXIT_OK
               : tr_cli_usage(call, "\"%.40s\" is no number of a dead letter: see `troupe dlq ls`", text);
}

/* For people. */
static void print_time(json_t *letter) {
    char *time = tr_output_cell(json_object_get(letter, "since"), TR_COLUMN_TIME);
    if (time)
        json_object_set_new(letter, "since", json_string(time));
    free(time);
}

static int print(const tr_call_t *call, json_t *letter, const void *bytes, size_t len) {
    const options_t *o = call->options;
    const char *language = json_string_value(json_object_get(letter, "language"));
    json_t *content = tr_content_json(language, bytes, len);
    if (!content)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    json_object_del(letter, "content");
    if (o->raw) {
        tr_cli_print_raw(call->out, bytes, len);
    } else if (o->common.output == TR_OUTPUT_TABLE || o->common.output == TR_OUTPUT_WIDE) {
        print_time(letter);
        tr_cli_print_headers(call->out, letter, 0);
        fputc('\n', call->out);
        tr_cli_print_content(call->out, content);
    } else if (o->common.output == TR_OUTPUT_NAME) {
        fprintf(call->out, "%" PRId64 "\n", integer(letter, "number"));
    } else {
        json_object_set(letter, "content", content);
        if (o->common.output == TR_OUTPUT_YAML)
            tr_output_yaml(letter, false, call->out);
        else
            tr_cli_dump_json(letter, call->out, JSON_COMPACT), fputc('\n', call->out);
    }
    json_decref(content);
    bool written = fflush(call->out) == 0 && !ferror(call->out);
    return written ? TR_EXIT_OK : tr_cli_fail(call, TR_EXIT_REFUSED, "the letter could not be written");
}

static int show(const tr_call_t *call, tr_cli_session_t *session, int64_t number) {
    tr_content_writer_t request;
    tr_message_t *answer = NULL;
    tr_content_writer_init(&request);
    tr_write_map(&request, 2);
    tr_write_kv(&request, "action", "dead-letter");
    tr_write_kv_int(&request, "number", number);
    int code = tr_cli_ask_platform(session, "ams", &request, &answer);
    tr_value_t value = code == TR_EXIT_OK ? tr_message_value(answer) : NULL,
               content = tr_value_get(value, "content");
    json_t *letter = value ? tr_value_to_json(value) : NULL;
    bool good = letter && content && content->type == MSGPACK_OBJECT_BIN;
    if (good) {
        rename_keys(letter);
        code = print(call, letter, content->via.bin.ptr, content->via.bin.size);
    } else if (code == TR_EXIT_OK) {
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "the platform's answer is not one that this version knows");
    }
    json_decref(letter);
    tr_message_done(&answer);
    return code;
}

static int run_show(const tr_call_t *call) {
    tr_cli_session_t *session = NULL;
    int64_t number;
    int code = read_number(call, call->arguments.items[0], &number);
    if (code == TR_EXIT_OK)
        code = open_session(call, &session);
    if (code == TR_EXIT_OK)
        code = show(call, session, number);
    tr_cli_session_close(&session);
    return code;
}

const tr_verb_t tr_verb_dlq_show = {"dlq show", TR_VERB_WATCH, &show_program, sizeof(options_t), run_show};

/* ---- requeue and drop ---- */

/* What the two do, and call it. */
typedef struct deed {
    const char *one, *many; /* actions of the AMS */
    const char *done;       /* the result's only column */
} deed_t;

typedef struct tally {
    int64_t done, kept;
    char detail[120]; /* why the first of those that were kept was */
} tally_t;

static int do_one(tr_cli_session_t *session, const deed_t *deed, int64_t number) {
    tr_content_writer_t request;
    json_t *answer = NULL;
    tr_content_writer_init(&request);
    tr_write_map(&request, 2);
    tr_write_kv(&request, "action", deed->one);
    tr_write_kv_int(&request, "number", number);
    tr_cli_session_renew(session);
    int code = ask(session, &request, &answer);
    json_decref(answer);
    return code;
}

/* Each is tried; the code is that of the first that failed. */
static int do_numbers(const tr_call_t *call, tr_cli_session_t *session, const deed_t *deed, tally_t *tally) {
    int first = TR_EXIT_OK;
    for (size_t i = 0; i < call->arguments.count; i++) {
        int64_t number;
        int code = read_number(call, call->arguments.items[i], &number);
        if (code == TR_EXIT_OK)
            code = do_one(session, deed, number);
        tally->done += code == TR_EXIT_OK;
        if (first == TR_EXIT_OK)
            first = code;
        if (code != TR_EXIT_OK && code != TR_EXIT_REFUSED)
            break;
    }
    return first;
}

static void count(tally_t *tally, const json_t *page) {
    const char *detail = json_string_value(json_object_get(page, "detail"));
    tally->done += integer(page, "count");
    tally->kept += integer(page, "kept");
    if (detail && !*tally->detail)
        snprintf(tally->detail, sizeof tally->detail, "%s", detail);
}

/* Page by page, up to the newest that there was at the first. */
static int do_all(const tr_call_t *call, tr_cli_session_t *session, const deed_t *deed, tally_t *tally) {
    int64_t after = 0, until = INT64_MAX - 1;
    for (bool more = true; more;) {
        tr_content_writer_t request;
        json_t *page = NULL;
        int code = begin(call, deed->many, 2, &request);
        if (code != TR_EXIT_OK)
            return code;
        tr_write_kv_int(&request, "after", after);
        tr_write_kv_int(&request, "until", until);
        tr_cli_session_renew(session);
        code = ask(session, &request, &page);
        if (code != TR_EXIT_OK)
            return code;
        count(tally, page);
        after = integer(page, "last");
        if (until == INT64_MAX - 1)
            until = integer(page, "newest");
        more = json_is_true(json_object_get(page, "more")) && after < until;
        json_decref(page);
    }
    return tally->kept ? tr_cli_fail(call, TR_EXIT_REFUSED, "%" PRId64 " stay dead letters: %s", tally->kept,
                             tally->detail)
                       : TR_EXIT_OK;
}

static int tell(const tr_call_t *call, const deed_t *deed, const tally_t *tally) {
    const options_t *o = call->options;
    const tr_column_t column = {deed->done, TR_COLUMN_NUMBER};
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(call, &o->common, &(tr_cli_table_t){&column, 1}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    tr_output_number(output, tally->done);
    tr_output_row(output);
    return tr_cli_finish(call, &output);
}

static int check(const tr_call_t *call) {
    const options_t *o = call->options;
    if (o->all == (call->arguments.count > 0))
        return tr_cli_usage(call, "expected the numbers of dead letters, or --all");
    if (!o->all && (o->to || o->reason > 0))
        return tr_cli_usage(call, "--to and --reason need --all");
    return TR_EXIT_OK;
}

static int run_deed(const tr_call_t *call, const deed_t *deed) {
    const options_t *o = call->options;
    tr_cli_session_t *session = NULL;
    tally_t tally = {0};
    int code = check(call);
    if (code == TR_EXIT_OK)
        code = open_session(call, &session);
    if (code != TR_EXIT_OK)
        return code;
    code = o->all ? do_all(call, session, deed, &tally) : do_numbers(call, session, deed, &tally);
    tr_cli_session_close(&session);
    int told = code == TR_EXIT_OK || code == TR_EXIT_REFUSED ? tell(call, deed, &tally) : TR_EXIT_OK;
    return code != TR_EXIT_OK ? code : told;
}

static const tr_option_t requeue_table[] = {
    ALL_OPTION("Send all again"),
    WHICH_OPTIONS,
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t requeue_program = {
    .name = "troupe dlq requeue",
    .summary = "Send dead letters again",
    .description =
        "Each goes to the end of the queue that it was in, once, without a reply-by and with all its tries "
        "again; where it may have been delivered before it is marked as redelivered. One whose queue is "
        "full stays a dead letter. With --all, those that die meanwhile are not sent once more.\n\n"
        "Prints how many were sent again. Exit codes: 3 when some could not be.",
    .examples = "troupe dlq requeue 17 18\n"
                "troupe dlq requeue --all --to editor",
    .options = requeue_table,
    .option_count = sizeof requeue_table / sizeof *requeue_table,
    .env_prefix = "TROUPE",
    .arguments = "NUMBER...",
    .least_arguments = 0,
    .most_arguments = 10000,
};

static int run_requeue(const tr_call_t *call) {
    static const deed_t deed = {"dead-letter-requeue", "dead-letters-requeue", "requeued"};
    return run_deed(call, &deed);
}

const tr_verb_t tr_verb_dlq_requeue = {
    "dlq requeue", TR_VERB_WATCH, &requeue_program, sizeof(options_t), run_requeue};

static const tr_option_t drop_table[] = {
    ALL_OPTION("Drop all"),
    WHICH_OPTIONS,
    TR_CLI_OUTPUT_OPTION(options_t),
    TR_CLI_CONNECT_OPTIONS(options_t, "10s"),
};

static const tr_program_t drop_program = {
    .name = "troupe dlq drop",
    .summary = "Drop dead letters",
    .description = "They are removed from the broker's journal, for good. Prints how many were.",
    .examples = "troupe dlq drop 17 18\n"
                "troupe dlq drop --all --reason expired",
    .options = drop_table,
    .option_count = sizeof drop_table / sizeof *drop_table,
    .env_prefix = "TROUPE",
    .arguments = "NUMBER...",
    .least_arguments = 0,
    .most_arguments = 10000,
};

static int run_drop(const tr_call_t *call) {
    static const deed_t deed = {"dead-letter-drop", "dead-letters-drop", "dropped"};
    return run_deed(call, &deed);
}

const tr_verb_t tr_verb_dlq_drop = {"dlq drop", TR_VERB_WATCH, &drop_program, sizeof(options_t), run_drop};

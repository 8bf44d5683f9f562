#include "lib/base/process.h"
#include "lib/base/suggest.h"
#include "tools/cli/message_text.h"
#include "tools/cluster/apart.h"
#include "tools/logs/log_place.h"
#include "tools/logs/log_reader.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 200 /* of --follow; a directory of a network has no other way */

typedef struct options {
    tr_cli_common_t common;
    bool follow;
    int64_t lines;
} options_t;

static const tr_option_t table[] = {
    {"follow", 'f', NULL, TR_BOOL(options_t, follow), NULL,
        "Go on with what is added, also by processes that come later, until Ctrl-C.",
        .flags = TR_OPTION_FLAG_ONLY},
    {"lines", 'n', "N", TR_INT(options_t, lines), "20", "So many lines of the end of each log.", .min = 0,
        .max = 1000000, .flags = TR_OPTION_FLAG_ONLY},
    {"fleet", 0, "NAME", TR_STRING(options_t, common.fleet), NULL, "The fleet, where several run."},
    TR_CLI_STATE_OPTION(options_t),
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe logs",
    .summary = "Show what the processes of a fleet wrote",
    .description =
        "The end of the log of each process that is named, or of all: of the agents, of `broker`, and of the "
        "supervisor, `up`. The name of a group is all of its members. Where no fleet runs they are those of "
        "the "
        "last one that did.\n\n"
        "With -o json each line is an object {\"agent\", \"line\"}; -o name says whose logs there are.",
    .examples = "troupe logs\n"
                "troupe logs reader-1 -f\n"
                "troupe logs reader broker --lines 100\n"
                "troupe logs -f -o json",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "[AGENT...]",
    .most_arguments = 1000,
};

typedef struct view {
    const tr_call_t *call;
    const options_t *options;
    tr_log_place_t place;
    tr_log_reader_t **readers;
    size_t count;
    tr_output_t *output; /* NULL: lines as they are */
    bool prefix, colour;
    int width;     /* of the longest name */
    int signal_fd; /* of --follow, -1 */
} view_t;

/* ---- lines ---- */

/* The same name has the same colour in every call. */
static const char *colour_of(const char *name) {
    static const char *const colours[] = {"\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[34m",
        "\033[96m", "\033[93m", "\033[92m", "\033[95m", "\033[94m"};
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return colours[hash % (sizeof colours / sizeof *colours)];
}

static void on_line(void *arg, const char *name, const char *line, size_t len) {
    view_t *view = arg;
    FILE *out = view->call->out;
    if (view->output) {
        char *text = strndup(line, len);
        tr_output_text(view->output, name);
        tr_output_text(view->output, text);
        tr_output_row(view->output);
        free(text);
        return;
    }
    if (view->prefix)
        fprintf(out, "%s%-*s |%s ", view->colour ? colour_of(name) : "", view->width, name,
            view->colour ? "\033[0m" : "");
    tr_cli_print_raw(out, line, len);
    fputc('\n', out);
}

/* ---- which logs ---- */

static bool wanted(const tr_call_t *call, const char *name) {
    for (size_t i = 0; i < call->arguments.count; i++) {
        if (tr_log_name_matches(call->arguments.items[i], name))
            return true;
    }
    return call->arguments.count == 0;
}

static bool is_read(const view_t *view, const char *name) {
    for (size_t i = 0; i < view->count; i++) {
        if (strcmp(tr_log_reader_name(view->readers[i]), name) == 0)
            return true;
    }
    return false;
}

static int add(view_t *view, const char *name) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.log", view->place.directory, name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    tr_log_reader_t **readers = realloc(view->readers, (view->count + 1) * sizeof(tr_log_reader_t *));
    if (!readers)
        return -ENOMEM;
    view->readers = readers;
    int rc = tr_log_reader_new(name, path, on_line, view, &readers[view->count]);
    if (rc < 0)
        return rc;
    view->count++;
    int len = (int)strlen(name);
    view->width = len > view->width ? len : view->width;
    view->prefix = view->prefix || view->count > 1;
    return 0;
}

/* Readers for the logs that are there and were not before. */
static int find_new(view_t *view) {
    tr_log_names_t names;
    int rc = tr_log_names_read(view->place.directory, &names);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    for (size_t i = 0; i < names.count && rc == 0; i++) {
        if (wanted(view->call, names.items[i]) && !is_read(view, names.items[i]))
            rc = add(view, names.items[i]);
    }
    tr_log_names_finish(&names);
    return rc;
}

/* The names that were given must be of logs that are there. */
static int check_names(const view_t *view) {
    const tr_call_t *call = view->call;
    tr_log_names_t names;
    int code = TR_EXIT_OK, rc = tr_log_names_read(view->place.directory, &names);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s: %s", view->place.directory, strerror(-rc));
    for (size_t i = 0; i < call->arguments.count && code == TR_EXIT_OK; i++) {
        const char *asked = call->arguments.items[i];
        bool there = false;
        for (size_t j = 0; j < names.count && !there; j++)
            there = tr_log_name_matches(asked, names.items[j]);
        const char *nearest = there ? NULL : tr_suggest(asked, (const char *const *)names.items);
        if (!there && nearest)
            code = tr_cli_fail(call, TR_EXIT_REFUSED,
                "fleet \"%s\" has no log of \"%.140s\"; did you mean \"%s\"?", view->place.fleet, asked,
                nearest);
        else if (!there)
            code = tr_cli_fail(call, TR_EXIT_REFUSED,
                "fleet \"%s\" has no log of \"%.140s\"; `troupe logs -o name` says whose "
                "logs there are",
                view->place.fleet, asked);
    }
    tr_log_names_finish(&names);
    return code;
}

/* ---- showing ---- */

static int cannot_read(const view_t *view, const char *what, int rc) {
    return tr_cli_fail(view->call, TR_EXIT_REFUSED, "%s: cannot read: %s", what, strerror(-rc));
}

static bool written(const view_t *view) {
    return fflush(view->call->out) == 0 && !ferror(view->call->out);
}

static int show_last(view_t *view) {
    int code = TR_EXIT_OK;
    for (size_t i = 0; i < view->count; i++) {
        int rc = tr_log_reader_tail(view->readers[i], (size_t)view->options->lines);
        if (rc < 0)
            code = cannot_read(view, tr_log_reader_name(view->readers[i]), rc);
        else if (!view->options->follow)
            tr_log_reader_end(view->readers[i]);
    }
    return code;
}

static int show_added(view_t *view) {
    int rc = find_new(view);
    for (size_t i = 0; i < view->count && rc == 0; i++)
        rc = tr_log_reader_more(view->readers[i]);
    return rc < 0 ? cannot_read(view, view->place.directory, rc) : TR_EXIT_OK;
}

static int follow(view_t *view) {
    int code = TR_EXIT_OK;
    struct pollfd signals = {.fd = view->signal_fd, .events = POLLIN};
    while (code == TR_EXIT_OK && written(view) && tr_process_next_signal(signals.fd) <= 0) {
        code = show_added(view);
        if (written(view))
            poll(&signals, 1, POLL_MS);
    }
    for (size_t i = 0; i < view->count; i++)
        tr_log_reader_end(view->readers[i]);
    return code;
}

static int show(view_t *view) {
    int rc = find_new(view), code = rc < 0 ? cannot_read(view, view->place.directory, rc) : TR_EXIT_OK;
    if (code == TR_EXIT_OK)
        code = show_last(view);
    if (code == TR_EXIT_OK && view->options->follow)
        code = follow(view);
    if (view->output) {
        int finished = tr_cli_finish(view->call, &view->output);
        return code == TR_EXIT_OK ? finished : code;
    }
    if (code == TR_EXIT_OK && !written(view))
        code = tr_cli_fail(view->call, TR_EXIT_REFUSED, "the result could not be written");
    return code;
}

static int show_names(const view_t *view) {
    tr_log_names_t names;
    int rc = tr_log_names_read(view->place.directory, &names);
    if (rc < 0)
        return cannot_read(view, view->place.directory, rc);
    for (size_t i = 0; i < names.count; i++) {
        if (wanted(view->call, names.items[i]))
            fprintf(view->call->out, "%s\n", names.items[i]);
    }
    tr_log_names_finish(&names);
    return TR_EXIT_OK;
}

/* Objects, where -o asks for them. */
static int open_output(view_t *view) {
    static const tr_column_t columns[] = {{"agent", TR_COLUMN_TEXT}, {"line", TR_COLUMN_TEXT}};
    tr_output_format_t format = (tr_output_format_t)view->options->common.output;
    if (format != TR_OUTPUT_JSON && format != TR_OUTPUT_YAML)
        return TR_EXIT_OK;
    tr_output_config_t config = {view->call->out, format, columns, 2, .stream = true};
    return tr_output_new(&config, &view->output) < 0
               ? tr_cli_fail(view->call, TR_EXIT_REFUSED, "out of memory")
               : TR_EXIT_OK;
}

static int look(view_t *view) {
    const tr_call_t *call = view->call;
    const options_t *o = view->options;
    tr_error_t error = {0};
    int rc = tr_log_place_find(o->common.state, o->common.fleet, &view->place, &error);
    if (rc == -EINVAL)
        return tr_cli_usage(call, "%s", error.text);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_UNREACHABLE, "%s", error.text);
    if (!view->place.running)
        fprintf(call->err, "%s: fleet \"%s\" does not run; this is what it left\n", program.name,
            view->place.fleet);
    int code = check_names(view);
    if (code == TR_EXIT_OK && o->common.output == TR_OUTPUT_NAME)
        return show_names(view);
    if (code == TR_EXIT_OK)
        code = open_output(view);
    if (code == TR_EXIT_OK && o->follow && tr_process_signals(&view->signal_fd, &error) < 0)
        code = tr_cli_fail(call, TR_EXIT_REFUSED, "%s", error.text);
    return code == TR_EXIT_OK ? show(view) : code;
}

/* Of a fleet that runs apart: what kubectl or podman shows. -1: there is none. */
static int show_apart(const tr_call_t *call) {
    const options_t *o = call->options;
    tr_apart_t apart = {0};
    if (!tr_apart_instead(o->common.state, o->common.fleet, &apart))
        return -1;
    int code = call->arguments.count > 1
                   ? tr_cli_usage(call, "of a fleet that runs apart: expected one group, or none for all")
                   : tr_apart_logs(call, &apart, call->arguments.count ? call->arguments.items[0] : NULL,
                         o->lines, o->follow);
    tr_apart_finish(&apart);
    return code;
}

static int run(const tr_call_t *call) {
    int apart = show_apart(call);
    if (apart >= 0)
        return apart;
    view_t view = {.call = call,
        .options = call->options,
        .prefix = call->arguments.count != 1,
        .colour = tr_output_colour(call->out),
        .signal_fd = -1};
    int code = look(&view);
    for (size_t i = 0; i < view.count; i++)
        tr_log_reader_destroy(&view.readers[i]);
    free(view.readers);
    tr_output_destroy(&view.output);
    if (view.signal_fd >= 0) {
        close(view.signal_fd);
        tr_process_reset_signals();
    }
    return code;
}

const tr_verb_t tr_verb_logs = {"logs", TR_VERB_WATCH, &program, sizeof(options_t), run};

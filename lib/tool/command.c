/*
 * command: programs that the configuration allows, each call in a room of its own (sandbox/main.c): no network, no other process, a file system of which
 * nothing can be written but an empty /tmp and one directory, limits on time and memory, and no other program that it could run.
 *
 * What is run is a list of arguments, never a line for a shell: nothing that a model writes is looked at for quotes or variables. Shells are refused as
 * programs, too. Each call is privileged, unless the configuration says otherwise.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/process.h"
#include "lib/text/textbuf.h"
#include "lib/tool/child_watch.h"
#include "lib/tool/config.h"
#include "lib/tool/tools_private.h"

#define PROGRAM       "troupe-sandbox"
#define NOT_BUILT     125
#define OUTPUT_BYTES  ((size_t)4 << 20) /* of each of its pipes; the rest is read and forgotten */
#define LINE_BYTES    ((size_t)1 << 20)
#define ARGUMENTS_MAX 256
#define OPTIONS_MAX   96
#define SCHEMA                                                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"program\"],\"properties\":{"        \
    "\"program\":{\"enum\":[]},"                                                                             \
    "\"arguments\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\",\"maxLength\":65536}" \
    ","                                                                                                      \
    "\"description\":\"one string each; no shell looks at them\"},"                                          \
    "\"input\":{\"type\":\"string\",\"maxLength\":1048576,\"description\":\"what it reads from its "         \
    "standard input\"}}}"

typedef struct command_config {
    tr_tool_config_t common; /* first */
    tr_texts_t programs, read;
    const char *write;
    bool network, private, spawns;
    int64_t cpu_ms, memory, file_size, processes;
} command_config_t;

typedef struct command {
    tr_tool_t tool; /* first */
    const command_config_t *config;
    json_t *schema;
    tr_llm_loop_t *loop;
    char *sandbox; /* path of the program */
} command_t;

/* One that runs. */
typedef struct run {
    command_t *command;
    tr_tool_call_t *call;
    tr_child_t *child;
    tr_child_watch_t watch;
    tr_textbuf_t out, err;
} run_t;

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- the end ---- */

static void free_run(run_t *self) {
    self->call->state = NULL;
    tr_child_unwatch(&self->watch);
    tr_child_destroy(&self->child);
    tr_textbuf_finish(&self->out);
    tr_textbuf_finish(&self->err);
    free(self);
}

static void keep_lines(tr_lines_t *lines, tr_textbuf_t *to) {
    const char *line;
    size_t len;
    for (int r; (r = tr_lines_peek(lines, &line, &len)) != 0;) {
        if (r < 0) {
            tr_textbuf_add_string(to, "[a line that is too long is left out]\n");
            continue;
        }
        if (to->length + len < OUTPUT_BYTES) {
            tr_textbuf_add(to, line, len);
            tr_textbuf_add_string(to, "\n");
        }
        tr_lines_take(lines);
    }
}

static void tell_output(run_t *self, const char *how) {
    tr_textbuf_t all = {0};
    bool is_well = tr_child_succeeded(self->child);
    if (!is_well) {
        tr_textbuf_add_string(&all, how);
        tr_textbuf_add_string(&all, "\n");
    }
    tr_textbuf_add(&all, self->out.bytes ? self->out.bytes : "", self->out.length);
    if (self->err.length) {
        tr_textbuf_add_string(&all, self->out.length ? "\nstderr:\n" : "stderr:\n");
        tr_textbuf_add(&all, self->err.bytes, self->err.length);
    }
    size_t len = all.length;
    char *text = self->out.failed || self->err.failed ? NULL : tr_textbuf_take(&all);
    tr_textbuf_finish(&all);
    if (!text)
        tr_tool_call_fail(self->call, TR_TOOL_FAILED, "out of memory");
    else if (is_well)
        tr_tool_call_done(self->call, text, len);
    else
        tr_tool_call_error(self->call, text, len);
    free(text);
}

static void end(run_t *self) {
    char how[40];
    static const char told[] = PROGRAM ": ";
    tr_child_how(self->child, how, sizeof how);
    bool not_built = strcmp(how, "exit status 125") == 0 && self->err.length >= sizeof told - 1 &&
                     memcmp(self->err.bytes, told, sizeof told - 1) == 0;
    if (not_built)
        tr_tool_call_fail(self->call, TR_TOOL_UNAVAILABLE,
            "nothing was run, as it would not have been alone: %.300s", self->err.bytes);
    else
        tell_output(self, how);
    free_run(self);
}

static void on_ready(void *arg, int fd, uint32_t events) {
    run_t *self = arg;
    (void)events;
    tr_child_unwatch(&self->watch);
    tr_child_handle(self->child, fd);
    keep_lines(tr_child_output(self->child), &self->out);
    keep_lines(tr_child_errors(self->child), &self->err);
    if (tr_child_ended(self->child))
        end(self);
    else
        tr_child_watch(&self->watch, self->child);
}

/* ---- what is run ---- */

typedef struct {
    const char *items[OPTIONS_MAX + ARGUMENTS_MAX + 2];
    size_t count;
    char numbers[4][24];
} argv_t;

static void add(argv_t *v, const char *item) {
    v->items[v->count++] = item;
}

static void add_number(argv_t *v, unsigned which, const char *option, int64_t number) {
    snprintf(v->numbers[which], sizeof v->numbers[which], "%lld", (long long)number);
    add(v, option);
    add(v, v->numbers[which]);
}

static void add_options(argv_t *v, const command_t *self) {
    const command_config_t *c = self->config;
    add(v, self->sandbox);
    add_number(v, 0, "--cpu", (c->cpu_ms + 999) / 1000);
    add_number(v, 1, "--memory", c->memory);
    add_number(v, 2, "--file-size", c->file_size);
    add_number(v, 3, "--processes", c->processes);
    for (size_t i = 0; i < c->read.count; i++) {
        add(v, "--read");
        add(v, c->read.items[i]);
    }
    if (c->write) {
        add(v, "--write");
        add(v, c->write);
    }
    if (c->network)
        add(v, "--network");
    if (c->private)
        add(v, "--private");
    if (c->spawns)
        add(v, "--spawns");
    add(v, "--");
}

static const char *program_of(const command_config_t *config, const char *name) {
    for (size_t i = 0; i < config->programs.count; i++)
        if (strcmp(base_of(config->programs.items[i]), name) == 0)
            return config->programs.items[i];
    return NULL;
}

/* NULL, or what is wrong. */
static const char *add_command(argv_t *v, const command_t *self, const json_t *asked) {
    size_t i;
    json_t *argument;
    const char *name = json_string_value(json_object_get(asked, "program"));
    const char *program = name ? program_of(self->config, name) : NULL;
    if (!program)
        return "program: it is not one of those that are allowed";
    add(v, program);
    json_array_foreach(json_object_get(asked, "arguments"), i, argument) {
        if (i >= ARGUMENTS_MAX || strlen(json_string_value(argument)) != json_string_length(argument))
            return "arguments: 256 at most, without zeros";
        add(v, json_string_value(argument));
    }
    add(v, NULL);
    return NULL;
}

static int start_child(run_t *self, const argv_t *v, tr_error_t *error) {
    static const char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    const json_t *input = json_object_get(self->call->arguments, "input");
    tr_child_options_t options = {.command = v->items, .env = env, .only_env = true, .line_max = LINE_BYTES};
    int rc = tr_child_start(&options, &self->child, error);
    if (rc == 0 && input)
        rc = tr_child_write(self->child, json_string_value(input), json_string_length(input));
    if (rc == 0)
        tr_child_close_input(self->child);
    return rc;
}

static void start(tr_tool_call_t *call) {
    command_t *self = (command_t *)call->tool;
    argv_t v = {0};
    tr_error_t error = {.text = "out of memory"};
    add_options(&v, self);
    const char *wrong = add_command(&v, self, call->arguments);
    if (wrong) {
        tr_tool_call_fail(call, TR_TOOL_INVALID, "%s", wrong);
        return;
    }
    run_t *run = calloc(1, sizeof *run);
    if (!run) {
        tr_tool_call_fail(call, TR_TOOL_FAILED, "out of memory");
        return;
    }
    *run = (run_t){.command = self, .call = call};
    run->watch = (tr_child_watch_t){.loop = self->loop, .on_ready = on_ready, .arg = run};
    call->state = run;
    if (start_child(run, &v, &error) == 0) {
        tr_child_watch(&run->watch, run->child);
        return;
    }
    tr_tool_call_fail(call, TR_TOOL_UNAVAILABLE, "%s", error.text);
    free_run(run);
}

static void cancel(tr_tool_call_t *call) {
    free_run(call->state);
}

static void destroy(tr_tool_t *tool) {
    command_t *self = (command_t *)tool;
    json_decref(self->schema);
    free(self->sandbox);
    free(self);
}

static const tr_tool_ops_t ops = {start, cancel, destroy};

/* ---- the configuration ---- */

static bool is_path(const char *text, size_t len) {
    return len > 1 && text[0] == '/';
}

static bool is_program(const char *text, size_t len) {
    static const char *const shells[] = {"sh", "bash", "dash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish",
        "ash", "busybox", "env", "xargs", "sudo", "su", NULL};
    const char *name = base_of(text);
    for (size_t i = 0; shells[i]; i++)
        if (strcmp(name, shells[i]) == 0)
            return false;
    return is_path(text, len) && *name;
}

#define AT(member) offsetof(command_config_t, member)

static const tr_yaml_field_t fields[] = {
    TR_TOOL_FIELDS,
    {"programs", TR_YAML_TEXTS, AT(programs), true, 1, 64, .check = is_program,
        .expected = "the absolute path of a program, which is no shell and runs no other"},
    {"read", TR_YAML_TEXTS, AT(read), .max = 32, .check = is_path, .expected = "an absolute path"},
    {"write", TR_YAML_TEXT, AT(write), .check = is_path, .expected = "the absolute path of a directory"},
    {"network", TR_YAML_TRUTH, AT(network)},
    {"private", TR_YAML_TRUTH, AT(private)},
    {"runs-others", TR_YAML_TRUTH, AT(spawns)},
    {"cpu", TR_YAML_DURATION, AT(cpu_ms), .min = 1000, .max = TR_TOOL_DAY_MS},
    {"memory", TR_YAML_WHOLE, AT(memory), .min = 1 << 20, .max = INT64_C(1) << 40},
    {"file-size", TR_YAML_WHOLE, AT(file_size), .min = 1, .max = INT64_C(1) << 40},
    {"processes", TR_YAML_WHOLE, AT(processes), .min = 1, .max = 4096},
};

static const command_config_t initial = {
    .common = TR_TOOL_COMMON, .cpu_ms = 10000, .memory = 256 << 20, .file_size = 16 << 20, .processes = 16};
static const tr_yaml_table_t table = {
    fields, sizeof fields / sizeof *fields, sizeof(command_config_t), &initial, 0, NULL};

/* Beside this program, where it was built, or where it was installed. */
static char *find_sandbox(void) {
    char here[PATH_MAX], *path = NULL;
    static const char *const places[] = {"/" PROGRAM, "/../lib/tool/" PROGRAM};
    int rc = tr_process_directory(here, sizeof here);
    for (size_t i = 0; rc == 0 && i < sizeof places / sizeof *places; i++) {
        if (asprintf(&path, "%s%s", here, places[i]) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return access(TR_TOOL_BINDIR "/" PROGRAM, X_OK) == 0 ? strdup(TR_TOOL_BINDIR "/" PROGRAM) : NULL;
}

static json_t *make_schema(const command_config_t *config) {
    json_t *schema = json_loads(SCHEMA, 0, NULL);
    json_t *names =
        json_object_get(json_object_get(json_object_get(schema, "properties"), "program"), "enum");
    for (size_t i = 0; i < config->programs.count; i++)
        json_array_append_new(names, json_string(base_of(config->programs.items[i])));
    return schema;
}

static int check_programs(const command_config_t *config, tr_error_t *error) {
    for (size_t i = 0; i < config->programs.count; i++)
        if (access(config->programs.items[i], X_OK) < 0)
            return tr_error_set(
                error, -errno, "programs: %s: %s", config->programs.items[i], strerror(errno));
    return 0;
}

static int open_command(
    tr_tools_t *tools, const char *name, const tr_tool_config_t *common, tr_error_t *error) {
    const command_config_t *config = (const command_config_t *)common;
    command_t *self = calloc(1, sizeof *self);
    int rc = self ? check_programs(config, error) : tr_error_set(error, -ENOMEM, "out of memory");
    if (rc == 0 && !(self->sandbox = find_sandbox()))
        rc = tr_error_set(error, -ENOTSUP,
            "no program runs here but in " PROGRAM ", which is not there: build it with libseccomp "
            "(meson option sandbox), or install it beside troupe-agentd");
    if (rc == 0 && !(self->schema = make_schema(config)))
        rc = tr_error_set(error, -ENOMEM, "out of memory");
    if (rc < 0) {
        if (self)
            free(self->sandbox);
        free(self);
        return rc;
    }
    self->config = config;
    self->loop = &tools->loop;
    self->tool = (tr_tool_t){.ops = &ops,
        .name = name,
        .description = "Runs one of a few programs, with arguments and input, apart from the system: without "
                       "a network, and with an empty /tmp.",
        .privileged = true,
        .parameters = self->schema};
    tr_tool_take_config(&self->tool, common, NULL);
    rc = tr_tools_add(tools, &self->tool);
    return rc < 0 ? tr_error_set(error, rc, "cannot be added: %s", strerror(-rc)) : 0;
}

const tr_tool_kind_t tr_tool_kind_command = {"command", &table, open_command};

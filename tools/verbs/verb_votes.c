/* `troupe votes count`: counts the ballots of a file. Needs no broker. */
#include "lib/decision/poll_file.h"
#include "tools/cli/cli.h"
#include "tools/cli/output.h"
#include "tools/cli/rows.h"
#include "tools/verbs/verbs.h"

#include <errno.h>
#include <stdlib.h>

#define ARENA_LIMIT (256u << 20)

typedef struct options {
    tr_cli_common_t common;
    int method;
} options_t;

static const char *const methods[] = {
    "as-written", "plurality", "approval", "score", "borda", "schulze", NULL};

static const tr_option_t table[] = {
    {"method", 'm', "METHOD", TR_WORD(options_t, method), "as-written",
        "Count by this method instead: of borda and schulze the ballots are the same.", .words = methods,
        .flags = TR_OPTION_FLAG_ONLY},
    TR_CLI_OUTPUT_OPTION(options_t),
};

static const tr_program_t program = {
    .name = "troupe votes count",
    .summary = "Count the ballots of a file",
    .description = "Counts what a group has decided, by the rules that the file says, and tells why. - is "
                   "stdin. The count is "
                   "exact: whoever counts the same ballots again gets the same.\n\n"
                   "The exit code is 3 where nothing is decided: too few ballots, a tie, or no majority.",
    .examples = "troupe votes count poll.yaml\n"
                "troupe votes count poll.yaml --method borda -o json\n"
                "echo '{options: [tea, coffee], ballots: [{ranking: [tea]}]}' | troupe votes count -",
    .options = table,
    .option_count = sizeof table / sizeof *table,
    .env_prefix = "TROUPE",
    .arguments = "FILE",
    .least_arguments = 1,
    .most_arguments = 1,
};

typedef struct counting {
    const tr_call_t *call;
    tr_arena_t arena;
    tr_poll_file_t file;
    tr_count_t count;
    tr_ruling_t ruling;
    tr_error_t error;
} counting_t;

static const tr_column_t columns[] = {
    {"option", TR_COLUMN_TEXT},
    {"place", TR_COLUMN_NUMBER},
    {"points", TR_COLUMN_NUMBER},
    {"support_percent", TR_COLUMN_NUMBER},
    {"chosen", TR_COLUMN_TEXT},
};

static void put_row(const counting_t *c, tr_output_t *output, size_t option) {
    bool chosen = c->ruling.verdict == TR_VERDICT_DECIDED && c->ruling.winner == option;
    tr_output_text(output, c->file.options[option]);
    tr_output_number(output, (int64_t)c->count.places[option]);
    tr_output_real(output, (double)c->count.points[option] / (double)tr_count_scale(c->count.poll.method));
    tr_output_real(output, (double)tr_count_support(&c->count, option) / 10000);
    tr_output_json(output, json_boolean(chosen));
    tr_output_row(output);
}

/* From the best on. */
static int put(const counting_t *c) {
    const options_t *o = c->call->options;
    tr_output_t *output = NULL;
    int code = tr_cli_begin_table(
        c->call, &o->common, &(tr_cli_table_t){columns, sizeof columns / sizeof *columns}, false, &output);
    if (code != TR_EXIT_OK)
        return code;
    for (size_t place = 1; place <= c->count.poll.options; place++)
        for (size_t i = 0; i < c->count.poll.options; i++)
            if (c->count.places[i] == place)
                put_row(c, output, i);
    return tr_cli_finish(c->call, &output);
}

static int tell(const counting_t *c) {
    char text[1024];
    tr_ruling_explain(&c->ruling, &c->count, &c->file.rules, c->file.options, text, sizeof text);
    if (c->file.lost)
        fprintf(c->call->err, "troupe votes count: %.6g votes were delegated to nobody who votes\n",
            (double)c->file.lost / TR_WEIGHT_ONE);
    fprintf(c->call->err, "%s\n", text);
    return c->ruling.verdict == TR_VERDICT_DECIDED ? TR_EXIT_OK : TR_EXIT_REFUSED;
}

static int count(counting_t *c) {
    const options_t *o = c->call->options;
    tr_yaml_file_t file;
    int rc = tr_yaml_file_load(
        c->call->arguments.items[0], "poll", TR_POLL_FILE_BYTES_MAX, &c->arena, &file, &c->error);
    if (rc == 0)
        rc = tr_poll_file_read(&file, &c->arena, &c->file, &c->error);
    if (rc == 0 && o->method) {
        tr_method_t method = (tr_method_t)(o->method - 1);
        if (method != c->file.poll.method &&
            !(tr_method_ranks(method) && tr_method_ranks(c->file.poll.method)))
            return tr_error_set(&c->error, -EINVAL, "--method %s: the ballots are those of %s",
                methods[o->method], tr_method_words[c->file.poll.method]);
        c->file.poll.method = method;
    }
    if (rc == 0)
        rc = tr_count(&c->file.poll, c->file.ballots, c->file.ballot_count, &c->arena, &c->count, &c->error);
    if (rc == 0 && tr_decide(&c->count, &c->file.rules, &c->arena, &c->ruling) < 0)
        rc = tr_error_set(&c->error, -ENOMEM, "out of memory");
    return rc;
}

static int run(const tr_call_t *call) {
    counting_t c = {.call = call};
    tr_arena_init(&c.arena, ARENA_LIMIT);
    int code = count(&c) < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", c.error.text) : put(&c);
    if (code == TR_EXIT_OK)
        code = tell(&c);
    tr_arena_finish(&c.arena);
    return code;
}

const tr_verb_t tr_verb_votes_count = {"votes count", TR_VERB_TALK, &program, sizeof(options_t), run};

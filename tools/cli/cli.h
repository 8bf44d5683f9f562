/*
 * The `troupe` command: a table of verbs, one file each (verb_NAME.c), and what they share.
 *
 * A verb is a tr_verb_t, whose tr_program_t describes it for --help, man page and completion. To add one:
 * write tools/verb_NAME.c with `const tr_verb_t tr_verb_NAME`, and add its line to tools/verbs/verbs.h and to
 * meson.build.
 *
 * Options are read for it: `options` points to a struct of options_size bytes that its table filled. Those
 * that verbs share come from the macros below, may be set in the environment (TROUPE_OUTPUT, TROUPE_FLEET
 * ...), and are in a `tr_cli_common_t common` of the struct; a verb's own options are TR_OPTION_FLAG_ONLY.
 *
 * Results go to `out`, all else to `err`. What run returns is the exit code.
 */
#ifndef TR_TOOLS_CLI_H
#define TR_TOOLS_CLI_H

#include "lib/base/error.h"
#include "lib/base/options.h"
#include "tools/cli/output.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum tr_exit {
    TR_EXIT_OK = 0,
    TR_EXIT_USAGE = 1,
    TR_EXIT_UNREACHABLE = 2, /* no broker, no fleet */
    TR_EXIT_REFUSED = 3,     /* refused by the other side, or what was given is not valid */
    TR_EXIT_TIMEOUT = 4,
    TR_EXIT_GAVE_UP = 70, /* `troupe up`: the last supervisor gave up; as troupe-agentd says it */
} tr_exit_t;

typedef struct tr_cli_common {
    int output; /* tr_output_format_t */
    const char *fleet;
    const char *state;
    const char *connect;
    const char *cert;
    const char *certs;
    int64_t timeout_ms;
} tr_cli_common_t;

/* S is the verb's struct of options, which has `tr_cli_common_t common`. */
#define TR_CLI_OUTPUT_OPTION(S)                                                                              \
    {                                                                                                        \
        "output", 'o', "FORMAT", TR_WORD(S, common.output), "table", "How results are written.",             \
            .words = tr_output_words                                                                         \
    }
#define TR_CLI_STATE_OPTION(S)                                                                               \
    {                                                                                                        \
        "state", 0, "DIR", TR_STRING(S, common.state), NULL,                                                 \
            "Where the state of fleets is, in place of .troupe or the XDG state directory."                  \
    }
#define TR_CLI_FLEET_OPTION(S)                                                                               \
    { "fleet", 'f', "NAME", TR_STRING(S, common.fleet), NULL, "The fleet, where several run." }
/* Of verbs that talk to a broker. */
#define TR_CLI_CONNECT_OPTIONS(S, timeout)                                                                   \
    TR_CLI_FLEET_OPTION(S), TR_CLI_STATE_OPTION(S),                                                          \
        {"connect", 'c', "ENDPOINT", TR_STRING(S, common.connect), NULL,                                     \
            "A broker, in place of that of a fleet that runs here: tcp://HOST:PORT or ipc://PATH."},         \
        {"cert", 0, "FILE", TR_STRING(S, common.cert), NULL,                                                 \
            "The secret part of your certificate, for a broker that wants one; that of a fleet that runs "   \
            "here is known."},                                                                               \
    {                                                                                                        \
        "timeout", 't', "TIME", TR_DURATION(S, common.timeout_ms), timeout, "Give up after this time.",      \
            .min = 1                                                                                         \
    }

typedef struct tr_verb tr_verb_t;

/* One call of a verb. */
typedef struct tr_call {
    const tr_verb_t *verb;
    const void *options; /* the verb's struct */
    tr_strings_t arguments;
    const tr_options_t *sources; /* for tr_options_source */
    FILE *out, *err;
} tr_call_t;

typedef enum tr_verb_group {
    TR_VERB_FLEET,   /* run a fleet */
    TR_VERB_TALK,    /* talk to agents */
    TR_VERB_WATCH,   /* watch */
    TR_VERB_SUPPORT, /* the rest */
    TR_VERB_GROUPS,
} tr_verb_group_t;

struct tr_verb {
    const char *name; /* "up"; of two words: "df search" */
    tr_verb_group_t group;
    const tr_program_t *program; /* its name is "troupe NAME" */
    size_t options_size;         /* of the struct that the table fills */
    int (*run)(const tr_call_t *call);
    void (*words)(FILE *out); /* for completion: those that an argument may be, with spaces between; NULL */
};

/* All verbs, in the order of --help; ends with NULL. */
extern const tr_verb_t *const tr_verbs[];

/* Runs the command line; returns the exit code. `verbs` ends with NULL. */
int tr_cli_run(const tr_verb_t *const *verbs, int argc, char *const *argv, FILE *out, FILE *err);

/* Says "troupe VERB: TEXT" on the call's err and returns `code`. */
int tr_cli_fail(const tr_call_t *call, tr_exit_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for wrong usage, with a hint at --help. */
int tr_cli_usage(const tr_call_t *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends an output and destroys it: TR_EXIT_OK, or says why it could not be written. */
int tr_cli_finish(const tr_call_t *call, tr_output_t **output);

/* The verb of a name; NULL. */
const tr_verb_t *tr_verb_find(const tr_verb_t *const *verbs, const char *name);
/* The word that heads a group in --help. */
const char *tr_verb_group_title(tr_verb_group_t group);

/* `troupe --help`; `width` in columns, 0 = 80. */
void tr_cli_help(const tr_verb_t *const *verbs, size_t width, FILE *out);
/* Says that no verb has this name, or that the second word is missing (`word` NULL), and which is near. `first`: the
 * first of two words, or NULL. TR_EXIT_USAGE. */
int tr_cli_unknown_verb(const tr_verb_t *const *verbs, const char *first, const char *word, FILE *err);
/* The verbs of two words that begin with `first`: "df search"; false where there are none. */
bool tr_cli_help_of(const tr_verb_t *const *verbs, const char *first, FILE *out);
/* The page troupe(1), with all verbs. */
int tr_cli_man(const tr_verb_t *const *verbs, FILE *out);
/* A script for "bash", "zsh" or "fish". -EINVAL: another word. */
int tr_cli_completion(const tr_verb_t *const *verbs, const char *shell, FILE *out);
extern const char *const tr_cli_shells[];

#endif

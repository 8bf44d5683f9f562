/*
 * One table of options serves the command line, the environment, the configuration file, --help, the man page
 * and shell completion.
 *
 *     typedef struct {
 *         const char *listen; int64_t links, lease_ms; size_t queue; bool insecure;
 *         tr_strings_t peers; int log_level, log_format;
 *     } conf_t;
 *
 *     static const tr_option_t options[] = {
 *         {"listen", 'l', "ENDPOINT", TR_STRING(conf_t, listen), "tcp://127.0.0.1:5570",
 *             "Where links connect."},
 *         {"links", 0, "N", TR_INT(conf_t, links), "9000", "Most links.", .min = 1, .max = 100000},
 *         {"lease", 0, "TIME", TR_DURATION(conf_t, lease_ms), "3s", "A silent process is dead then.",
 *             .min = 100},
 *         {"queue", 0, "SIZE", TR_SIZE(conf_t, queue), "16M", "Bytes queued for one link.", .min = 4096},
 *         {"peer", 0, "ENDPOINT", TR_LIST(conf_t, peers), NULL, "Another broker. May be repeated."},
 *         {"insecure", 0, NULL, TR_BOOL(conf_t, insecure), NULL, "Allow TCP beyond loopback without CURVE."},
 *         TR_LOG_OPTIONS(conf_t),
 *     };
 *
 * Precedence, lowest first: the table's default, the configuration file, the environment, the flag. A list of
 * a higher source replaces that of a lower one.
 *
 * - Flag: --queue 16M, --queue=16M, -q 16M, -q16M; a bool: --insecure, --no-insecure, --insecure=false.
 *   Letters of bools join (-vq). `--` ends the options. A list: the flag once for each item.
 * - Environment: PREFIX_QUEUE=16M ('-' becomes '_'); a list: items with commas between. An empty variable is
 *   as good as none. Unknown variables with the prefix are not errors. (Kubernetes sets PREFIX_PORT and
 *   PREFIX_SERVICE_HOST for a service of the daemon's name: name no option so.)
 * - File: YAML, one flat mapping `queue: 16M`, keys as the flags without dashes; a list: a sequence, or one
 *   scalar. Errors name file:line: key and what was expected; unknown keys suggest the nearest; a key given
 *   twice is refused. The file is that of --config FILE or PREFIX_CONFIG, for programs that set `has_file`.
 *
 * Built in: -h --help, -V --version, and --config FILE for those programs.
 *
 * - bool: true false yes no on off 1 0
 * - int: decimal, with a sign where the range allows it
 * - size: bytes, or a whole number with K M G T (of 1024; "KiB" and "KB" mean the same)
 * - duration: numbers with the units us ms s m h d, also "1.5s" and "1m30s", rounded up to whole
 *   milliseconds; "0" alone needs no unit, other bare numbers are refused
 * - word: one of a set, stored as its index
 * - string: any bytes; nothing is expanded
 *
 * Threads: functions of their arguments and of the environment; nothing is kept outside of tr_options_t.
 */
#ifndef TR_BASE_OPTIONS_H
#define TR_BASE_OPTIONS_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strings that someone else owns: items[count] is NULL (items itself is never NULL after tr_options_read). */
typedef struct tr_strings {
    const char *const *items;
    size_t count;
} tr_strings_t;

/* What the member of the caller's struct is. Written by the macros below, which check the member's type. */
typedef enum tr_option_type {
    TR_OPTION_BOOL,     /* bool */
    TR_OPTION_INT,      /* int64_t */
    TR_OPTION_SIZE,     /* size_t, bytes */
    TR_OPTION_DURATION, /* int64_t, milliseconds */
    TR_OPTION_STRING,   /* const char *, NULL where there is no default */
    TR_OPTION_WORD,     /* int, index into words; -1 where there is no default */
    TR_OPTION_LIST,     /* tr_strings_t */
} tr_option_type_t;

#define TR_OPTION_FIELD(S, f, kind, T)                                                                       \
    .type = (kind), .offset = offsetof(S, f) + 0 * sizeof(struct {                                           \
        _Static_assert(                                                                                      \
            __builtin_types_compatible_p(__typeof__(((S *)0)->f), T), "option: member has another type");    \
        int unused;                                                                                          \
    })
#define TR_BOOL(S, f)     TR_OPTION_FIELD(S, f, TR_OPTION_BOOL, bool)
#define TR_INT(S, f)      TR_OPTION_FIELD(S, f, TR_OPTION_INT, int64_t)
#define TR_SIZE(S, f)     TR_OPTION_FIELD(S, f, TR_OPTION_SIZE, size_t)
#define TR_DURATION(S, f) TR_OPTION_FIELD(S, f, TR_OPTION_DURATION, int64_t)
#define TR_STRING(S, f)   TR_OPTION_FIELD(S, f, TR_OPTION_STRING, const char *)
#define TR_WORD(S, f)     TR_OPTION_FIELD(S, f, TR_OPTION_WORD, int)
#define TR_LIST(S, f)     TR_OPTION_FIELD(S, f, TR_OPTION_LIST, tr_strings_t)

typedef enum tr_option_flags {
    TR_OPTION_REQUIRED = 1,  /* no source gives it: an error that names the flag */
    TR_OPTION_SECRET = 2,    /* its value is never quoted in an error */
    TR_OPTION_HIDDEN = 4,    /* not in --help, man page, completion */
    TR_OPTION_FLAG_ONLY = 8, /* not from file or environment */
} tr_option_flags_t;

typedef struct tr_option {
    const char *name;    /* without dashes: "mailbox-limit" */
    char letter;         /* 0 = none */
    const char *metavar; /* "SIZE"; NULL for a bool */
    tr_option_type_t type;
    size_t offset;       /* of the member in the caller's struct */
    const char *initial; /* the default as text, as a user would write it (a list: items with commas between);
                            NULL = false, 0, NULL, -1, empty */
    const char *help;    /* one sentence or two, with full stops */
    int64_t min, max;    /* int: value, size: bytes, duration: ms, list: items. Both 0 = the type's own range;
                            max 0 with min > 0 = no upper bound */
    const char *const *words; /* of TR_WORD, ended by NULL; of a string: what completion offers */
    unsigned flags;           /* tr_option_flags_t */
} tr_option_t;

typedef struct tr_program {
    const char *name;        /* as typed: "troupe up", "troupe-broker" */
    const char *summary;     /* one line, no full stop */
    const char *usage;       /* after the name; NULL = "[OPTION...]" and the arguments */
    const char *description; /* paragraphs with an empty line between; NULL = none */
    const char *examples;    /* lines: "# what it does" and "  command"; NULL = none */
    const tr_option_t *options;
    size_t option_count;
    const char *env_prefix; /* "TROUPE_BROKER"; NULL = no environment */
    const char *arguments;  /* names of the positional arguments, with a space between: "FLEET", "FROM TO",
                               "FILE..."; NULL = none */
    size_t least_arguments;
    size_t most_arguments;
    bool has_file;         /* --config FILE */
    bool stop_at_argument; /* the first positional argument ends the options: for `troupe VERB ...` and `run
                              COMMAND ...` */
} tr_program_t;

/* What tr_options_read says that the user asked for, instead of work. */
typedef enum tr_options_ask {
    TR_OPTIONS_RUN = 0,
    TR_OPTIONS_HELP = 1,    /* print tr_options_help and end with 0 */
    TR_OPTIONS_VERSION = 2, /* print "NAME VERSION" and end with 0 */
} tr_options_ask_t;

typedef enum tr_option_source {
    TR_SOURCE_DEFAULT,
    TR_SOURCE_FILE,
    TR_SOURCE_ENVIRONMENT,
    TR_SOURCE_FLAG,
} tr_option_source_t;

/* Owns every string that was put into the caller's struct. */
typedef struct tr_options tr_options_t;

/*
 * Fills `target` (every member that the table names) from all sources. argv[0] is skipped. Returns a
 * tr_options_ask_t, or -EINVAL with the text that the user should read (argument errors, and errors in the
 * file), the errno of a file that cannot be read, -ENOMEM. Nothing was printed. With TR_OPTIONS_RUN,
 * `*ret_options` is to be destroyed after the last use of `target`'s strings; otherwise `target` and
 * `*ret_options` are untouched. `argv` and the environment are copied, not borrowed.
 */
int tr_options_read(const tr_program_t *program, int argc, char *const *argv, void *target,
    tr_options_t **ret_options, tr_error_t *error);
void tr_options_destroy(tr_options_t **self);

/* The positional arguments (owned by `self`). */
tr_strings_t tr_options_arguments(const tr_options_t *self);
/* How many entries of argv, argv[0] included, were taken before the first positional argument: with
 * stop_at_argument a verb's own parser gets argv + this. argc where there is none. */
int tr_options_consumed(const tr_options_t *self);
/* Where the value of an option came from; TR_SOURCE_DEFAULT for a name that is not in the table. */
tr_option_source_t tr_options_source(const tr_options_t *self, const char *name);
/* The file that was read, or NULL. */
const char *tr_options_file(const tr_options_t *self);

/* Values as text, for other readers of the same kinds of value (fleet files). Each returns 0, or -EINVAL or
 * -ERANGE with an error that says what was expected; the output is untouched on failure. */
int tr_parse_bool(const char *text, bool *ret_value, tr_error_t *error);
int tr_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value, tr_error_t *error);
int tr_parse_size(const char *text, size_t *ret_bytes, tr_error_t *error);
int tr_parse_duration(const char *text, int64_t *ret_ms, tr_error_t *error);
int tr_parse_word(const char *text, const char *const *words, int *ret_index, tr_error_t *error);

/* The texts below go to the caller's stream. Each returns 0, or -EIO when the stream failed. */

/* `width` in columns: 0 = 80. Text is wrapped between 40 and 120 columns. */
int tr_options_help(const tr_program_t *program, size_t width, FILE *out);
/* Of the terminal that `out` is; 0 where it is none. */
size_t tr_options_width(FILE *out);
/* What a program does instead of its work: prints what was asked for (TR_OPTIONS_HELP, TR_OPTIONS_VERSION) on stdout, or, where
 * tr_options_read has failed (`ask` negative), what is wrong on stderr. The exit code: 0; 1 for wrong usage, and where it could
 * not be printed. */
int tr_options_answer(const tr_program_t *program, int ask, const tr_error_t *error);
/* The man page as roff; `section` is 1 (commands) or 8 (daemons). The same input gives the same bytes (no
 * date). */
int tr_options_man(const tr_program_t *program, int section, FILE *out);
/* For shell completion: `option` NULL prints one line "--name TAB first sentence of the help" per option; the
 * name of an option ("log-level" or "--log-level") prints its words, one a line, and nothing for an option
 * without words. */
int tr_options_complete(const tr_program_t *program, const char *option, FILE *out);
/* A configuration file with every option, its help as a comment and its default, commented out. */
int tr_options_sample(const tr_program_t *program, FILE *out);

#ifdef __cplusplus
}
#endif

#endif

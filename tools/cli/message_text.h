/*
 * Messages as people type and read them: acts by name, contents from an argument or stdin, contents and
 * headers as JSON.
 *
 * Contents that are no msgpack and no JSON are texts; what is not UTF-8 either is {"$bin": base64}
 * (proto/json.h).
 */
#ifndef TR_TOOLS_MESSAGE_TEXT_H
#define TR_TOOLS_MESSAGE_TEXT_H

#include "proto/acl.h"
#include "proto/content.h"
#include "tools/cli/cli.h"

#include <stdarg.h>

/* A performative, or a message kind, which also gives protocol and ontology where `acl` has none. Exit code;
 * says what is wrong. */
int tr_cli_parse_act(const tr_call_t *call, const char *word, tr_acl_t *acl);
/* NAME, NAME@PLATFORM or svc:NAME. */
int tr_cli_check_receiver(const tr_call_t *call, const char *name);

/* How a content is given to the verbs that send one. `language`:
 *   auto     a JSON object or list is msgpack, all else a text
 *   text     as it is
 *   json     as it is, once it was checked
 *   msgpack  given as JSON
 *   another  as it is, in the language of that name */
typedef struct tr_cli_given {
    const char *language;
    const char *from; /* a file, "-" = stdin; NULL: the argument */
} tr_cli_given_t;
extern const char *const tr_cli_languages[];

/* S is the verb's struct of options, which has `tr_cli_given_t given`. */
#define TR_CLI_CONTENT_OPTIONS(S, otherwise)                                                                 \
    {"language", 0, "NAME", TR_STRING(S, given.language), "auto",                                            \
        "How the content is sent. auto: a JSON object or list as msgpack, all else as " otherwise "; text, " \
        "json: as it is; msgpack: any JSON, as msgpack; another name (bytes, application/pdf ...): as it "   \
        "is, in that language.",                                                                             \
        .words = tr_cli_languages, .flags = TR_OPTION_FLAG_ONLY},                                            \
    {                                                                                                        \
        "from", 0, "FILE", TR_STRING(S, given.from), NULL,                                                   \
            "Read the content from this file, in place of CONTENT; - is stdin.",                             \
            .flags = TR_OPTION_FLAG_ONLY                                                                     \
    }

/* How a message is to be delivered. */
typedef struct tr_cli_delivery {
    bool durable;
    int64_t priority;
} tr_cli_delivery_t;

/* S is the verb's struct of options, which has `tr_cli_delivery_t delivery`. */
#define TR_CLI_DELIVERY_OPTIONS(S)                                                                           \
    {"durable", 'd', NULL, TR_BOOL(S, delivery.durable), NULL,                                               \
        "Have the broker keep it on disk until its receiver has dealt with it; the broker needs a journal.", \
        .flags = TR_OPTION_FLAG_ONLY},                                                                       \
    {                                                                                                        \
        "priority", 'p', "N", TR_INT(S, delivery.priority), "0",                                             \
            "0 to 9: where messages wait for a service or durably, the highest go first.",                   \
            .min = 0, .max = 9, .flags = TR_OPTION_FLAG_ONLY                                                 \
    }
void tr_cli_set_delivery(const tr_cli_delivery_t *delivery, tr_acl_t *acl);

typedef struct tr_cli_content {
    const void *bytes;
    size_t len;
    const char *language; /* for the envelope; NULL = msgpack, or no content */
    char *read;           /* owned: what a file had */
    tr_content_writer_t writer;
} tr_cli_content_t;

/* `argument`: NULL = no content, "-" = all of stdin. Of what was read, a line's end at its end is left out,
 * unless it is in another language. `packed`: in `auto`, texts are msgpack too, as watchers of a topic expect.
 * Exit code; says what is wrong, and notes on err what looks like JSON and is none. `argument` and `given` must
 * outlive it. */
int tr_cli_read_content(const tr_call_t *call, const char *argument, const tr_cli_given_t *given, bool packed,
    tr_cli_content_t *ret_content);
/* Exit code; says what is wrong with the name of a language, and notes on err what is probably a slip. */
int tr_cli_check_language(const tr_call_t *call, const char *name);
/* As tr_cli_read_content, for a text of `len` bytes that is at hand, in a language that was checked.
 * *ret_content is all zero before. */
int tr_cli_encode_content(const tr_call_t *call, const char *text, size_t len, const char *language,
    bool packed, tr_cli_content_t *ret_content);
void tr_cli_content_finish(tr_cli_content_t *self);

/* New references (json_decref); NULL when out of memory. The parameters that the message has, and what the record's header says. acl may be NULL (no
 * valid envelope). */
json_t *tr_cli_headers_json(const tr_record_t *record, const tr_acl_t *acl);

/* Headers as "name: value" lines with `indent` spaces before. */
void tr_cli_print_headers(FILE *out, const json_t *headers, int indent);
/* A content for people: a text as it is, all else as indented JSON; nothing for null. On a terminal as tr_terminal_print. */
void tr_cli_print_content(FILE *out, const json_t *content);
/* Bytes as they are; on a terminal as tr_terminal_print (terminal_text.h): what others wrote moves no cursor. */
void tr_cli_print_raw(FILE *out, const void *bytes, size_t len);
/* The same of what printf would write. */
void tr_cli_print_format(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tr_cli_print_list(FILE *out, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif

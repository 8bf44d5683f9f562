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
#include "tools/cli.h"

/* A performative, or a message kind, which also gives protocol and ontology where `acl` has none. Exit code;
 * says what is wrong. */
int tr_cli_parse_act(const tr_call_t *call, const char *word, tr_acl_t *acl);
/* NAME, NAME@PLATFORM or svc:NAME. */
int tr_cli_check_receiver(const tr_call_t *call, const char *name);

typedef enum tr_cli_language {
    TR_CLI_AUTO, /* a JSON object or list is msgpack, all else a text */
    TR_CLI_TEXT,
    TR_CLI_JSON,
    TR_CLI_MSGPACK, /* given as JSON */
} tr_cli_language_t;
extern const char *const tr_cli_languages[];

typedef struct tr_cli_content {
    const void *bytes;
    size_t len;
    const char *language; /* for the envelope; NULL = msgpack, or no content */
    char *read;           /* owned: what stdin had */
    tr_content_writer_t writer;
} tr_cli_content_t;

/* `argument`: NULL = no content, "-" = all of stdin (less one line's end at its end). `packed`: texts and
 * JSON are msgpack too, as in publications, whose envelope names no language. Exit code; says what is wrong,
 * and notes on err what looks like JSON and is none. `argument` must outlive it. */
int tr_cli_read_content(const tr_call_t *call, const char *argument, tr_cli_language_t language, bool packed,
    tr_cli_content_t *ret_content);
/* The same for a text of `len` bytes that is at hand; *ret_content is all zero before. */
int tr_cli_encode_content(const tr_call_t *call, const char *text, size_t len, tr_cli_language_t language,
    bool packed, tr_cli_content_t *ret_content);
void tr_cli_content_finish(tr_cli_content_t *self);

/* New references (json_decref); NULL when out of memory. `language` may be NULL. */
json_t *tr_cli_content_json(const char *language, const void *bytes, size_t len);
/* The parameters that the message has, and what the record's header says. acl may be NULL (no
 * valid envelope). */
json_t *tr_cli_headers_json(const tr_record_t *record, const tr_acl_t *acl);

/* Headers as "name: value" lines with `indent` spaces before. */
void tr_cli_print_headers(FILE *out, const json_t *headers, int indent);
/* A content for people: a text as it is, all else as indented JSON; nothing for null. On a terminal control
 * characters become '?'. */
void tr_cli_print_content(FILE *out, const json_t *content);
/* Bytes as they are; on a terminal control characters but tab and newline become '?'. */
void tr_cli_print_raw(FILE *out, const void *bytes, size_t len);

#endif

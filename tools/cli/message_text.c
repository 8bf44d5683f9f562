#include "tools/cli/message_text.h"

#include "lib/base/suggest.h"
#include "proto/aid.h"
#include "proto/json.h"
#include "tools/cli/terminal_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX     (64u << 20)
#define LANGUAGE_MAX 64

/* ---- what people type ---- */

int tr_cli_parse_act(const tr_call_t *call, const char *word, tr_acl_t *acl) {
    tr_performative_t act;
    const tr_message_kind_t *kind = tr_message_kind_parse(word, strlen(word), &act);
    if (act != TR_ACT_NONE) {
        acl->performative = act;
        if (kind && !acl->protocol)
            acl->protocol = kind->protocol;
        if (kind && !acl->ontology)
            acl->ontology = kind->ontology;
        return TR_EXIT_OK;
    }
    const char *words[TR_ACT_MAX + 16];
    size_t n = 0;
    for (unsigned i = TR_ACT_NONE + 1; i < TR_ACT_MAX; i++)
        words[n++] = tr_performative_name(i);
    for (const tr_message_kind_t *k = tr_message_kinds(); k->name && n < TR_ACT_MAX + 15; k++)
        words[n++] = k->name;
    words[n] = NULL;
    const char *nearest = tr_suggest(word, words);
    return tr_cli_usage(call,
        "\"%.60s\" is no performative (request, inform, query-ref ...) and no message kind%s%s%s", word,
        nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

int tr_cli_check_receiver(const tr_call_t *call, const char *name) {
    tr_aid_t aid;
    if (tr_aid_parse(&aid, name, strlen(name)) == 0)
        return TR_EXIT_OK;
    return tr_cli_usage(call,
        "\"%.140s\" is no agent's name: expected NAME, NAME@PLATFORM or svc:NAME, where a name is of "
        "A-Z a-z 0-9 . _ - + ~ and begins with neither . nor -",
        name);
}

void tr_cli_set_delivery(const tr_cli_delivery_t *delivery, tr_acl_t *acl) {
    acl->priority = (uint8_t)delivery->priority;
    if (delivery->durable)
        acl->flags |= TR_FLAG_DURABLE;
}

/* All of a file; `name` is what errors call it. */
static int read_all(const tr_call_t *call, int fd, const char *name, char **ret_text, size_t *ret_len) {
    size_t size = 65536, len = 0;
    char *text = malloc(size);
    for (;;) {
        ssize_t n = text ? read(fd, text + len, size - len) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        len += n > 0 ? (size_t)n : 0;
        if (n <= 0 || len > READ_MAX) {
            int rc = n < 0 ? errno : 0;
            if (text && rc == 0 && len <= READ_MAX)
                break;
            free(text);
            return tr_cli_fail(call, TR_EXIT_REFUSED, "%s: %s", name,
                !text ? "out of memory"
                : rc  ? strerror(rc)
                      : "more than 64 MiB; a message is smaller");
        }
        if (len == size) {
            char *grown = realloc(text, size *= 2);
            if (!grown)
                free(text);
            text = grown;
        }
    }
    *ret_text = text;
    *ret_len = len;
    return TR_EXIT_OK;
}

static int read_file(const tr_call_t *call, const char *path, char **ret_text, size_t *ret_len) {
    if (strcmp(path, "-") == 0)
        return read_all(call, STDIN_FILENO, "stdin", ret_text, ret_len);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "%s: %s", path, strerror(errno));
    int code = read_all(call, fd, path, ret_text, ret_len);
    close(fd);
    return code;
}

/* ---- languages ---- */

typedef enum language {
    AUTO,
    TEXT,
    JSON,
    MSGPACK,
    OTHER,
} language_t;

const char *const tr_cli_languages[] = {"auto", "text", "json", "msgpack", NULL};

static language_t language_of(const char *name) {
    language_t language = AUTO;
    while (language < OTHER && strcmp(tr_cli_languages[language], name) != 0)
        language++;
    return language;
}

/* Any name may be a language; what is probably a slip is told. */
int tr_cli_check_language(const tr_call_t *call, const char *name) {
    size_t len = strlen(name);
    bool plain = len > 0 && len <= LANGUAGE_MAX;
    for (size_t i = 0; i < len && plain; i++)
        plain = (unsigned char)name[i] > 0x20 && (unsigned char)name[i] < 0x7f;
    if (!plain)
        return tr_cli_usage(call,
            "--language: expected auto, text, json, msgpack, or the name of another language: 1 to %d "
            "characters without spaces",
            LANGUAGE_MAX);
    const char *near = language_of(name) == OTHER ? tr_suggest(name, tr_cli_languages) : NULL;
    if (near)
        fprintf(call->err, "%s: sent as it is, in a language called \"%s\"; did you mean \"%s\"?\n",
            call->verb->program->name, name, near);
    return TR_EXIT_OK;
}

static char first_char(const char *text, size_t len) {
    size_t i = 0;
    while (i < len && isspace((unsigned char)text[i]))
        i++;
    return i < len ? text[i] : '\0';
}

/* As msgpack, into the writer. */
static int pack(const char *text, size_t len, tr_cli_content_t *c, tr_error_t *error) {
    int rc = tr_json_to_content(text, len, &c->writer, error);
    return rc < 0 ? rc : tr_content_writer_take(&c->writer, &c->bytes, &c->len);
}

static void take_text(tr_cli_content_t *c, const char *text, size_t len, const char *language) {
    c->bytes = text;
    c->len = len;
    c->language = language;
}

/* A text: as it is, or as a msgpack string. */
static int encode_text(tr_cli_content_t *c, const char *text, size_t len, bool packed) {
    if (!packed) {
        take_text(c, text, len, len ? "text" : NULL);
        return 0;
    }
    tr_write_strn(&c->writer, text, len);
    return tr_content_writer_take(&c->writer, &c->bytes, &c->len);
}

static int encode_auto(
    const tr_call_t *call, const char *text, size_t len, bool packed, tr_cli_content_t *c) {
    tr_error_t error = {0};
    char first = first_char(text, len);
    bool maybe = first == '{' || first == '[';
    int rc = maybe ? pack(text, len, c, &error) : -EINVAL;
    if (rc == 0)
        return TR_EXIT_OK;
    if (first == '{')
        fprintf(
            call->err, "%s: sent as a text, as it is no JSON: %s\n", call->verb->program->name, error.text);
    rc = encode_text(c, text, len, packed);
    return rc < 0 ? tr_cli_fail(call, TR_EXIT_REFUSED, "%s", strerror(-rc)) : TR_EXIT_OK;
}

static int encode_json(
    const tr_call_t *call, const char *text, size_t len, bool msgpack, tr_cli_content_t *c) {
    tr_error_t error = {0};
    int rc = pack(text, len, c, &error);
    if (rc < 0)
        return tr_cli_usage(call, "the content is no JSON: %s", error.code ? error.text : strerror(-rc));
    if (!msgpack)
        take_text(c, text, len, "json");
    return TR_EXIT_OK;
}

int tr_cli_encode_content(const tr_call_t *call, const char *text, size_t len, const char *name, bool packed,
    tr_cli_content_t *ret_content) {
    tr_cli_content_t *c = ret_content;
    language_t language = language_of(name);
    tr_content_writer_init(&c->writer);
    if (language == AUTO)
        return encode_auto(call, text, len, packed, c);
    if (language == JSON || language == MSGPACK)
        return encode_json(call, text, len, language == MSGPACK, c);
    take_text(c, text, len, len ? name : NULL);
    return TR_EXIT_OK;
}

int tr_cli_read_content(const tr_call_t *call, const char *argument, const tr_cli_given_t *given, bool packed,
    tr_cli_content_t *ret_content) {
    tr_cli_content_t *c = ret_content;
    const char *file = argument && strcmp(argument, "-") == 0 ? argument : given->from;
    size_t len = argument ? strlen(argument) : 0;
    *c = (tr_cli_content_t){0};
    if (argument && given->from)
        return tr_cli_usage(call, "expected either CONTENT or --from, found both");
    int code = tr_cli_check_language(call, given->language);
    if (code == TR_EXIT_OK && file) {
        code = read_file(call, file, &c->read, &len);
        argument = c->read;
        if (code == TR_EXIT_OK && language_of(given->language) != OTHER && len > 0 &&
            argument[len - 1] == '\n')
            len--;
    }
    if (code == TR_EXIT_OK && argument)
        code = tr_cli_encode_content(call, argument, len, given->language, packed, c);
    if (code != TR_EXIT_OK)
        tr_cli_content_finish(c);
    return code;
}

void tr_cli_content_finish(tr_cli_content_t *self) {
    tr_content_writer_finish(&self->writer);
    free(self->read);
    *self = (tr_cli_content_t){0};
}

/* ---- what people read ---- */

static void put(json_t *object, const char *name, json_t *value) {
    json_object_set_new(object, name, value); /* NULL (out of memory, no UTF-8): left out */
}

static void put_text(json_t *object, const char *name, const char *text) {
    if (text)
        put(object, name, json_string(text));
}

static void put_list(json_t *object, const char *name, tr_acl_list_t list) {
    json_t *texts = list.count ? json_array() : NULL;
    for (size_t i = 0; texts && i < list.count; i++)
        json_array_append_new(texts, json_string(list.items[i]));
    if (texts)
        put(object, name, texts);
}

static void put_route(json_t *object, const char *name, tr_route_t route) {
    char text[24];
    snprintf(text, sizeof text, "0x%016" PRIx64, route);
    if (route)
        put_text(object, name, text);
}

/* Only what is limited. */
static json_t *budget_json(const tr_budget_t *budget) {
    json_t *object = json_object();
    if (budget->of_tokens)
        put(object, "tokens", json_integer((json_int_t)budget->tokens));
    if (budget->of_money)
        put(object, "micro_cost", json_integer((json_int_t)budget->micro_cost));
    return object;
}

static void put_envelope(json_t *object, const tr_acl_t *acl) {
    put_text(object, "sender", acl->sender);
    put_list(object, "receivers", acl->receivers);
    put_list(object, "reply_to", acl->reply_to);
    put_text(object, "language", acl->language);
    put_text(object, "encoding", acl->encoding);
    put_text(object, "ontology", acl->ontology);
    put_text(object, "protocol", acl->protocol);
    put_text(object, "conversation_id", acl->conversation_id);
    put_text(object, "reply_with", acl->reply_with);
    put_text(object, "in_reply_to", acl->in_reply_to);
    put_text(object, "traceparent", acl->traceparent);
    put_list(object, "delegation", acl->delegation);
    if (acl->budget.of_tokens || acl->budget.of_money)
        put(object, "budget", budget_json(&acl->budget));
    for (size_t i = 0; i < acl->user_count; i++)
        put_text(object, acl->user[i].name, acl->user[i].value);
}

static json_t *flags_json(uint8_t flags) {
    static const struct {
        uint8_t flag;
        const char *name;
    } names[] = {{TR_FLAG_LEASED, "leased"}, {TR_FLAG_REDELIVERED, "redelivered"},
        {TR_FLAG_DURABLE, "durable"}, {TR_FLAG_NO_NACK, "no-nack"}, {TR_FLAG_TAP, "tap"},
        {TR_FLAG_MANDATE, "mandate"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (flags & names[i].flag)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

json_t *tr_cli_headers_json(const tr_record_t *record, const tr_acl_t *acl) {
    const tr_record_header_t *h = &record->h;
    json_t *object = json_object();
    if (!object)
        return NULL;
    put_text(object, "performative", tr_performative_name(h->performative));
    if (acl)
        put_envelope(object, acl);
    if (acl && acl->reply_by_ms)
        put(object, "reply_by_ms", json_integer((json_int_t)acl->reply_by_ms));
    put(object, "hops", json_integer(h->hops));
    put(object, "priority", json_integer(h->priority));
    if (h->flags)
        put(object, "flags", flags_json(h->flags));
    if (h->attempt)
        put(object, "attempt", json_integer(h->attempt));
    put(object, "id", json_integer((json_int_t)h->id));
    put_route(object, "source", h->src);
    put_route(object, "destination", h->dst);
    put(object, "bytes", json_integer(h->length));
    return object;
}

void tr_cli_print_raw(FILE *out, const void *bytes, size_t len) {
    if (isatty(fileno(out)))
        tr_terminal_print(out, bytes, len);
    else
        fwrite(bytes, 1, len, out);
}

void tr_cli_print_list(FILE *out, const char *format, va_list args) {
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    if (len < 0)
        return;
    tr_cli_print_raw(out, text, (size_t)len);
    free(text);
}

void tr_cli_print_format(FILE *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tr_cli_print_list(out, format, args);
    va_end(args);
}

void tr_cli_print_content(FILE *out, const json_t *content) {
    if (json_is_null(content))
        return;
    bool is_text = json_is_string(content);
    char *text = is_text ? NULL : json_dumps(content, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (is_text)
        tr_cli_print_raw(out, json_string_value(content), json_string_length(content));
    else if (text)
        tr_cli_print_raw(out, text, strlen(text));
    fputc('\n', out);
    free(text);
}

void tr_cli_print_headers(FILE *out, const json_t *headers, int indent) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)headers, name, value) {
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        const char *shown = text ? text : json_is_string(value) ? json_string_value(value) : "";
        fprintf(out, "%*s%s: ", indent, "", name);
        tr_terminal_print(out, shown, strlen(shown));
        fputc('\n', out);
        free(text);
    }
}

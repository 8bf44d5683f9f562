/*
 * A line is built on the stack in one pass over the fields' format, which is both the schema (keys and types)
 * and the thing that the compiler checks against the arguments. The va_list is read only for conversions that
 * are fully understood, since one misread argument would make all later ones garbage.
 */
#include "lib/base/log.h"

#include "lib/base/log_line.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const tr_log_level_words[] = {"debug", "info", "warn", "error", NULL};
const char *const tr_log_format_words[] = {"readable", "json", NULL};

typedef enum field_size {
    SIZE_INT,
    SIZE_CHAR,
    SIZE_SHORT,
    SIZE_LONG,
    SIZE_LLONG,
    SIZE_SIZE,
    SIZE_MAX_T,
    SIZE_PTRDIFF
} field_size_t;

typedef struct field {
    const char *key;
    size_t key_len;
    bool star;     /* ".*": the precision is an argument */
    int precision; /* -1 = none */
    field_size_t size;
    char conversion;
} field_t;

void tr_log_init(
    tr_log_t *self, int fd, const char *component, tr_log_format_t format, tr_log_level_t least_level) {
    const char *no_color = getenv("NO_COLOR");
    self->fd = fd;
    self->format = format;
    self->colour = format == TR_LOG_READABLE && !(no_color && *no_color) && isatty(fd);
    atomic_init(&self->level, (int)least_level);
    atomic_init(&self->lost, 0);
    snprintf(self->component, sizeof self->component, "%s", component);
}

void tr_log_set_about(tr_log_t *self, tr_log_about_fn about, void *arg) {
    self->about = about;
    self->about_arg = arg;
}

void tr_log_set_level(tr_log_t *self, tr_log_level_t least_level) {
    atomic_store_explicit(&self->level, (int)least_level, memory_order_relaxed);
}

bool tr_log_enabled(const tr_log_t *self, const tr_event_t *event) {
    return self && (int)event->level >= atomic_load_explicit(&self->level, memory_order_relaxed);
}

uint64_t tr_log_lost(const tr_log_t *self) {
    return atomic_load_explicit(&self->lost, memory_order_relaxed);
}

static bool key_is_reserved(const char *key, size_t len) {
    static const char *const reserved[] = {
        "time", "level", "component", "event", "message", "truncated", "format"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strlen(reserved[i]) == len && memcmp(reserved[i], key, len) == 0)
            return true;
    return false;
}

static const char *parse_key(const char *at, field_t *field) {
    field->key = at;
    while ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_')
        at++;
    field->key_len = (size_t)(at - field->key);
    if (field->key_len == 0 || at[0] != '=' || at[1] != '%' || key_is_reserved(field->key, field->key_len))
        return NULL;
    return at + 2;
}

static const char *parse_precision(const char *at, field_t *field) {
    field->star = false;
    field->precision = -1;
    if (*at != '.')
        return at;
    at++;
    if (*at == '*') {
        field->star = true;
        return at + 1;
    }
    for (field->precision = 0; *at >= '0' && *at <= '9' && field->precision < 1000; at++)
        field->precision = field->precision * 10 + (*at - '0');
    return at;
}

static const char *parse_size(const char *at, field_t *field) {
    static const struct {
        const char *text;
        field_size_t size;
    } sizes[] = {{"hh", SIZE_CHAR}, {"h", SIZE_SHORT}, {"ll", SIZE_LLONG}, {"l", SIZE_LONG}, {"z", SIZE_SIZE},
        {"j", SIZE_MAX_T}, {"t", SIZE_PTRDIFF}};
    field->size = SIZE_INT;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t len = strlen(sizes[i].text);
        if (strncmp(at, sizes[i].text, len) == 0) {
            field->size = sizes[i].size;
            return at + len;
        }
    }
    return at;
}

/* One `key=%conversion`; NULL where it is not one that we know. */
static const char *parse_field(const char *at, field_t *field) {
    at = parse_key(at, field);
    if (!at)
        return NULL;
    at = parse_precision(at, field);
    at = parse_size(at, field);
    field->conversion = *at;
    bool number = *at && strchr("gfe", *at), string = *at == 's';
    bool integer = *at && strchr("diux", *at);
    if (!number && !string && !integer)
        return NULL;
    if ((integer && (field->star || field->precision >= 0)) || (!integer && field->size != SIZE_INT))
        return NULL;
    return at[1] == ' ' || at[1] == '\0' ? at + 1 : NULL;
}

static intmax_t next_signed(field_size_t size, va_list *args) {
    switch (size) {
    case SIZE_CHAR: return (signed char)va_arg(*args, int);
    case SIZE_SHORT: return (short)va_arg(*args, int);
    case SIZE_LONG: return va_arg(*args, long);
    case SIZE_LLONG: return va_arg(*args, long long);
    case SIZE_SIZE: return va_arg(*args, ssize_t);
    case SIZE_MAX_T: return va_arg(*args, intmax_t);
    case SIZE_PTRDIFF: return va_arg(*args, ptrdiff_t);
    case SIZE_INT: break;
    }
    return va_arg(*args, int);
}

static uintmax_t next_unsigned(field_size_t size, va_list *args) {
    switch (size) {
    case SIZE_CHAR: return (unsigned char)va_arg(*args, unsigned);
    case SIZE_SHORT: return (unsigned short)va_arg(*args, unsigned);
    case SIZE_LONG: return va_arg(*args, unsigned long);
    case SIZE_LLONG: return va_arg(*args, unsigned long long);
    case SIZE_SIZE: return va_arg(*args, size_t);
    case SIZE_MAX_T: return va_arg(*args, uintmax_t);
    case SIZE_PTRDIFF: return (uintmax_t)va_arg(*args, ptrdiff_t);
    case SIZE_INT: break;
    }
    return va_arg(*args, unsigned);
}

static void put_string(log_line_t *line, bool json, const char *text, int precision) {
    if (!text) {
        log_line_text(line, json ? "null" : "-");
        return;
    }
    /* One character more than is shown, so that a cut string gets its mark. */
    size_t most = precision >= 0 ? (size_t)precision : LOG_STRING_MAX + 4;
    size_t len = strnlen(text, most);
    if (json)
        log_line_quoted(line, text, len);
    else
        log_line_plain(line, text, len);
}

static void put_number(log_line_t *line, bool json, char conversion, int precision, double value) {
    char text[400];
    if (json && !isfinite(value)) {
        log_line_text(line, "null");
        return;
    }
    if (precision < 0 || precision > 40)
        precision = 6;
    if (conversion == 'f')
        snprintf(text, sizeof text, "%.*f", precision, value);
    else if (conversion == 'e')
        snprintf(text, sizeof text, "%.*e", precision, value);
    else
        snprintf(text, sizeof text, "%.*g", precision, value);
    log_line_text(line, text);
}

static void put_value(log_line_t *line, bool json, const field_t *field, va_list *args) {
    char text[40] = "";
    int precision = field->star ? va_arg(*args, int) : field->precision;
    switch (field->conversion) {
    case 's': put_string(line, json, va_arg(*args, const char *), precision); return;
    case 'd':
    case 'i': snprintf(text, sizeof text, "%" PRIdMAX, next_signed(field->size, args)); break;
    case 'u': snprintf(text, sizeof text, "%" PRIuMAX, next_unsigned(field->size, args)); break;
    case 'x':
        snprintf(
            text, sizeof text, json ? "\"%" PRIxMAX "\"" : "%" PRIxMAX, next_unsigned(field->size, args));
        break;
    default: put_number(line, json, field->conversion, precision, va_arg(*args, double)); return;
    }
    log_line_text(line, text);
}

static void put_key(log_line_t *line, bool json, const char *key, size_t len) {
    log_line_text(line, json ? ",\"" : " ");
    log_line_put(line, key, len);
    log_line_text(line, json ? "\":" : "=");
}

/* false where the format is bad. */
static bool put_fields(log_line_t *line, bool json, const char *format, va_list *args) {
    field_t field;
    for (const char *at = format + strspn(format, " "); *at; at += strspn(at, " ")) {
        at = parse_field(at, &field);
        if (!at)
            return false;
        log_line_begin(line);
        put_key(line, json, field.key, field.key_len);
        put_value(line, json, &field, args);
        log_line_end(line);
    }
    return true;
}

static void put_time(log_line_t *line) {
    struct timespec now;
    struct tm utc;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1000000);
    log_line_text(line, text);
}

static void put_head_json(log_line_t *line, const tr_log_t *log, const tr_event_t *event) {
    log_line_text(line, "{\"time\":\"");
    put_time(line);
    log_line_text(line, "\",\"level\":\"");
    log_line_text(line, tr_log_level_words[event->level]);
    log_line_text(line, "\",\"component\":");
    log_line_quoted(line, log->component, strlen(log->component));
    log_line_text(line, ",\"event\":");
    log_line_quoted(line, event->id, strlen(event->id));
    log_line_text(line, ",\"message\":");
    log_line_quoted(line, event->text, strlen(event->text));
}

static void put_head_readable(log_line_t *line, const tr_log_t *log, const tr_event_t *event) {
    static const char *const colours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    char level[16];
    put_time(line);
    log_line_text(line, " ");
    snprintf(level, sizeof level, "%-5s", tr_log_level_words[event->level]);
    if (log->colour)
        log_line_text(line, colours[event->level]);
    log_line_text(line, level);
    if (log->colour)
        log_line_text(line, "\x1b[0m");
    log_line_text(line, " ");
    log_line_plain(line, log->component, strlen(log->component));
    log_line_text(line, " ");
    log_line_text(line, event->id);
    log_line_text(line, " ");
    log_line_text(line, event->text);
}

static void put_text(log_line_t *line, bool json, const char *key, const char *text) {
    if (!text)
        return;
    log_line_begin(line);
    put_key(line, json, key, strlen(key));
    put_string(line, json, text, -1);
    log_line_end(line);
}

static void put_about(log_line_t *line, bool json, const tr_log_t *log, const char *fields) {
    tr_log_about_t about = {0};
    if (!log->about || (fields && strstr(fields, "trace=%")) || !log->about(log->about_arg, &about))
        return;
    put_text(line, json, "trace", about.trace);
    put_text(line, json, "conversation", about.conversation);
}

static void put_tail(log_line_t *line, bool json, bool good_format) {
    log_line_finish(line);
    if (line->truncated)
        log_line_text(line, json ? ",\"truncated\":true" : " truncated=true");
    if (!good_format)
        log_line_text(line, json ? ",\"format\":\"bad\"" : " format=bad");
    log_line_text(line, json ? "}\n" : "\n");
}

/* The rest of a line of which the kernel took a part is written by further calls: a half line would spoil the
 * next. */
static bool write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static void log_write(tr_log_t *self, const tr_event_t *event, const char *fields, va_list *args) {
    int kept = errno;
    bool json = self->format == TR_LOG_JSON, good = true;
    log_line_t line;
    log_line_init(&line);
    log_line_begin(&line);
    if (json)
        put_head_json(&line, self, event);
    else
        put_head_readable(&line, self, event);
    if (fields)
        good = put_fields(&line, json, fields, args);
    put_about(&line, json, self, fields);
    put_tail(&line, json, good);
    if (!write_all(self->fd, line.bytes, line.used))
        atomic_fetch_add_explicit(&self->lost, 1, memory_order_relaxed);
    errno = kept;
}

void tr_log(tr_log_t *self, const tr_event_t *event, const char *fields, ...) {
    if (!tr_log_enabled(self, event))
        return;
    va_list args;
    va_start(args, fields);
    log_write(self, event, fields, &args);
    va_end(args);
}

void tr_log_event(tr_log_t *self, const tr_event_t *event) {
    if (tr_log_enabled(self, event))
        log_write(self, event, NULL, NULL);
}

/* A table's cell: a bar would end it, and a line break the row. */
static void print_cell(const char *text, FILE *out) {
    fputs(" ", out);
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
    fputs(" |", out);
}

int tr_events_print(const tr_event_t *events, size_t count, FILE *out) {
    fputs("| Event | Level | Message | Meaning | What to do |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < count; i++) {
        fputs("|", out);
        print_cell(events[i].id, out);
        print_cell(tr_log_level_words[events[i].level], out);
        print_cell(events[i].text, out);
        print_cell(events[i].meaning, out);
        print_cell(events[i].cure, out);
        fputs("\n", out);
    }
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

static bool is_event_id(const char *id) {
    if (!id || id[0] < 'A' || id[0] > 'Z')
        return false;
    return strlen(id) == 4 && strspn(id + 1, "0123456789") == 3;
}

static bool has_text(const char *text) {
    return text && *text && strlen(text) <= LOG_STRING_MAX;
}

int tr_events_check(const tr_event_t *events, size_t count, tr_error_t *error) {
    for (size_t i = 0; i < count; i++) {
        const tr_event_t *event = &events[i];
        if (!is_event_id(event->id))
            return tr_error_set(
                error, -EINVAL, "event %zu: its id is not a capital letter and three digits", i);
        if ((unsigned)event->level > TR_LOG_ERROR)
            return tr_error_set(error, -EINVAL, "event %s: unknown level", event->id);
        if (!has_text(event->text) || !has_text(event->meaning) || !has_text(event->cure))
            return tr_error_set(
                error, -EINVAL, "event %s: text, meaning or cure is missing or too long", event->id);
        for (size_t j = 0; j < i; j++)
            if (strcmp(events[j].id, event->id) == 0)
                return tr_error_set(error, -EINVAL, "event %s: the id is given twice", event->id);
    }
    return 0;
}

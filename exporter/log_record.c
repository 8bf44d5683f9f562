#include "exporter/log_record.h"

#include "lib/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REMOVED   "[removed]"
#define DEPTH_MAX 16

/* ---- secrets ---- */

static const struct word {
    const char *text;
    bool whole; /* "pass", "db_pass", and not "passed" */
} secret_words[] = {{"token", false}, {"secret", false}, {"password", false}, {"passwd", false},
    {"passphrase", false}, {"pwd", false}, {"authorization", false}, {"apikey", false}, {"api_key", false},
    {"api-key", false}, {"access_key", false}, {"access-key", false}, {"auth_key", false},
    {"auth-key", false}, {"accountkey", false}, {"session_id", false}, {"session-id", false},
    {"cookie", false}, {"conninfo", false}, {"dsn", false}, {"private", false}, {"credential", false},
    {"pass", true}, {"pw", true}};

/* What follows one of these is taken out to the next blank or quote. */
static const struct mark {
    const char *text;
    bool word;    /* only where no letter or digit stands before it: "sk-", and not "task-" */
    size_t least; /* letters and digits that follow: "ASIA" of a key, and not of a place */
} secret_marks[] = {{"bearer ", true, 0}, {"basic ", true, 0}, {"sk-", true, 0}, {"ghp_", true, 0},
    {"gho_", true, 0}, {"ghs_", true, 0}, {"github_pat_", true, 0}, {"glpat-", true, 0}, {"xoxb-", true, 0},
    {"xoxp-", true, 0}, {"eyJ", true, 10}, {"AKIA", true, 16}, {"ASIA", true, 16}, {"AIza", true, 30},
    {"?sig=", false, 0}, {"&sig=", false, 0}, {"?key=", false, 0}, {"&key=", false, 0},
    {"signature=", false, 0}};

static bool in_name(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* The first place of the word, NULL where there is none. */
static char *find_word(char *text, const struct word *word) {
    size_t len = strlen(word->text);
    for (char *at = text; (at = strcasestr(at, word->text)); at += len)
        if (!word->whole || ((at == text || !isalnum((unsigned char)at[-1])) && !in_name(at[len])))
            return at;
    return NULL;
}

static bool is_secret_key(const char *key) {
    for (size_t i = 0; i < sizeof secret_words / sizeof *secret_words; i++)
        if (find_word((char *)(uintptr_t)key, &secret_words[i])) /* which is not written to */
            return true;
    return false;
}

static bool is_port(const char *at) {
    size_t digits = strspn(at, "0123456789");
    return digits > 0 && digits <= 5 && (!at[digits] || strchr("/?#,;)", at[digits]));
}

/* Of what stands before "://". */
static bool is_scheme(const char *text, const char *sign, const char *name) {
    size_t len = strlen(name);
    return (size_t)(sign - text) >= len && strncasecmp(sign - len, name, len) == 0;
}

/* Whether an @ may stand behind the port of such an address: in a path, as an agent's name, or in what is said next. */
static bool is_served(const char *text, const char *sign) {
    static const char *const names[] = {"http", "https", "tcp", "ws", "wss"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_scheme(text, sign, names[i])) {
            const char *begin = sign - strlen(names[i]);
            return begin == text || !isalnum((unsigned char)begin[-1]); /* "ws", and not "aws" */
        }
    return false;
}

/* What stands before the last @ of an address is its login: "user:" stays, the rest is secret, whatever is in it; of one that is served, slashes
 * included where it does not begin as a port does. One of the web may have a key alone. `at` is behind its "://", which is at `sign`. */
static char *login_of(const char *text, const char *sign, char *at, size_t *ret_len) {
    size_t all = strcspn(at, " \t\r\n\"'<>`"), host = strcspn(at, " /?#\t\r\n\"'<>`");
    const char *end = memrchr(at, '@', all);
    char *begin = *at == '[' ? memchr(at, ']', all) : at;
    char *colon = begin ? memchr(begin, ':', all - (size_t)(begin - at)) : NULL;
    if (end && colon && colon < end && !(is_served(text, sign) && is_port(colon + 1))) {
        *ret_len = (size_t)(end - colon - 1);
        return colon + 1;
    }
    bool web = is_scheme(text, sign, "http") || is_scheme(text, sign, "https");
    end = web ? memrchr(at, '@', host) : NULL;
    *ret_len = end ? (size_t)(end - at) : 0;
    return end ? at : NULL;
}

static void blot_logins(char *text) {
    for (char *at = text; (at = strstr(at, "://")); at += 3) {
        size_t len;
        char *login = login_of(text, at, at + 3, &len);
        if (login)
            memset(login, '*', len);
    }
}

static size_t alnum_len(const char *at) {
    size_t n = 0;
    while (isalnum((unsigned char)at[n]))
        n++;
    return n;
}

static void blot_mark(char *text, const struct mark *mark) {
    char *at = text;
    while ((at = strcasestr(at, mark->text))) {
        bool fits = !mark->word || at == text || !isalnum((unsigned char)at[-1]);
        at += strlen(mark->text);
        size_t len = fits && alnum_len(at) >= mark->least ? strcspn(at, " \t\"',;&") : 0;
        memset(at, '*', len);
        at += len;
    }
}

static size_t name_len(const char *at) {
    size_t n = 0;
    while (in_name(at[n]))
        n++;
    return n;
}

/* What stands before a value, from behind its name: quotes (escaped ones as well), blanks, and one colon or =. 0: there is none. */
static size_t until_value(const char *at) {
    size_t before = strspn(at, "\\\"'"), blanks = strspn(at + before, " \t");
    const char *sign = at + before + blanks;
    if (*sign != ':' && *sign != '=')
        return 0;
    sign++;
    sign += strspn(sign, " \t");
    return (size_t)(sign - at);
}

/* To the quote that ends it, which has a backslash before it where the first one has; without one, to the end. */
static size_t quoted_len(const char *at, char quote, bool escaped) {
    size_t n = 0;
    while (at[n] && (at[n] != quote || (n > 0 && at[n - 1] == '\\') != escaped))
        n++;
    return n > 0 && at[n] && escaped ? n - 1 : n;
}

/* "{a: x, b: [y]}" */
static size_t bracketed_len(const char *at) {
    size_t n = 0, depth = 0;
    do {
        depth += at[n] == '{' || at[n] == '[';
        depth -= at[n] == '}' || at[n] == ']';
    } while (at[n] && depth && at[++n]);
    return n;
}

/* The value of a header goes to the end of the line, as that of a cookie has several, and that of an authorization a scheme. A backslash is of
 * the value, but for one before a quote, or at the end of such a line. */
static size_t value_len(const char *word, const char *at) {
    bool header = strcmp(word, "cookie") == 0 || strcmp(word, "authorization") == 0;
    for (size_t n = 0;;) {
        n += strcspn(at + n, header ? "\"'\\\r\n" : " \t\"',;&\\\r\n");
        size_t slashes = strspn(at + n, "\\");
        if (!slashes || strchr(header ? "\"'nr" : "\"'", at[n + slashes]))
            return n;
        n += slashes;
    }
}

/* Stars in place of a value, which may be in quotes or brackets; what comes behind it. */
static char *blot_value(char *at, const char *word) {
    size_t slashes = strspn(at, "\\"), len;
    char quote = at[slashes];
    if (quote == '"' || quote == '\'') {
        at += slashes + 1;
        len = quoted_len(at, quote, slashes > 0);
    } else {
        len = *at == '{' || *at == '[' ? bracketed_len(at) : value_len(word, at);
    }
    memset(at, '*', len);
    return at + len;
}

/* `NAME: value`, `NAME=value`, `"NAME": "value"` and `--NAME value`, where the name has such a word in it. Tokens that are counted
 * (`tokens=50`) are none. */
static void blot_named(char *text, const struct word *word) {
    char *at = text;
    while ((at = find_word(at, word))) {
        char *begin = at;
        while (begin > text && in_name(begin[-1]))
            begin--;
        at += strlen(word->text);
        if (strcmp(word->text, "token") == 0 && tolower((unsigned char)*at) == 's')
            continue;
        at += name_len(at);
        size_t sign = until_value(at);
        if (sign || (strncmp(begin, "--", 2) == 0 && *at == ' '))
            at = blot_value(at + (sign ? sign : 1), word->text);
    }
}

/* Stars in place of each, so that nothing has to grow. */
static void blot(char *text) {
    blot_logins(text);
    for (size_t i = 0; i < sizeof secret_marks / sizeof *secret_marks; i++)
        blot_mark(text, &secret_marks[i]);
    for (size_t i = 0; i < sizeof secret_words / sizeof *secret_words; i++)
        blot_named(text, &secret_words[i]);
}

static json_t *scrub_text(const json_t *value) {
    char *text = strdup(json_string_value(value));
    if (!text)
        return NULL;
    blot(text);
    json_t *clean = json_string(text);
    free(text);
    return clean;
}

static json_t *scrubbed(const char *key, const json_t *value, size_t depth);

static json_t *scrub_object(const json_t *object, size_t depth) {
    json_t *clean = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (json_object_set_new(clean, key, scrubbed(key, value, depth)) < 0) {
            json_decref(clean);
            return NULL;
        }
    }
    return clean;
}

static json_t *scrub_list(const json_t *list, size_t depth) {
    json_t *clean = json_array();
    json_t *value;
    size_t i;
    json_array_foreach(list, i, value) {
        if (json_array_append_new(clean, scrubbed("", value, depth)) < 0) {
            json_decref(clean);
            return NULL;
        }
    }
    return clean;
}

/* A clean copy of a value; NULL when out of memory. What is deeper than any log's field is is not looked at, and taken out. */
static json_t *scrubbed(const char *key, const json_t *value, size_t depth) {
    if (is_secret_key(key) || depth > DEPTH_MAX)
        return json_string(REMOVED);
    switch (json_typeof(value)) {
    case JSON_STRING: return scrub_text(value);
    case JSON_OBJECT: return scrub_object(value, depth + 1);
    case JSON_ARRAY: return scrub_list(value, depth + 1);
    default: return json_copy((json_t *)(uintptr_t)value);
    }
}

/* ---- what a line says ---- */

/* "2026-03-01T12:00:00.123Z"; 0 where it is no such time. */
static int64_t read_time(const char *text) {
    struct tm tm = {0};
    const char *at = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!at)
        return 0;
    int64_t ns = 0, unit = 100000000;
    if (*at == '.')
        for (at++; isdigit((unsigned char)*at); at++, unit /= 10)
            ns += (*at - '0') * unit;
    return *at == 'Z' ? (int64_t)timegm(&tm) * 1000000000 + ns : 0;
}

static bool is_level(const char *word, size_t len) {
    for (const char *const *w = tr_log_level_words; *w; w++)
        if (strlen(*w) == len && strncmp(*w, word, len) == 0)
            return true;
    return false;
}

/* The first words of a readable line, "TIME LEVEL COMPONENT EVENT", and the rest as its message; any other line is a message. */
static json_t *read_readable(const char *line) {
    char time[40], level[8], component[32], event[8];
    int rest = 0;
    bool ours = sscanf(line, "%39s %7s %31s %7s %n", time, level, component, event, &rest) == 4 &&
                read_time(time) && is_level(level, strlen(level));
    return ours ? json_pack("{s:s, s:s, s:s, s:s, s:s}", "time", time, "level", level, "component", component,
                      "event", event, "message", line + rest)
                : json_pack("{s:s}", "message", line);
}

/* Bytes that are no UTF-8 are question marks, and so is NUL. */
static char *clean_copy(const char *line, size_t len) {
    char *text = malloc(len + 1);
    if (!text)
        return NULL;
    memcpy(text, line, len);
    text[len] = 0;
    json_t *whole = json_stringn(text, len);
    for (size_t i = 0; i < len; i++)
        if (!text[i] || (!whole && (unsigned char)text[i] >= 128))
            text[i] = '?';
    json_decref(whole);
    return text;
}

static void set_default(json_t *fields, const char *key, const char *value) {
    if (!json_is_string(json_object_get(fields, key)))
        json_object_set_new(fields, key, json_string(value)); /* out of memory: it is not there, ignoring */
}

int tr_log_record_read(const char *line, size_t len, const char *file, uint64_t offset, int64_t now_ns,
    tr_log_record_t *ret_record) {
    tr_log_record_t r = {.file = file, .offset = offset};
    char *text = clean_copy(line, len < TR_LOG_RECORD_MAX ? len : TR_LOG_RECORD_MAX);
    if (!text)
        return -ENOMEM;
    json_t *said = json_loads(text, 0, NULL);
    if (!json_is_object(said)) {
        json_decref(said);
        said = read_readable(text);
    }
    free(text);
    r.fields = said ? scrub_object(said, 0) : NULL;
    json_decref(said);
    if (!r.fields)
        return -ENOMEM;
    set_default(r.fields, "level", "info");
    set_default(r.fields, "component", "");
    set_default(r.fields, "message", "");
    const char *level = tr_log_record_text(&r, "level");
    strncpy(r.level, is_level(level, strlen(level)) ? level : "info", sizeof r.level - 1);
    r.time_ns = read_time(json_string_value(json_object_get(r.fields, "time")));
    if (r.time_ns <= 0)
        r.time_ns = now_ns;
    *ret_record = r;
    return 0;
}

void tr_log_record_finish(tr_log_record_t *self) {
    json_decref(self->fields);
    self->fields = NULL;
}

const char *tr_log_record_text(const tr_log_record_t *self, const char *key) {
    const char *text = json_string_value(json_object_get(self->fields, key));
    return text ? text : "";
}

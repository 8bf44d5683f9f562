#include "gateway/http/multipart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KIND      "multipart/form-data"
#define DELIMITER (TR_MULTIPART_BOUNDARY_MAX + 5) /* CRLF -- BOUNDARY and a NUL */

/* What is not read yet. */
typedef struct {
    const char *at, *end;
} rest_t;

static bool starts(const rest_t *rest, const char *text, size_t len) {
    return (size_t)(rest->end - rest->at) >= len && memcmp(rest->at, text, len) == 0;
}

static const char *find(const rest_t *rest, const char *text, size_t len) {
    return memmem(rest->at, (size_t)(rest->end - rest->at), text, len);
}

/* ---- the boundary ---- */

static bool may_be_in_boundary(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c));
}

bool tr_multipart_boundary(const char *type, char out[TR_MULTIPART_BOUNDARY_MAX + 1]) {
    size_t kind = sizeof KIND - 1, len = 0;
    if (strncasecmp(type, KIND, kind) != 0 || !type[kind] || !strchr("; \t", type[kind]))
        return false;
    const char *at = strcasestr(type + kind, "boundary=");
    if (!at)
        return false;
    at += 9;
    bool quoted = *at == '"';
    at += quoted;
    while (at[len] && (quoted ? at[len] != '"' : !strchr("; \t", at[len])))
        if (!may_be_in_boundary(at[len++]) || len > TR_MULTIPART_BOUNDARY_MAX)
            return false;
    if (len == 0 || at[len - 1] == ' ' || (quoted && at[len] != '"'))
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

/* ---- the head of a part ---- */

/* The value of a parameter of Content-Disposition, between its quotes. */
static tr_multipart_text_t parameter(const char *line, size_t len, const char *name) {
    size_t name_len = strlen(name);
    for (size_t at = 0; at < len;) {
        while (at < len && strchr("; \t", line[at]))
            at++;
        size_t key = at;
        while (at < len && line[at] != '=' && line[at] != ';')
            at++;
        size_t key_len = at - key;
        if (at + 1 >= len || line[at] != '=' || line[at + 1] != '"') {
            at += at < len && line[at] == '=';
            while (at < len && line[at] != ';')
                at++;
            continue;
        }
        size_t value = at += 2;
        while (at < len && line[at] != '"')
            at += line[at] == '\\' && at + 1 < len ? 2 : 1;
        if (at < len && key_len == name_len && strncasecmp(line + key, name, name_len) == 0)
            return (tr_multipart_text_t){line + value, at - value};
        at++;
    }
    return (tr_multipart_text_t){0};
}

/* False: it is not said what the part is called. */
static bool read_head(const char *head, size_t len, tr_multipart_part_t *part) {
    static const char disposition[] = "content-disposition:";
    for (size_t at = 0; at < len;) {
        const char *line = head + at, *end = memmem(line, len - at, "\r\n", 2);
        size_t line_len = end ? (size_t)(end - line) : len - at;
        size_t word = sizeof disposition - 1;
        if (line_len > word && strncasecmp(line, disposition, word) == 0) {
            part->name = parameter(line + word, line_len - word, "name");
            part->file_name = parameter(line + word, line_len - word, "filename");
            return part->name.at && part->name.len > 0;
        }
        at += line_len + 2;
    }
    return false;
}

/* ---- the parts ---- */

/* Behind a delimiter: "--" is the end, a line's end the next part. */
static const char *pass_line(rest_t *rest, bool *ret_last) {
    *ret_last = starts(rest, "--", 2);
    if (*ret_last)
        return NULL;
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t'))
        rest->at++;
    if (!starts(rest, "\r\n", 2))
        return "a boundary is not at the end of its line";
    rest->at += 2;
    return NULL;
}

/* Up to behind the delimiter that ends it. NULL, or why not. */
static const char *read_part(rest_t *rest, const char *delimiter, tr_multipart_part_t *part) {
    const char *head_end = find(rest, "\r\n\r\n", 4);
    if (!head_end || head_end - rest->at > TR_MULTIPART_HEAD_MAX)
        return "the head of a part does not end, or is longer than 4096 bytes";
    if (!read_head(rest->at, (size_t)(head_end - rest->at), part))
        return "a part does not say its name (Content-Disposition: form-data; name=\"...\")";
    rest->at = head_end + 4;
    rest->at -= 2; /* an empty part: its delimiter's CRLF is that of the head's end */
    size_t len = strlen(delimiter);
    const char *begin = head_end + 4, *end = find(rest, delimiter, len);
    if (!end)
        return "it ends before the boundary that ends it";
    part->bytes = (tr_multipart_text_t){begin, end < begin ? 0 : (size_t)(end - begin)};
    rest->at = end + len;
    return NULL;
}

static const char *parse(rest_t *rest, const char *delimiter, tr_multipart_part_t *out, int *count) {
    bool last = false;
    const char *why = NULL, *first = delimiter + 2;
    if (!starts(rest, first, strlen(first))) {
        const char *at = find(rest, delimiter, strlen(delimiter));
        if (!at)
            return "its boundary is not in it";
        rest->at = at + 2;
    }
    rest->at += strlen(first);
    while (!(why = pass_line(rest, &last)) && !last) {
        if (*count == TR_MULTIPART_PARTS_MAX)
            return "it has more than 32 parts";
        tr_multipart_part_t part = {0};
        if ((why = read_part(rest, delimiter, &part)))
            return why;
        out[(*count)++] = part;
    }
    return why;
}

int tr_multipart_parse(const char *boundary, const char *bytes, size_t len,
    tr_multipart_part_t out[TR_MULTIPART_PARTS_MAX], const char **ret_why) {
    char delimiter[DELIMITER];
    rest_t rest = {bytes, bytes + len};
    int count = 0;
    snprintf(delimiter, sizeof delimiter, "\r\n--%s", boundary);
    const char *why = parse(&rest, delimiter, out, &count);
    if (!why)
        return count;
    *ret_why = why;
    return -EINVAL;
}

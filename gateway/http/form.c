/* The body of a route that takes a form with a file (multipart.h): its texts are the body's fields, its file stays where it came. */
#include "gateway/http/server_private.h"

#include <errno.h>
#include <string.h>

#define TEXT_MAX 65536 /* bytes of a field that is no file */

static bool wrong(tr_web_exchange_t *e, const char *name, const char *why) {
    tr_web_problem(e, 400, "unrecognised-parameter-value", "%.64s: %s", name, why);
    return false;
}

/* Of a field whose name ends in [] the last one counts: nothing here reads lists. */
static bool may_come_again(const char *name, size_t len) {
    return len > 2 && strcmp(name + len - 2, "[]") == 0;
}

static bool take_file(tr_web_exchange_t *e, const char *name, const tr_multipart_part_t *part) {
    if (e->file.bytes.at)
        return wrong(e, name, "one file is taken");
    e->file = *part;
    return true;
}

static bool take_part(tr_web_exchange_t *e, const tr_multipart_part_t *part) {
    bool is_file = part->file_name.at;
    tr_multipart_text_t text = is_file ? part->file_name : part->bytes;
    json_t *key = json_stringn(part->name.at, part->name.len);
    json_t *value = key && text.len <= TEXT_MAX ? json_stringn(text.at, text.len) : NULL;
    const char *name = key ? json_string_value(key) : "a part";
    bool good = true;
    if (!key || strlen(name) != part->name.len || !value)
        good = wrong(e, name, "expected a name and a text in UTF-8, of 64 KiB at most");
    else if (json_object_get(e->body, name) && !may_come_again(name, part->name.len))
        good = wrong(e, name, "it is there twice");
    else
        good = (!is_file || take_file(e, name, part)) && json_object_set(e->body, name, value) == 0;
    json_decref(key);
    json_decref(value);
    return good;
}

bool tr_web_form_take(tr_web_exchange_t *e) {
    tr_multipart_part_t parts[TR_MULTIPART_PARTS_MAX];
    const char *why = NULL;
    int count = tr_multipart_parse(e->boundary, tr_buffer_string(&e->raw), e->raw.size, parts, &why);
    if (count < 0) {
        tr_web_problem(e, 400, "unsupported-value", "the form: %s", why);
        return false;
    }
    e->body = json_object();
    for (int i = 0; i < count; i++)
        if (!e->body || !take_part(e, &parts[i])) {
            if (e->state != TR_WEB_RESPONDED)
                tr_web_problem(e, 503, "busy", "out of memory");
            return false;
        }
    return true;
}

/*
 * Images in what is asked. Who offers the service `senses` looks at them, with the question; the agent is told what was seen, as `images` beside its text, and
 * needs no eyes of its own. An image is in the message (data:...): nothing is fetched for anybody.
 */
#include "gateway/api/api.h"
#include "gateway/api/openai.h"
#include "gateway/http/server.h"
#include "proto/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST         4    /* images of a question; of an exchange's slots */
#define QUESTION_MAX 4000 /* bytes, as agents take them with an image */

_Static_assert(MOST <= TR_WEB_SLOTS, "each image is a call");

/* Decoded. */
typedef struct picture {
    uint8_t *bytes;
    size_t length;
} picture_t;

typedef struct pictures {
    picture_t all[MOST];
    unsigned count;
} pictures_t;

static void free_pictures(pictures_t *self) {
    for (unsigned i = 0; i < self->count; i++)
        free(self->all[i].bytes);
}

/* ---- what is there ---- */

static int wrong(tr_web_exchange_t *e, unsigned status, const char *reason, const char *why) {
    tr_web_problem(e, status, reason, "image_url: %s", why);
    return -EINVAL;
}

/* As either API has it: in an object, or as it is. NULL: the part is no image. */
static const json_t *image_of(const json_t *part) {
    const char *type = json_string_value(json_object_get(part, "type"));
    const json_t *image = json_object_get(part, "image_url");
    if (!type || (strcmp(type, "image_url") != 0 && strcmp(type, "input_image") != 0))
        return NULL;
    return json_is_object(image) ? json_object_get(image, "url") : image ? image : part;
}

/* "data:image/png;base64,..." */
static int decode(tr_web_exchange_t *e, const json_t *image, pictures_t *out) {
    const char *url = json_string_value(image), *comma = url ? strchr(url, ',') : NULL;
    picture_t *picture = &out->all[out->count];
    if (!comma || strncmp(url, "data:", 5) != 0 || comma - url < 12 || memcmp(comma - 7, ";base64", 7) != 0)
        return wrong(e, 400, "unrecognised-parameter-value",
            "expected data:image/png;base64,... or data:image/jpeg;base64,... (nothing is fetched)");
    if (strncmp(url, "data:image/", 11) != 0)
        return wrong(e, 415, "unsupported-type", "expected an image");
    size_t length = json_string_length(image) - (size_t)(comma + 1 - url);
    picture->bytes = malloc(length / 4 * 3 + 1);
    if (!picture->bytes)
        return wrong(e, 503, "busy", "out of memory");
    out->count++;
    if (tr_base64_decode(comma + 1, length, picture->bytes, &picture->length) < 0 || picture->length == 0)
        return wrong(e, 400, "unrecognised-parameter-value", "what is behind the comma is no base64");
    return 0;
}

static int collect(tr_web_exchange_t *e, const json_t *content, pictures_t *out) {
    const json_t *part;
    size_t i;
    int rc = 0;
    json_array_foreach(content, i, part) {
        const json_t *image = image_of(part);
        if (image && out->count == MOST)
            rc = wrong(e, 400, "unrecognised-parameter-value", "a question has 4 images at most");
        else if (image)
            rc = decode(e, image, out);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- what is seen ---- */

static void on_seen(tr_web_exchange_t *e) {
    json_t *all = json_array();
    for (unsigned i = 0; i < MOST && e->replies[i]; i++) {
        if (!tr_api_sense_judge(e, e->replies[i])) {
            json_decref(all);
            return;
        }
        json_array_append_new(all, tr_web_reply_json(e->replies[i]));
    }
    json_decref(e->found);
    e->found = all;
    tr_openai_go_on(e);
}

static tr_web_call_t *call_for(tr_web_exchange_t *e, const picture_t *picture, const char *question) {
    size_t len = question ? strlen(question) : 0;
    bool asks = len > 0 && len <= QUESTION_MAX;
    tr_web_call_t *call = tr_api_sense_call(e, "describe_image", 1 + asks);
    if (!call)
        return NULL;
    tr_write_str(&call->content, "image");
    tr_write_bin(&call->content, picture->bytes, picture->length);
    if (asks)
        tr_write_kv(&call->content, "text", question);
    return call;
}

/* All are made before the first one is given away: what is responded is responded once. */
static int ask(tr_web_exchange_t *e, const pictures_t *pictures, const char *question) {
    tr_web_call_t *calls[MOST] = {0};
    bool good = true;
    for (unsigned i = 0; i < pictures->count && good; i++)
        good = (calls[i] = call_for(e, &pictures->all[i], question)) != NULL;
    e->on_replies = on_seen;
    for (unsigned i = 0; i < pictures->count; i++)
        if (good)
            tr_web_exchange_call(e, i, &calls[i]);
        else
            tr_bridge_call_destroy(&calls[i]);
    return good ? 1 : -ENOMEM;
}

int tr_openai_look(tr_web_exchange_t *e, const json_t *content, const char *question) {
    pictures_t pictures = {0};
    int rc = collect(e, content, &pictures);
    if (rc == 0 && pictures.count > 0)
        rc = ask(e, &pictures, question);
    free_pictures(&pictures);
    return rc;
}

/* What agents of A2A that are not of the fleet say: cards, and answers, one a line. */
#include "lib/tool/a2a_message.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void on_piece(void *arg, const char *text, bool again) {
    *(size_t *)arg += strlen(text) + again;
}

static void read_card(const char *bytes, size_t len) {
    tr_a2a_card_t card;
    tr_error_t error = {0};
    if (tr_a2a_card_read(bytes, len, &card, &error) < 0)
        return;
    PROMISE(strncmp(card.url, "http", 4) == 0);
    PROMISE(json_array_size(json_object_get(card.told, "skills")) <= TR_A2A_SKILLS_MAX);
    PROMISE(json_string_length(json_object_get(card.told, "name")) <= TR_A2A_TEXT_MAX);
    tr_a2a_card_finish(&card);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_a2a_reply_t reply;
    tr_buffer_t text;
    tr_error_t error = {0};
    size_t pieces = 0;
    const char *at = (const char *)data, *end = at + size;
    read_card(at, size);
    if (tr_a2a_reply_init(&reply) < 0)
        return 0;
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((line ? line : end) - at);
        if (tr_a2a_reply_hear(&reply, at, len, on_piece, &pieces, &error) < 0)
            break;
        PROMISE(reply.bytes <= TR_A2A_REPLY_MAX && strlen(reply.said) <= TR_A2A_TEXT_MAX);
        at += len + 1;
    }
    tr_buffer_init(&text, 0);
    tr_a2a_reply_text(&reply, &text);
    tr_buffer_finish(&text);
    json_decref(tr_a2a_reply_data(&reply));
    tr_a2a_reply_finish(&reply);
    return 0;
}

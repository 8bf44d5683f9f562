#include "broker/core/core_ward.h"

const char *const ward_names[6] = {NULL, "ann", "bob", "cid", "dan", "op"};

void all_come(ward_t *d) {
    for (tr_peer_t i = 1; i <= 5; i++) {
        hello(d->w, i);
        d->route[i] = join(d->w, i, ward_names[i]);
    }
}

ward_t ward_of(const tr_core_config_t *config) {
    ward_t d = {.w = world_new(config)};
    all_come(&d);
    return d;
}

const char *order(const ward_t *d, const char *action, const char *name) {
    char json[200];
    snprintf(json, sizeof json, "{\"action\": \"quarantine%s\"%s%s%s}", action,
        *action == '-' && action[1] == 'l' ? "" : ", \"name\": \"", name,
        strcmp(action, "-list") == 0 ? "" : "\", \"reason\": \"odd\"");
    return ask(d->w, 5, d->route[5], "op", "ams", json);
}

void hold(const ward_t *d, const char *name, const char *who) {
    const char *answer = order(d, "", name);
    char text[80];
    snprintf(text, sizeof text, "{\"name\":\"%s\",\"because\":\"%s\"", who, name);
    if (!strstr(answer, text))
        fail_msg("%s is not in %s", text, answer);
}

uint64_t say(const ward_t *d, tr_peer_t from, const char *to) {
    return post(
        d->w, from, &(letter_t){.src = d->route[from], .from = ward_names[from], .to = to, .text = "x"});
}

void stopped(const ward_t *d, tr_peer_t from, const char *to) {
    expect_nack(d->w, from, say(d, from, to), TR_REASON_QUARANTINED);
}

void delegate(const ward_t *d, tr_peer_t from, const char *to, const char *const *chain) {
    post(d->w, from,
        &(letter_t){.src = d->route[from],
            .from = ward_names[from],
            .to = to,
            .text = "x",
            .act = TR_REQUEST,
            .flags = TR_FLAG_MANDATE,
            .conversation = "c",
            .chain = chain});
}

ward_t ward_with_journal(void) {
    tr_core_config_t config = world_config();
    config.journal = true;
    return ward_of(&config);
}

/* Which agents there are: the DF is asked when it, or who is registered, has changed, and now and then. */
#include "coordinator/coordinator.h"
#include "coordinator/events.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MS   5000
#define SKILLS_MAX  256u
#define CAPACITY    16u /* of a service that says nothing of it (docs/protocol.md, section 16) */
#define RESULTS_MAX 1000

/* The names of its services, and the smallest room. */
static size_t read_services(tr_value_t services, char (*names)[TR_NAME_MAX + 1], uint32_t *ret_capacity) {
    size_t n = 0;
    *ret_capacity = UINT32_MAX;
    for (size_t i = 0; i < tr_value_size(services) && n < SKILLS_MAX; i++) {
        tr_value_t v = tr_value_at(services, i), name = tr_value_is_map(v) ? tr_value_get(v, "name") : v;
        int64_t capacity =
            tr_value_is_map(v) ? tr_value_int(tr_value_get(v, "capacity"), CAPACITY) : CAPACITY;
        if (tr_value_copy(name, names[n], sizeof names[n]) < 0 || capacity < 1 || capacity > UINT32_MAX)
            continue;
        *ret_capacity = (uint32_t)capacity < *ret_capacity ? (uint32_t)capacity : *ret_capacity;
        n++;
    }
    return n;
}

static void list(tr_coordinator_t *self, tr_value_t description) {
    char name[TR_AID_MAX + 1], names[SKILLS_MAX][TR_NAME_MAX + 1];
    const char *skills[SKILLS_MAX];
    uint32_t capacity;
    size_t n = read_services(tr_value_get(description, "services"), names, &capacity);
    if (n == 0 || tr_value_copy(tr_value_get(description, "name"), name, sizeof name) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        skills[i] = names[i];
    tr_board_list_worker(self->board, name, skills, n, capacity); /* asked again soon, ignoring */
}

static void ask_page(tr_coordinator_t *self);

static void on_answer(tr_agent_t *agent, void *state, const tr_message_t *answer, void *arg) {
    tr_coordinator_t *self = arg;
    (void)agent, (void)state;
    self->asking = false;
    if (!answer || tr_message_performative(answer) != TR_INFORM) {
        tr_log(&self->resident.log, &tr_coordinator_events[TR_C_NO_DIRECTORY], "why=%s",
            answer ? tr_performative_name(tr_message_performative(answer)) : "no answer");
        if (!answer &&
            self->look_again) /* who does not answer is not asked in haste; what was listed stays */
            tr_directory_look(self);
        return;
    }
    tr_value_t agents = tr_value_get(tr_message_value(answer), "agents");
    size_t count = tr_value_size(agents);
    if (self->listed == 0)
        tr_board_begin_listing(self->board);
    for (size_t i = 0; i < count; i++)
        list(self, tr_value_at(agents, i));
    self->listed += count;
    if (count == RESULTS_MAX) {
        ask_page(self);
        return;
    }
    tr_board_end_listing(self->board);
    if (self->look_again)
        tr_directory_look(self);
}

/* What comes behind those that are listed. A page more than there was is no harm: whoever comes or goes meanwhile is heard of, and
 * leads to another look. */
static void ask_page(tr_coordinator_t *self) {
    tr_content_writer_t w;
    const char *df = "df";
    tr_content_writer_init(&w);
    tr_write_map(&w, 4);
    tr_write_kv_uint(&w, "offset", self->listed);
    tr_write_kv(&w, "action", "search");
    tr_write_kv_int(&w, "max-results", RESULTS_MAX);
    tr_write_str(&w, "template");
    tr_write_map(&w, 0);
    tr_acl_t acl = {
        .performative = TR_REQUEST, .receivers = {.items = &df, .count = 1}, .protocol = "fipa-request"};
    const void *bytes;
    if (tr_content_writer_take(&w, &bytes, &acl.content_len) == 0) {
        acl.content = bytes;
        self->asking = tr_request(self->agent, &acl, ANSWER_MS, on_answer, self) == 0;
    }
    tr_content_writer_finish(&w);
}

void tr_directory_look(tr_coordinator_t *self) {
    self->look_again = self->asking;
    if (self->asking)
        return;
    self->listed = 0;
    ask_page(self);
}

bool tr_directory_heard(tr_coordinator_t *self, const tr_message_t *message) {
    const char *topic = tr_message_topic(message);
    if (strncmp(topic, "$sys.df.", 8) != 0 && strncmp(topic, "$sys.agent.l", 12) != 0)
        return false;
    tr_directory_look(self);
    return true;
}

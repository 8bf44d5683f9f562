#include "tools/fleet/fleet_client.h"

#include "lib/base/clock.h"
#include "lib/base/ticket.h"
#include "proto/json.h"
#include "tools/fleet/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SPARE_MS 300  /* for the way there and back: the supervisor is to answer first */
#define AWAY_MS  2000 /* for a supervisor that runs, to be back at its broker */
#define AGAIN_MS 100

json_t *tr_fleet_words(const tr_strings_t *words) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < words->count; i++)
        json_array_append_new(list, json_string(words->items[i]));
    return list;
}

/* An unused ticket is taken away again: the supervisor has gone, or did not want it. */
static void drop_ticket(const tr_cli_place_t *place, const char *ticket) {
    if (*ticket)
        tr_ticket_take(place->directory, ticket);
}

static int add_terms(tr_cli_session_t *session, json_t *request, char *ticket, tr_error_t *error) {
    const tr_cli_place_t *place = tr_cli_session_place(session);
    int64_t left_ms = tr_cli_session_deadline(session) - tr_clock_ms() - SPARE_MS;
    json_object_set_new(request, "timeout_ms", json_integer(left_ms > 1 ? left_ms : 1));
    const char *action = json_string_value(json_object_get(request, "action"));
    if (!*place->directory || (action && strcmp(action, "status") == 0)) /* which whoever asks is told */
        return 0;
    int rc = tr_ticket_make(place->directory, ticket, error);
    if (rc == 0)
        json_object_set_new(request, "ticket", json_string(ticket));
    return rc;
}

static int send_and_wait(tr_cli_session_t *session, const json_t *request, tr_message_t **ret_answer) {
    const char *to = TR_FLEET_SUPERVISOR;
    tr_content_writer_t w;
    tr_acl_t message = {
        .performative = TR_REQUEST,
        .receivers = {.items = &to, .count = 1},
        .ontology = "troupe-fleet",
        .protocol = "fipa-request",
    };
    tr_content_writer_init(&w);
    int code = TR_EXIT_REFUSED;
    if (tr_json_write(request, &w) == 0 &&
        tr_content_writer_take(&w, &message.content, &message.content_len) == 0)
        code = tr_cli_ask(session, &message, ret_answer);
    tr_content_writer_finish(&w);
    return code;
}

static void copy_text(tr_value_t map, const char *key, char *out, size_t size) {
    size_t len = 0;
    const char *text = tr_value_str(tr_value_get(map, key), &len);
    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), text ? text : "");
    for (char *c = out; *c; c++) /* no agent writes to the terminal */
        *c = ((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f ? '?' : *c;
}

/* One that runs is away for a moment after its broker was restarted, or for longer where it is stopped. */
static int nobody(const tr_cli_place_t *place, const tr_message_t *message, tr_fleet_answer_t *answer) {
    snprintf(answer->reason, sizeof answer->reason, "%s", tr_reason_name(tr_message_reason(message)));
    if (place->supervisor)
        snprintf(answer->detail, sizeof answer->detail,
            "the supervisor of fleet %s (pid %d) runs, but is not there for its broker: is it stopped?",
            place->fleet, (int)place->supervisor);
    else
        snprintf(answer->detail, sizeof answer->detail,
            "nobody supervises agents on this broker: it was not started by `troupe up`, or its supervisor "
            "has gone");
    return TR_EXIT_UNREACHABLE;
}

static int judge(const tr_cli_place_t *place, const tr_message_t *message, tr_fleet_answer_t *answer) {
    if (tr_message_type(message) == TR_MESSAGE_FAILED)
        return nobody(place, message, answer);
    tr_value_t value = tr_message_value(message);
    if (tr_message_performative(message) == TR_INFORM && tr_value_is_map(value)) {
        answer->content = tr_value_to_json(value);
        return answer->content ? TR_EXIT_OK : TR_EXIT_REFUSED;
    }
    copy_text(value, "reason", answer->reason, sizeof answer->reason);
    copy_text(value, "detail", answer->detail, sizeof answer->detail);
    if (!*answer->detail)
        snprintf(answer->detail, sizeof answer->detail,
            "the supervisor's answer is not one that this version knows");
    return strcmp(answer->reason, "timed-out") == 0 ? TR_EXIT_TIMEOUT : TR_EXIT_REFUSED;
}

static int ask_once(tr_cli_session_t *session, json_t *request, tr_fleet_answer_t *ret_answer) {
    const tr_cli_place_t *place = tr_cli_session_place(session);
    char ticket[TR_TICKET_MAX + 1] = "";
    tr_error_t error = {0};
    tr_message_t *message = NULL;
    *ret_answer = (tr_fleet_answer_t){0};
    if (add_terms(session, request, ticket, &error) < 0) {
        snprintf(ret_answer->detail, sizeof ret_answer->detail, "%s", error.text);
        return TR_EXIT_REFUSED;
    }
    int code = send_and_wait(session, request, &message);
    if (code == TR_EXIT_OK)
        code = judge(place, message, ret_answer);
    tr_message_done(&message);
    drop_ticket(place, ticket);
    return code;
}

int tr_fleet_ask(tr_cli_session_t *session, json_t *request, tr_fleet_answer_t *ret_answer) {
    bool runs = tr_cli_session_place(session)->supervisor != 0, never = false;
    int64_t give_up_ms = tr_clock_ms() + AWAY_MS, deadline_ms = tr_cli_session_deadline(session) - SPARE_MS;
    give_up_ms = give_up_ms < deadline_ms ? give_up_ms : deadline_ms;
    int code;
    for (;;) {
        code = ask_once(session, request, ret_answer);
        if (code != TR_EXIT_UNREACHABLE || !runs || tr_clock_ms() >= give_up_ms)
            break;
        code = tr_cli_wait(session, &never, tr_clock_ms() + AGAIN_MS);
        if (code >= TR_EXIT_SIGNAL)
            break;
    }
    json_decref(request);
    return code;
}

int tr_fleet_ask_processes(tr_cli_session_t *session, json_t *list, tr_fleet_answer_t *ret_answer) {
    for (;;) {
        size_t before = json_array_size(list);
        json_t *request = json_pack("{s:s, s:I}", "action", "status", "offset", (json_int_t)before);
        int code = tr_fleet_ask(session, request, ret_answer);
        if (code != TR_EXIT_OK)
            return code;
        json_array_extend(list, json_object_get(ret_answer->content, "processes"));
        json_int_t total = json_integer_value(json_object_get(ret_answer->content, "total"));
        tr_fleet_answer_finish(ret_answer);
        if (json_array_size(list) == before || (json_int_t)json_array_size(list) >= total)
            return TR_EXIT_OK;
    }
}

int tr_fleet_tell(const tr_call_t *call, int code, const tr_fleet_answer_t *answer) {
    if (code == TR_EXIT_OK || !*answer->detail)
        return code;
    return tr_cli_fail(
        call, (tr_exit_t)code, "%s%s", code == TR_EXIT_TIMEOUT ? "not done in time: " : "", answer->detail);
}

void tr_fleet_answer_finish(tr_fleet_answer_t *self) {
    json_decref(self->content);
    self->content = NULL;
}

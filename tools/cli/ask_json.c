#include "tools/cli/ask_json.h"

#include "proto/json.h"

#include <errno.h>

int tr_cli_ask_json(tr_cli_session_t *session, const tr_call_t *call, const char *agent, json_t *request,
    json_t **ret_answer) {
    return tr_cli_ask_json_within(session, call, agent, NULL, request, ret_answer);
}

int tr_cli_ask_json_within(tr_cli_session_t *session, const tr_call_t *call, const char *agent,
    const char *conversation, json_t *request, json_t **ret_answer) {
    tr_content_writer_t writer;
    tr_message_t *answer = NULL;
    tr_content_writer_init(&writer);
    int rc = request ? tr_json_write(request, &writer) : -ENOMEM;
    json_decref(request);
    if (rc < 0) {
        tr_content_writer_finish(&writer);
        return rc == -ENOMEM ? tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory")
                             : tr_cli_usage(call, "nested too deeply, or a value that msgpack does not have");
    }
    int code = tr_cli_ask_within(session, agent, conversation, &writer, &answer);
    json_t *content = code == TR_EXIT_OK ? tr_value_to_json(tr_message_value(answer)) : NULL;
    tr_message_done(&answer);
    if (code == TR_EXIT_OK && !content)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "out of memory");
    if (code == TR_EXIT_OK)
        *ret_answer = content;
    return code;
}

int tr_cli_ask_agents(tr_cli_session_t *session, const tr_call_t *call, json_t *list) {
    for (;;) {
        size_t before = json_array_size(list);
        json_t *page = NULL,
               *request = json_pack("{s:s, s:I}", "action", "search", "offset", (json_int_t)before);
        int code = tr_cli_ask_json(session, call, "ams", request, &page);
        if (code != TR_EXIT_OK)
            return code;
        json_array_extend(list, json_object_get(page, "agents"));
        json_int_t total = json_integer_value(json_object_get(page, "total"));
        json_decref(page);
        if (json_array_size(list) == before || (json_int_t)json_array_size(list) >= total)
            return TR_EXIT_OK;
    }
}

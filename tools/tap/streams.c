#include "tools/tap/streams.h"

#include "proto/json.h"

int tr_streams_ask(tr_cli_session_t *session, tr_content_writer_t *request, json_t **ret_answer) {
    tr_message_t *answer = NULL;
    int code = tr_cli_ask_platform(session, "ams", request, &answer);
    if (code == TR_EXIT_OK)
        *ret_answer = tr_value_to_json(tr_message_value(answer));
    tr_message_done(&answer);
    return code;
}

int tr_streams_declare(
    tr_cli_session_t *session, const char *name, const char *pattern, const tr_stream_bounds_t *bounds) {
    tr_content_writer_t request;
    json_t *answer = NULL;
    tr_content_writer_init(&request);
    tr_write_map(&request, 6);
    tr_write_kv(&request, "action", "stream-declare");
    tr_write_kv(&request, "stream", name);
    tr_write_kv(&request, "pattern", pattern);
    tr_write_kv_int(&request, "max-age-ms", bounds->age_ms);
    tr_write_kv_uint(&request, "max-bytes", bounds->bytes);
    tr_write_kv_int(&request, "max-records", bounds->records);
    int code = tr_streams_ask(session, &request, &answer);
    json_decref(answer);
    return code;
}

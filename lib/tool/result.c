/* What a call came to, in words. */
#include "lib/tool/tools.h"

#include <string.h>

const char *tr_tool_status_word(tr_tool_status_t status) {
    static const char *const words[TR_TOOL_STATUSES] = {
        [TR_TOOL_OK] = "ok",
        [TR_TOOL_ERROR] = "error",
        [TR_TOOL_UNKNOWN] = "unknown",
        [TR_TOOL_INVALID] = "invalid",
        [TR_TOOL_FORBIDDEN] = "forbidden",
        [TR_TOOL_DENIED] = "denied",
        [TR_TOOL_BUSY] = "busy",
        [TR_TOOL_UNCERTAIN] = "unknown-outcome",
        [TR_TOOL_TIMED_OUT] = "timed-out",
        [TR_TOOL_UNAVAILABLE] = "unavailable",
        [TR_TOOL_GARBLED] = "garbled",
        [TR_TOOL_TOO_LARGE] = "too-large",
        [TR_TOOL_FAILED] = "failed",
    };
    return status < TR_TOOL_STATUSES ? words[status] : "failed";
}

json_t *tr_tool_result_json(const tr_tool_result_t *r) {
    bool is_said = r->status == TR_TOOL_OK || r->status == TR_TOOL_ERROR;
    json_t *object = json_pack("{s:s, s:s, s:s%}", "tool", r->tool, "status", tr_tool_status_word(r->status),
        is_said ? "data-of-tool" : "detail", is_said ? r->text : r->detail,
        is_said ? r->text_len : strlen(r->detail));
    if (object && r->cut)
        json_object_set_new(object, "cut", json_integer((json_int_t)r->whole_len));
    return object;
}

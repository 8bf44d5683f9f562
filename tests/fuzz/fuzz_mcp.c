/* What a server of MCP says: messages, and results as text. */
#include "lib/tool/mcp_message.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tr_mcp_heard_t heard;
    tr_error_t error;
    bool is_error;
    const char *wrong;
    (void)tr_mcp_find_answered((const char *)data, size);
    if (tr_mcp_read((const char *)data, size, &heard, &error) < 0)
        return 0;
    if (heard.what == TR_MCP_REQUEST)
        free(tr_mcp_print_answer(&heard));
    if (heard.what == TR_MCP_RESULT) {
        free(tr_mcp_text_of_call(heard.body, &is_error, &wrong));
        tr_mcp_catalogue_t list = {.has_templates = size % 2};
        json_decref(tr_mcp_catalogue_take(&list, heard.body, 1000, &wrong));
        tr_textbuf_finish(&list.text);
        free(tr_mcp_text_of_resource(heard.body, &wrong));
        (void)(tr_mcp_is_modern(heard.body) + tr_mcp_is_spoken(heard.body) +
               tr_mcp_is_capable(heard.body, "tools"));
        (void)tr_mcp_incomplete(heard.body);
    }
    tr_mcp_heard_finish(&heard);
    return 0;
}

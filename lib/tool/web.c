#include "lib/tool/web.h"

#include "lib/base/module.h"

int tr_web_load(const tr_web_module_t **ret_web, tr_error_t *error) {
    static const tr_module_kind_t kind = {"the module of tools that ask by HTTP", "web.so",
        TR_WEB_MODULE_SYMBOL, "lib/tool", TR_TOOL_MODULES, TR_TOOL_LIBDIR, "llm"};
    return tr_module_load(&kind, NULL, (const void **)ret_web, error);
}

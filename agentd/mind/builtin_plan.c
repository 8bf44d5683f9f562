/* The operation plan of the built-in mind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agentd/mind/builtin_private.h"
#include "agentd/mind/plan.h"

static int need_methods(tr_builtin_t *self, char *detail) {
    tr_error_t error = {0};
    int rc = self->methods ? 0 : tr_methods_new(NULL, 0, "methods", &self->methods, &error);
    if (rc < 0 && rc != -ENOMEM) {
        snprintf(detail, TR_BUILTIN_DETAIL, "%s", error.text);
        rc = TR_MIND_FAILED;
    }
    return rc;
}

int tr_builtin_plan(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    tr_builtin_list_t skills = {0};
    size_t most, length;
    if (!tr_builtin_number(request, "most", TR_PLAN_USUAL, TR_PLAN_MOST, detail, &most) ||
        !tr_builtin_list(request, "skills", false, detail, &skills))
        return 0;
    free(skills.items);
    char *text = tr_builtin_clean(request, &length);
    int rc = text ? need_methods(self, detail) : -ENOMEM;
    if (rc == 0)
        rc = tr_plan_make(
            self->methods, text, length, json_object_get(request->input, "skills"), most, ret_value);
    if (rc == 0 && !*ret_value) {
        snprintf(detail, TR_BUILTIN_DETAIL,
            "no method of the library fits the request with these skills in %zu subtasks", most);
        rc = TR_MIND_FAILED;
    }
    free(text);
    return rc;
}

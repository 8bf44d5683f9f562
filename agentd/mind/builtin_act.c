/* The operation act of the built-in mind: what act.c chooses, with an answer that is not too long. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentd/mind/act.h"
#include "agentd/mind/builtin_private.h"

#define ANSWER_LONG 1500 /* bytes; longer ones are summarised */
#define SENTENCES   5

/* What cannot be summarised stays as it is. */
static int shorten(tr_builtin_t *self, json_t *value) {
    char detail[TR_BUILTIN_DETAIL];
    const json_t *answer = json_object_get(value, "answer");
    json_t *summary = NULL, *input;
    if (json_string_length(answer) <= ANSWER_LONG)
        return 0;
    input = json_pack("{s:i}", "sentences", SENTENCES);
    tr_mind_request_t request = {.op = TR_MIND_SUMMARISE,
        .text = json_string_value(answer),
        .length = json_string_length(answer),
        .input = input};
    int rc = input ? tr_builtin_summarise(self, &request, detail, &summary) : -ENOMEM;
    if (rc == 0 && summary)
        rc = json_object_set(value, "answer", json_object_get(summary, "text"));
    json_decref(summary);
    json_decref(input);
    return rc < 0 ? -ENOMEM : 0;
}

int tr_builtin_act(tr_builtin_t *self, const tr_mind_request_t *request, char *detail, json_t **ret_value) {
    size_t length;
    const char *wrong = tr_act_wrong(request->input), *why = "";
    if (wrong) {
        snprintf(detail, TR_BUILTIN_DETAIL, "%s", wrong);
        return 0;
    }
    char *text = tr_builtin_clean(request, &length);
    json_t *value = NULL;
    int rc = text ? tr_act_next(self->thesaurus, text, length, request->input, &value, &why) : -ENOMEM;
    if (rc == 0 && value)
        rc = shorten(self, value);
    else if (rc == 0)
        rc = TR_MIND_FAILED;
    if (rc == TR_MIND_FAILED)
        snprintf(detail, TR_BUILTIN_DETAIL, "%s", why);
    if (rc == 0)
        *ret_value = json_incref(value);
    json_decref(value);
    free(text);
    return rc;
}

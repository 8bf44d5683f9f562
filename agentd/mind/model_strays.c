/* Files of a directory of prompts that take no prompt's place: nobody reads them, and whoever has misspelt a name would never hear of it. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agentd/mind/model_private.h"
#include "lib/base/buffer.h"
#include "lib/base/suggest.h"

#define ENDING    ".txt"
#define NAMED_MAX 8 /* the others are counted */

/* Looks as if it was meant for one: "sentimnt.txt", "Intent.TXT", and "plan" or "plan.md". What else lies there (notes, what editors leave) is nobody's business. */
static bool is_meant(const char *file, const char *const *names) {
    const char *dot = strrchr(file, '.');
    size_t stem = dot ? (size_t)(dot - file) : strlen(file);
    bool is_prompt = dot && strcasecmp(dot, ENDING) == 0;
    bool may_be = is_prompt || !dot || strcasecmp(dot, ".md") == 0 || strcasecmp(dot, ".text") == 0;
    for (; may_be && !is_prompt && *names; names++)
        is_prompt = strlen(*names) == stem && strncasecmp(*names, file, stem) == 0;
    return may_be && is_prompt && file[0] != '.';
}

static bool is_read(const char *file, const char *const *names) {
    for (; *names; names++)
        if (strncmp(file, *names, strlen(*names)) == 0 && strcmp(file + strlen(*names), ENDING) == 0)
            return true;
    return false;
}

static void name_one(const char *directory, const char *file, const char *const *names, tr_buffer_t *out) {
    char stem[TR_SUGGEST_WORD_MAX + 1];
    snprintf(stem, sizeof stem, "%.*s", (int)strcspn(file, "."), file);
    const char *near = tr_suggest(stem, names);
    tr_buffer_printf(out, "%s%s/%s takes no prompt's place", out->size ? "; " : "", directory, file);
    if (near)
        tr_buffer_printf(out, ": did you mean %s" ENDING "?", near);
}

static void say_names(const char *const *names, tr_buffer_t *out) {
    tr_buffer_text(out, "; prompts are");
    for (size_t i = 0; names[i]; i++)
        tr_buffer_printf(out, "%s %s" ENDING, i ? "," : "", names[i]);
}

char *tr_mind_prompts_strays(const char *directory) {
    const char *names[TR_MIND_OPS + 2];
    struct dirent **files = NULL;
    tr_buffer_t out;
    size_t strays = 0;
    tr_buffer_init(&out, 0);
    tr_mind_prompt_names(names);
    int n = directory ? scandir(directory, &files, NULL, alphasort)
                      : 0; /* that it cannot be read was told, ignoring */
    for (int i = 0; i < n; i++) {
        const char *file = files[i]->d_name;
        if (is_meant(file, names) && !is_read(file, names) && strays++ < NAMED_MAX)
            name_one(directory, file, names, &out);
        free(files[i]);
    }
    free(files);
    if (strays > NAMED_MAX)
        tr_buffer_printf(&out, "; and %zu more", strays - NAMED_MAX);
    if (strays)
        say_names(names, &out);
    char *text = strays && !out.failed ? strdup(tr_buffer_string(&out)) : NULL;
    tr_buffer_finish(&out);
    return text;
}

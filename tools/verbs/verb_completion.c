#include "tools/verbs/verbs.h"

#include <errno.h>
#include <string.h>

static const tr_program_t program = {
    .name = "troupe completion",
    .summary = "Write the completion script of a shell: bash, zsh or fish",
    .examples = "# bash, in this shell\n"
                "source <(troupe completion bash)\n\n"
                "# zsh, in a folder of $fpath\n"
                "troupe completion zsh > ~/.zfunc/_troupe\n\n"
                "# fish\n"
                "troupe completion fish > ~/.config/fish/completions/troupe.fish",
    .arguments = "SHELL",
    .least_arguments = 1,
    .most_arguments = 1,
};

static void put_shells(FILE *out) {
    for (size_t i = 0; tr_cli_shells[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", tr_cli_shells[i]);
}

static int run(const tr_call_t *call) {
    int rc = tr_cli_completion(tr_verbs, call->arguments.items[0], call->out);
    if (rc == -EINVAL)
        return tr_cli_usage(call, "expected bash, zsh or fish, found \"%.40s\"", call->arguments.items[0]);
    if (rc < 0)
        return tr_cli_fail(call, TR_EXIT_REFUSED, "the script could not be written: %s", strerror(-rc));
    return TR_EXIT_OK;
}

const tr_verb_t tr_verb_completion = {"completion", TR_VERB_SUPPORT, &program, 0, run, put_shells};

/* troupe(1): one page for all verbs, from their tables. */
#include "tools/cli/cli.h"

#include <errno.h>
#include <string.h>

/* Text for roff: backslashes and dashes mean something, and so does a dot or a quote at the
 * start of a line. */
static void put(const char *text, FILE *out) {
    for (const char *c = text; *c; c++) {
        if ((c == text || c[-1] == '\n') && (*c == '.' || *c == '\''))
            fputs("\\&", out);
        if (*c == '\\')
            fputs("\\e", out);
        else if (*c == '-')
            fputs("\\-", out);
        else if (*c == '\n' && c[1] == '\n') {
            fputs("\n.PP", out);
        } else
            fputc(*c, out);
    }
}

static void put_option(const tr_option_t *option, FILE *out) {
    fputs(".TP\n\\fB", out);
    if (option->letter)
        fprintf(out, "\\-%c\\fR, \\fB", option->letter);
    fputs("\\-\\-", out);
    put(option->name, out);
    fputs("\\fR", out);
    if (option->metavar) {
        fputs(" \\fI", out);
        put(option->metavar, out);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put(option->help, out);
    for (size_t i = 0; option->words && option->words[i]; i++)
        fprintf(out, "%s%s", i == 0 ? " One of: " : ", ", option->words[i]);
    fputs(option->words ? ".\n" : "\n", out);
    if (option->initial) {
        fputs("Default: ", out);
        put(option->initial, out);
        fputs(".\n", out);
    }
}

static void put_verb(const tr_verb_t *verb, FILE *out) {
    const tr_program_t *program = verb->program;
    fputs(".SS \"", out);
    put(program->name, out);
    if (program->usage || program->arguments) {
        fputc(' ', out);
        put(program->usage ? program->usage : program->arguments, out);
    }
    fputs("\"\n", out);
    put(program->summary, out);
    fputs(".\n", out);
    if (program->description) {
        fputs(".PP\n", out);
        put(program->description, out);
        fputc('\n', out);
    }
    for (size_t i = 0; i < program->option_count; i++) {
        if (!(program->options[i].flags & TR_OPTION_HIDDEN))
            put_option(&program->options[i], out);
    }
    if (!program->examples)
        return;
    fputs(".PP\n.nf\n", out);
    put(program->examples, out);
    fputs("\n.fi\n", out);
}

static void put_ends(FILE *out) {
    fputs(".SH \"EXIT STATUS\"\n"
          ".TP\n0\nDone.\n.TP\n1\nWrong usage.\n.TP\n2\nNo broker or no fleet could be reached.\n"
          ".TP\n3\nRefused by the other side, or what was given is not valid.\n.TP\n4\nTimed out.\n"
          ".SH ENVIRONMENT\n"
          ".TP\nTROUPE_OUTPUT, TROUPE_FLEET, TROUPE_STATE, TROUPE_CONNECT, TROUPE_TIMEOUT\n"
          "In place of the options of these names.\n"
          ".TP\nNO_COLOR\nNo colours on a terminal either.\n"
          ".SH FILES\n"
          ".TP\n\\&.troupe/FLEET/\nState and logs of a running fleet, made in the working directory; where "
          "that "
          "cannot be, in\n"
          "$XDG_STATE_HOME/troupe or ~/.local/state/troupe.\n"
          ".TP\n$XDG_STATE_HOME/troupe/.chat\\-USER\nWhat USER has typed in troupe chat; with --state DIR in "
          "DIR.\n"
          ".SH \"SEE ALSO\"\ntroupe\\-broker(8), troupe\\-agentd(8)\n",
        out);
}

int tr_cli_man(const tr_verb_t *const *verbs, FILE *out) {
    fprintf(out, ".TH TROUPE 1 \"\" \"Troupe %s\" \"User Commands\"\n", TROUPE_VERSION);
    fputs(
        ".SH NAME\ntroupe \\- launch fleets of agents, attach agents while they run, and watch the messages\n"
        ".SH SYNOPSIS\n\\fBtroupe\\fR \\fIVERB\\fR [\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]\n"
        ".SH DESCRIPTION\nResults go to the standard output, everything else to the standard error.\n",
        out);
    for (int group = 0; group < TR_VERB_GROUPS; group++) {
        bool titled = false;
        for (size_t i = 0; verbs[i]; i++) {
            if ((int)verbs[i]->group != group)
                continue;
            if (!titled)
                fprintf(out, ".SH \"%s\"\n", tr_verb_group_title((tr_verb_group_t)group));
            titled = true;
            put_verb(verbs[i], out);
        }
    }
    put_ends(out);
    return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

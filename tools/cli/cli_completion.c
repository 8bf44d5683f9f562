/*
 * Completion scripts from the verbs' tables. They are whole in themselves: no program is run while a user
 * types.
 *
 * What takes a FILE or DIR is completed with files, what has words with its words; a verb's positional
 * arguments are files where their first name is FILE or FLEET (one that runs is a [FLEET]).
 */
#include "tools/cli/cli.h"

#include <errno.h>
#include <string.h>

const char *const tr_cli_shells[] = {"bash", "zsh", "fish", NULL};

static bool is_shown(const tr_option_t *option) {
    return !(option->flags & TR_OPTION_HIDDEN);
}

static bool takes_file(const char *metavar) {
    return metavar &&
           (strncmp(metavar, "FILE", 4) == 0 || strcmp(metavar, "DIR") == 0 || strcmp(metavar, "FLEET") == 0);
}

static void put_words(const char *const *words, FILE *out) {
    for (size_t i = 0; words[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", words[i]);
}

/* Calls for each different first word of verbs with two words. */
static bool is_first_of_its_kind(const tr_verb_t *const *verbs, size_t i) {
    size_t len = strcspn(verbs[i]->name, " ");
    for (size_t k = 0; k < i; k++) {
        if (strcspn(verbs[k]->name, " ") == len && strncmp(verbs[k]->name, verbs[i]->name, len) == 0)
            return false;
    }
    return true;
}

static const char *second_word(const tr_verb_t *verb) {
    const char *space = strchr(verb->name, ' ');
    return space ? space + 1 : NULL;
}

static bool same_first(const tr_verb_t *a, const tr_verb_t *b) {
    size_t len = strcspn(a->name, " ");
    return strcspn(b->name, " ") == len && strncmp(a->name, b->name, len) == 0;
}

/* ---- bash ---- */

static void bash_values(const tr_verb_t *verb, FILE *out) {
    for (size_t i = 0; i < verb->program->option_count; i++) {
        const tr_option_t *o = &verb->program->options[i];
        if (!is_shown(o) || o->type == TR_OPTION_BOOL)
            continue;
        fprintf(out, "    '%s:--%s'", verb->name, o->name);
        if (o->letter)
            fprintf(out, " | '%s:-%c'", verb->name, o->letter);
        fputs(") ", out);
        if (o->words) {
            fputs("COMPREPLY=($(compgen -W '", out);
            put_words(o->words, out);
            fputs("' -- \"$cur\"))", out);
        } else if (takes_file(o->metavar)) {
            fputs("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))", out);
        } else {
            fputs(":", out);
        }
        fputs("; return ;;\n", out);
    }
}

static void bash_options(const tr_verb_t *verb, FILE *out) {
    fprintf(out, "    '%s') words='", verb->name);
    for (size_t i = 0; i < verb->program->option_count; i++) {
        if (is_shown(&verb->program->options[i]))
            fprintf(out, "--%s ", verb->program->options[i].name);
    }
    fprintf(out, "--help' files=%d", takes_file(verb->program->arguments));
    if (verb->words) {
        fputs(" args='", out);
        verb->words(out);
        fputs("'", out);
    }
    fputs(" ;;\n", out);
}

static void bash(const tr_verb_t *const *verbs, FILE *out) {
    fputs("# bash completion for troupe: source it, or save it as /etc/bash_completion.d/troupe\n"
          "_troupe() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} "
          "words= args= files=0\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W '",
        out);
    for (size_t i = 0; verbs[i]; i++) {
        if (is_first_of_its_kind(verbs, i))
            fprintf(out, "%.*s ", (int)strcspn(verbs[i]->name, " "), verbs[i]->name);
    }
    fputs("--help --version' -- \"$cur\"))\n        return\n    fi\n    case $verb in\n", out);
    for (size_t i = 0; verbs[i]; i++) {
        if (!second_word(verbs[i]) || !is_first_of_its_kind(verbs, i))
            continue;
        fprintf(out, "    %.*s) if [ \"$COMP_CWORD\" -eq 2 ]; then\n        COMPREPLY=($(compgen -W '",
            (int)strcspn(verbs[i]->name, " "), verbs[i]->name);
        for (size_t k = i; verbs[k]; k++) {
            if (same_first(verbs[i], verbs[k]) && second_word(verbs[k]))
                fprintf(out, "%s ", second_word(verbs[k]));
        }
        fputs("' -- \"$cur\"))\n        return\n    fi\n    verb=\"$verb ${COMP_WORDS[2]}\" ;;\n", out);
    }
    fputs("    esac\n    case \"$verb:$prev\" in\n", out);
    for (size_t i = 0; verbs[i]; i++)
        bash_values(verbs[i], out);
    fputs("    esac\n    case $verb in\n", out);
    for (size_t i = 0; verbs[i]; i++)
        bash_options(verbs[i], out);
    fputs(
        "    esac\n"
        "    case $cur in\n"
        "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
        "    *) COMPREPLY=($(compgen -W \"$args\" -- \"$cur\"))\n"
        "        [ \"$files\" = 1 ] && { compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); } ;;\n"
        "    esac\n"
        "}\n"
        "complete -F _troupe troupe\n",
        out);
}

/* ---- zsh and fish ---- */

/* The first sentence without its full stop, safe within single quotes; `special` characters get
 * a backslash. */
static void put_sentence(const char *text, const char *special, FILE *out) {
    const char *end = strstr(text, ". ");
    size_t len = end ? (size_t)(end - text) : strlen(text);
    if (len > 0 && text[len - 1] == '.')
        len--;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\'')
            fputs("'\\''", out);
        else if (strchr(special, text[i]))
            fprintf(out, "\\%c", text[i]);
        else
            fputc(text[i], out);
    }
}

static void zsh_option(const tr_option_t *o, FILE *out) {
    fputs(" \\\n            ", out);
    const char *list = o->type == TR_OPTION_LIST ? "*" : "";
    if (o->letter && *list)
        fprintf(out, "'*'{-%c,--%s}'[", o->letter, o->name);
    else if (o->letter)
        fprintf(out, "'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
    else
        fprintf(out, "'%s--%s[", list, o->name);
    put_sentence(o->help, "[]:\\", out);
    fputs("]", out);
    if (o->type != TR_OPTION_BOOL) {
        fprintf(out, ":%s:", o->metavar ? o->metavar : "VALUE");
        if (o->words) {
            fputs("(", out);
            put_words(o->words, out);
            fputs(")", out);
        } else if (takes_file(o->metavar)) {
            fputs("_files", out);
        }
    }
    fputs("'", out);
}

static void zsh_verb(const tr_verb_t *verb, FILE *out) {
    fprintf(out, "    '%s')\n        _arguments -s", verb->name);
    for (size_t i = 0; i < verb->program->option_count; i++) {
        if (is_shown(&verb->program->options[i]))
            zsh_option(&verb->program->options[i], out);
    }
    fputs(" \\\n            '(-h --help)'{-h,--help}'[Show the help]'", out);
    if (verb->program->arguments) {
        fputs(" \\\n            '*:", out);
        put_sentence(verb->program->arguments, ":\\", out);
        fputs(takes_file(verb->program->arguments) ? ":_files" : ":", out);
        if (verb->words) {
            fputs("(", out);
            verb->words(out);
            fputs(")", out);
        }
        fputs("'", out);
    }
    fputs(" ;;\n", out);
}

static void zsh(const tr_verb_t *const *verbs, FILE *out) {
    fputs("#compdef troupe\n"
          "# zsh completion for troupe: save it as _troupe in a folder of $fpath\n"
          "_troupe() {\n"
          "    local -a verbs\n"
          "    local verb=$words[2]\n"
          "    if (( CURRENT == 2 )); then\n"
          "        verbs=(\n",
        out);
    for (size_t i = 0; verbs[i]; i++) {
        if (!is_first_of_its_kind(verbs, i))
            continue;
        fprintf(out, "            '%.*s:", (int)strcspn(verbs[i]->name, " "), verbs[i]->name);
        put_sentence(verbs[i]->program->summary, ":\\", out);
        fputs("'\n", out);
    }
    fputs(
        "        )\n        _describe -t verbs verb verbs\n        return\n    fi\n    case $verb in\n", out);
    for (size_t i = 0; verbs[i]; i++) {
        if (!second_word(verbs[i]) || !is_first_of_its_kind(verbs, i))
            continue;
        fprintf(out, "    %.*s)\n        if (( CURRENT == 3 )); then\n            compadd --",
            (int)strcspn(verbs[i]->name, " "), verbs[i]->name);
        for (size_t k = i; verbs[k]; k++) {
            if (same_first(verbs[i], verbs[k]) && second_word(verbs[k]))
                fprintf(out, " %s", second_word(verbs[k]));
        }
        fputs("\n            return\n        fi\n        verb=\"$verb $words[3]\"\n"
              "        shift words\n        (( CURRENT-- )) ;;\n",
            out);
    }
    fputs("    esac\n    shift words\n    (( CURRENT-- ))\n    case $verb in\n", out);
    for (size_t i = 0; verbs[i]; i++)
        zsh_verb(verbs[i], out);
    fputs("    esac\n}\n"
          "# As an autoloaded file it is called at once, as a sourced one it is registered.\n"
          "if [ \"$funcstack[1]\" = _troupe ]; then _troupe \"$@\"; else compdef _troupe troupe; fi\n",
        out);
}

static void fish_condition(const tr_verb_t *verb, FILE *out) {
    int len = (int)strcspn(verb->name, " ");
    fprintf(out, "complete -c troupe -n '__fish_seen_subcommand_from %.*s", len, verb->name);
    if (second_word(verb))
        fprintf(out, "; and __fish_seen_subcommand_from %s", second_word(verb));
    fputs("'", out);
}

static void fish_verb(const tr_verb_t *const *verbs, size_t i, FILE *out) {
    const tr_verb_t *verb = verbs[i];
    int len = (int)strcspn(verb->name, " ");
    if (is_first_of_its_kind(verbs, i)) {
        fprintf(out, "complete -c troupe -n __fish_use_subcommand -a %.*s -d '", len, verb->name);
        put_sentence(verb->program->summary, "\\", out);
        fputs("'\n", out);
    }
    if (second_word(verb))
        fprintf(out,
            "complete -c troupe -n '__fish_seen_subcommand_from %.*s; and not __fish_seen_subcommand_from "
            "%s' -a %s\n",
            len, verb->name, second_word(verb), second_word(verb));
    if (takes_file(verb->program->arguments)) {
        fish_condition(verb, out);
        fputs(" -F\n", out);
    }
    if (verb->words) {
        fish_condition(verb, out);
        fputs(" -a '", out);
        verb->words(out);
        fputs("'\n", out);
    }
    for (size_t k = 0; k < verb->program->option_count; k++) {
        const tr_option_t *o = &verb->program->options[k];
        if (!is_shown(o))
            continue;
        fish_condition(verb, out);
        fprintf(out, " -l %s", o->name);
        if (o->letter)
            fprintf(out, " -s %c", o->letter);
        if (o->words) {
            fputs(" -x -a '", out);
            put_words(o->words, out);
            fputs("'", out);
        } else if (o->type != TR_OPTION_BOOL) {
            fputs(takes_file(o->metavar) ? " -r -F" : " -x", out);
        }
        fputs(" -d '", out);
        put_sentence(o->help, "\\", out);
        fputs("'\n", out);
    }
}

static void fish(const tr_verb_t *const *verbs, FILE *out) {
    fputs("# fish completion for troupe: save it as ~/.config/fish/completions/troupe.fish\n"
          "complete -c troupe -f\n"
          "complete -c troupe -s h -l help -d 'Show the help'\n"
          "complete -c troupe -n __fish_use_subcommand -s V -l version -d 'Show the version'\n",
        out);
    for (size_t i = 0; verbs[i]; i++)
        fish_verb(verbs, i, out);
}

int tr_cli_completion(const tr_verb_t *const *verbs, const char *shell, FILE *out) {
    static void (*const scripts[])(const tr_verb_t *const *, FILE *) = {bash, zsh, fish};
    for (size_t i = 0; tr_cli_shells[i]; i++) {
        if (strcmp(tr_cli_shells[i], shell) != 0)
            continue;
        scripts[i](verbs, out);
        return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
    }
    return -EINVAL;
}

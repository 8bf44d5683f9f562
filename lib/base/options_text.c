/* What the table says to people: --help, the man page, completion, a sample file. */
#include "lib/base/options.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LEFT_MAX 30 /* columns of "  -l, --listen ENDPOINT" before the help goes on a line of its own */

static int finish(FILE *out) {
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

static bool shown(const tr_option_t *option) {
    return !(option->flags & TR_OPTION_HIDDEN);
}

/* Columns of the first `len` bytes: code points, which is right for the texts of our tables. */
static size_t columns(const char *text, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

/* Words of one paragraph from column `at`, further lines from column `indent`. Ends without a line break;
 * returns the column. */
static size_t wrap(const char *text, size_t len, size_t at, size_t indent, size_t width, FILE *out) {
    const char *end = text + len;
    bool first = true;
    while (text < end) {
        size_t blank = strspn(text, " \n");
        text += blank < (size_t)(end - text) ? blank : (size_t)(end - text);
        size_t word = strcspn(text, " \n");
        if (word > (size_t)(end - text))
            word = (size_t)(end - text);
        if (word == 0)
            break;
        size_t wide = columns(text, word);
        if (!first && at + 1 + wide > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)word, text);
        at += wide + (first ? 0 : 1);
        first = false;
        text += word;
    }
    return at;
}

/* Paragraphs have an empty line between. */
static const char *next_paragraph(const char *text, size_t *ret_len) {
    text += strspn(text, "\n");
    const char *end = strstr(text, "\n\n");
    *ret_len = end ? (size_t)(end - text) : strlen(text);
    return *ret_len ? text : NULL;
}

/* The help with what the table knows besides: words, default, that it is required. Whatever does not fit is
 * cut. */
static void full_help(const tr_option_t *option, char *room, size_t room_len) {
    size_t used = (size_t)snprintf(room, room_len, "%s", option->help);
    if (option->type == TR_OPTION_WORD) {
        for (size_t i = 0; option->words[i] && used < room_len; i++)
            used += (size_t)snprintf(
                room + used, room_len - used, "%s%s", i ? ", " : " One of: ", option->words[i]);
        if (used < room_len)
            used += (size_t)snprintf(room + used, room_len - used, ".");
    }
    if (option->initial && used < room_len)
        used += (size_t)snprintf(room + used, room_len - used, " [default: %s]", option->initial);
    if ((option->flags & TR_OPTION_REQUIRED) && used < room_len)
        snprintf(room + used, room_len - used, " [required]");
}

/* A switch that is on by default is shown as the flag that turns it off. */
static bool negated(const tr_option_t *option) {
    bool on = false;
    return option->type == TR_OPTION_BOOL && option->initial &&
           tr_parse_bool(option->initial, &on, NULL) == 0 && on;
}

static void left_side(const tr_option_t *option, char *room, size_t room_len) {
    char letter[8] = "    ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(room, room_len, "  %s--%s%s%s%s", letter, negated(option) ? "[no-]" : "", option->name,
        option->metavar ? " " : "", option->metavar ? option->metavar : "");
}

static const tr_option_t help_row = {.name = "help", .letter = 'h', .help = "Show this help and end."};
static const tr_option_t version_row = {
    .name = "version", .letter = 'V', .help = "Show the version and end."};
static const tr_option_t config_row = {.name = "config",
    .metavar = "FILE",
    .type = TR_OPTION_STRING,
    .help = "Read options from this YAML file, as lines of `name: value`."};

/* A letter of the built-in rows that the program's own table took. */
static bool letter_taken(const tr_program_t *program, char letter) {
    for (size_t i = 0; i < program->option_count; i++)
        if (program->options[i].letter == letter)
            return true;
    return false;
}

/* The n-th row as shown, of the table and then the built-in ones; NULL after the last. Hidden rows are not
 * skipped. */
static const tr_option_t *row(const tr_program_t *program, size_t n, tr_option_t *room) {
    const tr_option_t *built_in[] = {program->has_file ? &config_row : NULL, &help_row, &version_row};
    if (n < program->option_count)
        return &program->options[n];
    n -= program->option_count;
    if (!program->has_file)
        n++;
    if (n >= sizeof built_in / sizeof *built_in)
        return NULL;
    *room = *built_in[n];
    if (letter_taken(program, room->letter))
        room->letter = 0;
    return room;
}

static size_t help_column(const tr_program_t *program) {
    size_t widest = 0;
    char left[128];
    tr_option_t room;
    const tr_option_t *option;
    for (size_t i = 0; (option = row(program, i, &room)); i++) {
        left_side(option, left, sizeof left);
        size_t wide = columns(left, strlen(left));
        if (shown(option) && wide <= LEFT_MAX && wide > widest)
            widest = wide;
    }
    return widest + 2;
}

static void help_options(const tr_program_t *program, size_t width, FILE *out) {
    size_t column = help_column(program);
    char left[128], text[2048];
    tr_option_t room;
    const tr_option_t *option;
    fputs("\nOptions:\n", out);
    for (size_t i = 0; (option = row(program, i, &room)); i++) {
        if (!shown(option))
            continue;
        left_side(option, left, sizeof left);
        full_help(option, text, sizeof text);
        size_t wide = columns(left, strlen(left));
        if (wide + 2 > column)
            fprintf(out, "%s\n%*s", left, (int)column, "");
        else
            fprintf(out, "%s%*s", left, (int)(column - wide), "");
        wrap(text, strlen(text), column, column, width, out);
        fputs("\n", out);
    }
}

static void help_paragraphs(const char *text, size_t width, FILE *out) {
    size_t len = 0;
    while (text && (text = next_paragraph(text, &len))) {
        fputs("\n", out);
        wrap(text, len, 0, 0, width, out);
        fputs("\n", out);
        text += len;
    }
}

/* Where else options can be given; "" where nowhere else. */
static void sources_text(const tr_program_t *program, char *room, size_t room_len) {
    room[0] = '\0';
    if (program->env_prefix && program->has_file)
        snprintf(room, room_len,
            "An option can also be given as the environment variable %s_NAME (in capitals, with _ for -) or "
            "in the "
            "file of --config (or %s_CONFIG). A flag wins over the environment, and that over the file.",
            program->env_prefix, program->env_prefix);
    else if (program->env_prefix)
        snprintf(room, room_len,
            "An option can also be given as the environment variable %s_NAME (in capitals, with _ for -); a "
            "flag wins "
            "over it.",
            program->env_prefix);
    else if (program->has_file)
        snprintf(room, room_len, "An option can also be given in the file of --config; a flag wins over it.");
}

static void usage_text(const tr_program_t *program, char *room, size_t room_len) {
    if (program->usage)
        snprintf(room, room_len, "%s %s", program->name, program->usage);
    else
        snprintf(room, room_len, "%s [OPTION...]%s%s", program->name, program->arguments ? " " : "",
            program->arguments ? program->arguments : "");
}

static void help_examples(const char *text, FILE *out) {
    if (!text)
        return;
    fputs("\nExamples:\n", out);
    while (*text) {
        size_t len = strcspn(text, "\n");
        fprintf(out, "%s%.*s\n", len ? "  " : "", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

int tr_options_help(const tr_program_t *program, size_t width, FILE *out) {
    char text[512];
    width = width == 0 ? 80 : width < 40 ? 40 : width > 120 ? 120 : width;
    usage_text(program, text, sizeof text);
    fprintf(out, "Usage: %s\n\n%s.\n", text, program->summary);
    help_paragraphs(program->description, width, out);
    help_options(program, width, out);
    sources_text(program, text, sizeof text);
    help_paragraphs(text, width, out);
    help_examples(program->examples, out);
    return finish(out);
}

/* --- man ------------------------------------------------------------------------------------------------ */

/* Text for roff: a backslash and a dash mean something, and so does a dot or a quote at the
 * start of a line. */
static void roff(const char *text, size_t len, FILE *out) {
    bool line_start = true;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (line_start && (c == '.' || c == '\''))
            fputs("\\&", out);
        if (c == '\\')
            fputs("\\e", out);
        else if (c == '-')
            fputs("\\-", out);
        else
            fputc(c, out);
        line_start = c == '\n';
    }
}

static void roff_text(const char *text, FILE *out) {
    roff(text, strlen(text), out);
}

/* "troupe up" -> "TROUPE-UP", the page's name. */
static void man_title(const tr_program_t *program, int section, FILE *out) {
    fputs(".TH \"", out);
    for (const char *at = program->name; *at; at++) {
        if (*at == ' ' || *at == '-')
            fputs("\\-", out);
        else
            fputc(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at, out);
    }
    fprintf(out, "\" %d \"\" \"Troupe %s\"\n", section, TROUPE_VERSION);
    fputs(".SH NAME\n", out);
    for (const char *at = program->name; *at; at++)
        fputs(*at == ' ' || *at == '-' ? "\\-" : (const char[]){*at, '\0'}, out);
    fputs(" \\- ", out);
    roff_text(program->summary, out);
    fputs("\n", out);
}

static void man_option(const tr_option_t *option, FILE *out) {
    char text[2048];
    fputs(".TP\n", out);
    if (option->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", out);
    roff_text(negated(option) ? "[no-]" : "", out);
    roff_text(option->name, out);
    fputs("\\fR", out);
    if (option->metavar) {
        fputs(" \\fI", out);
        roff_text(option->metavar, out);
        fputs("\\fR", out);
    }
    fputs("\n", out);
    full_help(option, text, sizeof text);
    roff_text(text, out);
    fputs("\n", out);
}

static void man_description(const tr_program_t *program, FILE *out) {
    const char *text = program->description;
    size_t len = 0;
    fputs(".SH DESCRIPTION\n", out);
    roff_text(program->summary, out);
    fputs(".\n", out);
    while (text && (text = next_paragraph(text, &len))) {
        fputs(".PP\n", out);
        roff(text, len, out);
        fputs("\n", out);
        text += len;
    }
}

int tr_options_man(const tr_program_t *program, int section, FILE *out) {
    char text[512];
    tr_option_t room;
    const tr_option_t *option;
    man_title(program, section, out);
    fputs(".SH SYNOPSIS\n", out);
    usage_text(program, text, sizeof text);
    roff_text(text, out);
    fputs("\n", out);
    man_description(program, out);
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; (option = row(program, i, &room)); i++)
        if (shown(option))
            man_option(option, out);
    sources_text(program, text, sizeof text);
    if (*text) {
        fputs(".SH ENVIRONMENT AND FILES\n", out);
        roff_text(text, out);
        fputs("\n", out);
    }
    if (program->examples) {
        fputs(".SH EXAMPLES\n.nf\n", out);
        roff_text(program->examples, out);
        fputs("\n.fi\n", out);
    }
    return finish(out);
}

/* --- completion and sample ------------------------------------------------------------------------------ */

static void complete_words(const tr_program_t *program, const char *name, FILE *out) {
    for (size_t i = 0; i < program->option_count; i++) {
        const tr_option_t *option = &program->options[i];
        if (strcmp(option->name, name) != 0 || !option->words)
            continue;
        for (size_t j = 0; option->words[j]; j++)
            fprintf(out, "%s\n", option->words[j]);
    }
}

int tr_options_complete(const tr_program_t *program, const char *name, FILE *out) {
    tr_option_t room;
    const tr_option_t *option;
    if (name)
        complete_words(program, strncmp(name, "--", 2) == 0 ? name + 2 : name, out);
    for (size_t i = 0; !name && (option = row(program, i, &room)); i++) {
        if (!shown(option))
            continue;
        const char *end = strstr(option->help, ". ");
        size_t len = end ? (size_t)(end - option->help) : strlen(option->help);
        if (len > 0 && option->help[len - 1] == '.')
            len--;
        fprintf(out, "--%s%s\t%.*s\n", negated(option) ? "no-" : "", option->name, (int)len, option->help);
    }
    return finish(out);
}

/* Whether YAML would read the text as something else than itself: then it goes in quotes. */
static bool needs_quotes(const char *text) {
    return *text == '\0' || strpbrk(text, ":#{}[],&*!|>'\"%@`~") != NULL || *text == '-' || *text == '?' ||
           *text == ' ';
}

static void sample_value(const tr_option_t *option, FILE *out) {
    const char *text = option->initial;
    if (!text)
        fprintf(out, "%s", option->type == TR_OPTION_BOOL ? "false" : option->metavar ? option->metavar : "");
    else if (option->type == TR_OPTION_LIST)
        fprintf(out, "[%s]", text);
    else if (needs_quotes(text)) {
        fputc('\'', out);
        for (; *text; text++)
            fputs(*text == '\'' ? "''" : (const char[]){*text, '\0'}, out);
        fputc('\'', out);
    } else
        fputs(text, out);
}

int tr_options_sample(const tr_program_t *program, FILE *out) {
    char text[2048];
    fprintf(out, "# Options of %s. Lines that begin with # are the defaults.\n", program->name);
    for (size_t i = 0; i < program->option_count; i++) {
        const tr_option_t *option = &program->options[i];
        if (!shown(option) || (option->flags & TR_OPTION_FLAG_ONLY))
            continue;
        full_help(option, text, sizeof text);
        fputs("\n", out);
        for (const char *at = text; *at;) {
            /* Lines of their own, each with its mark. */
            size_t len = strlen(at), cut = len;
            if (len > 90)
                for (cut = 90; cut > 40 && at[cut] != ' '; cut--)
                    continue;
            fprintf(out, "# %.*s\n", (int)cut, at);
            at += cut + (at[cut] == ' ');
        }
        fprintf(out, "#%s: ", option->name);
        sample_value(option, out);
        fputs("\n", out);
    }
    return finish(out);
}

size_t tr_options_width(FILE *out) {
    struct winsize window = {0};
    return isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}

int tr_options_answer(const tr_program_t *program, int ask, const tr_error_t *error) {
    if (ask < 0)
        fprintf(stderr, "%s: %s\nTry '%s --help'.\n", program->name, error->text, program->name);
    else if (ask == TR_OPTIONS_HELP)
        tr_options_help(program, tr_options_width(stdout), stdout);
    else
        printf("%s %s\n", program->name, TROUPE_VERSION);
    return ask >= 0 && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

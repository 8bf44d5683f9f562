#include "sim/plot.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Within double quotes of gnuplot; what is not plain becomes a space: a title is no program. */
static void write_quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (const char *p = text; *p; p++)
        fputc((unsigned char)*p < 0x20 || strchr("\"\\`$@{}^_~", *p) ? ' ' : *p, out);
    fputc('"', out);
}

/* Where a column is in measures.csv, from 1 on. */
static size_t place_of(const tr_sim_results_t *results, const tr_sim_column_t *column, size_t part) {
    size_t place = 3 + part;
    for (const tr_sim_column_t *c = results->columns; c != column; c++)
        place += tr_sim_column_parts(c);
    return place;
}

/* The curves of one plot; how many. */
static size_t write_curves(
    FILE *out, const tr_sim_plot_t *plot, const tr_sim_results_t *results, int *ret_rc, tr_error_t *error) {
    size_t count = 0, part;
    for (size_t i = 0; i < plot->measures.count; i++) {
        const char *name = plot->measures.items[i];
        const tr_sim_column_t *column = tr_sim_results_column(results, name, &part);
        if (!column) {
            *ret_rc = 1;
            tr_error_set(error, 1, "%s: no agent has told the measure %s", plot->title, name);
            continue;
        }
        fprintf(out, "%s\"measures.csv\" skip 1 using 2:%zu with lines lw 2 title ", count ? ", " : "plot ",
            place_of(results, column, part));
        write_quoted(out, name);
        count++;
    }
    fputc('\n', out);
    return count;
}

static int run_gnuplot(const char *directory, tr_error_t *error) {
    char program[] = "gnuplot", script[] = "plots.gp";
    char *const arguments[] = {program, script, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, directory);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    int rc = posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc == ENOENT)
        return tr_error_set(
            error, -ENOENT, "gnuplot is not there: install the package gnuplot-nox for pictures");
    if (rc != 0)
        return tr_error_set(error, -EIO, "cannot run gnuplot: %s", strerror(rc));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? 0 : tr_error_set(error, -EIO, "gnuplot failed on %s/plots.gp", directory);
}

static void write_plot(FILE *out, size_t number, const tr_sim_plot_t *plot, const char *curves) {
    static const char *const terminals[] = {"svg size 900,520 background \"white\"", "png size 900,520"};
    static const char *const names[] = {"svg", "png"};
    for (size_t i = 0; i < 2; i++) {
        fprintf(
            out, "set terminal %s\nset output \"plot-%zu.%s\"\nset title ", terminals[i], number, names[i]);
        write_quoted(out, plot->title);
        fprintf(out, "\n%s", curves);
    }
}

int tr_sim_plot(const tr_sim_scenario_t *scenario, const tr_sim_results_t *results, size_t *ret_count,
    tr_error_t *error) {
    const tr_sim_plot_t *plots = scenario->plots.items;
    char *path = NULL, *curves = NULL;
    size_t len = 0;
    int missing = 0;
    *ret_count = 0;
    FILE *out = asprintf(&path, "%s/plots.gp", results->directory) < 0 ? NULL : fopen(path, "we");
    free(path);
    if (!out)
        return tr_error_set(
            error, -errno, "cannot write %s/plots.gp: %s", results->directory, strerror(errno));
    fputs("set datafile separator \",\"\nset xlabel \"seconds\"\nset key outside right\nset grid\nset yrange "
          "[0:*]\n",
        out);
    for (size_t i = 0; i < scenario->plots.count; i++) {
        FILE *text = open_memstream(&curves, &len);
        size_t count = text ? write_curves(text, &plots[i], results, &missing, error) : 0;
        if (text)
            fclose(text);
        if (count)
            write_plot(out, ++*ret_count, &plots[i], curves);
        free(curves);
        curves = NULL;
    }
    fclose(out);
    int rc = *ret_count ? run_gnuplot(results->directory, error) : 0;
    return rc < 0 ? rc : missing;
}

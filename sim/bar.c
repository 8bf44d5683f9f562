#include "sim/bar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 30
#define LEAST   4 /* less tells nothing */
#define EARLY   0.02

/* " [###...]" */
static void draw(uint64_t done, uint64_t of, int columns, char *out) {
    *out++ = ' ';
    *out++ = '[';
    for (int i = 0; i < columns; i++)
        *out++ = (uint64_t)i < done * (uint64_t)columns / of ? '#' : '.';
    *out++ = ']';
    *out = '\0';
}

size_t tr_sim_bar(uint64_t step, uint64_t steps, double took, size_t width, char *out, size_t size) {
    char head[64], tail[80], bar[LONGEST + 4] = "";
    double part = steps ? (double)(step - 1) / (double)steps : 0;
    int used = snprintf(head, sizeof head, "step %" PRIu64 " of %" PRIu64, step, steps);
    if (part > EARLY)
        used += snprintf(tail, sizeof tail, " %.1f s, about %.0f s left", took, took / part - took);
    else
        used += snprintf(tail, sizeof tail, " %.1f s", took);
    int room = (int)(width ? width : 80) - 1 - used - 3; /* " [" and "]" */
    if (steps && room >= LEAST)
        draw(step - 1, steps, room < LONGEST ? room : LONGEST, bar);
    int n = snprintf(out, size, "%s%s%s", head, bar, tail);
    size_t most = (width ? width : 80) - 1;
    if (n < 0 || size == 0)
        return 0;
    if ((size_t)n > most && most < size)
        out[most] = '\0';
    return strlen(out);
}

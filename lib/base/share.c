#include "lib/base/share.h"

#include <stdbool.h>

/* Of the fewest the first, of the most the last. */
static size_t find(const int64_t *counts, size_t n, bool most) {
    size_t found = 0;
    for (size_t i = 1; i < n; i++)
        if (most ? counts[i] >= counts[found] : counts[i] < counts[found])
            found = i;
    return found;
}

void tr_share_out(int64_t *counts, size_t n, int64_t total) {
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += counts[i];
    for (; n && sum < total; sum++)
        counts[find(counts, n, false)]++;
    for (; n && sum > total && sum > 0; sum--)
        counts[find(counts, n, true)]--;
}

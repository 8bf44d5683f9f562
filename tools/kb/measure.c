#include "tools/kb/measure.h"

#include <math.h>
#include <stdlib.h>

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static double dcg(const double *gains, size_t count, size_t k) {
    double sum = 0;
    for (size_t i = 0; i < count && i < k; i++)
        sum += gains[i] / log2((double)i + 2);
    return sum;
}

tr_kb_measures_t tr_kb_measure(
    const double *ranked, size_t ranked_count, double *judged, size_t judged_count, size_t k) {
    tr_kb_measures_t m = {0};
    size_t relevant = 0, found = 0;
    if (judged_count)
        qsort(judged, judged_count, sizeof *judged, falling);
    while (relevant < judged_count && judged[relevant] > 0)
        relevant++;
    if (!relevant)
        return m;
    for (size_t i = 0; i < ranked_count && i < k; i++) {
        if (ranked[i] <= 0)
            continue;
        found++;
        if (m.rr == 0)
            m.rr = 1 / ((double)i + 1);
    }
    m.ndcg = dcg(ranked, ranked_count, k) / dcg(judged, relevant, k);
    m.recall = (double)found / (double)relevant;
    return m;
}

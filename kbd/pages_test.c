/* What searches jump about in lies in huge pages, as it was built and as it was read, and says the same. */
#include "kbd/segment_fixture.h"
#include "kbd/segment_private.h"
#include "kbd/shelf.h"
#include "tests/scratch.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs the headers above */
#include <cmocka.h>

#define D 1536u
#define N 800u /* 5 MB */

/* Whether the kernel was asked for huge pages where this is; what it says of a map ends with its flags. */
static bool in_huge_pages(const void *at) {
    FILE *f = fopen("/proc/self/smaps", "re");
    char line[512];
    uintptr_t from, to;
    bool here = false, asked = false;
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            here = (uintptr_t)at >= from && (uintptr_t)at < to;
        asked |= here && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg");
    }
    if (f)
        fclose(f);
    return asked;
}

static void huge_pages(void **state) {
    float *all = calloc(N * D, sizeof *all);
    char *directory = scratch_new_in_memory();
    tr_shelf_t shelf;
    tr_shelf_found_t found = {0};
    size_t damaged;
    (void)state;
    if (access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0)
        skip(); /* a kernel without them */
    for (size_t i = 0; i < N; i++) {
        all[i * D + i % D] = 1;
        all[i * D + i / D] += (float)i;
    }
    tr_segment_threads(1);
    tr_segment_t *segment = segment_fixture(all, N, D, TR_SEGMENT_HNSW);
    assert_true(in_huge_pages(tr_segment_vector(segment, N / 2)));
    assert_int_equal(tr_shelf_init(&shelf, directory, NULL), 0);
    assert_int_equal(tr_shelf_write(&shelf, 1, "m", 1, NULL, 0, segment, NULL), 0);
    tr_segment_release(&segment);
    assert_int_equal(tr_shelf_read(&shelf, 1, "m", D, &found, 1, &damaged), 1);
    assert_true(in_huge_pages(tr_segment_vector(found.segment, N / 2)));
    assert_memory_equal(tr_segment_vector(found.segment, 0), all, N * D * sizeof *all);
    tr_segment_release(&found.segment);
    tr_shelf_finish(&shelf);
    scratch_end(directory);
    free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(huge_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

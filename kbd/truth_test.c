/* A table as the truth: whatever fails, and at whatever write, the store is made what the table says, and what was acknowledged is in both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kbd/truth.h"
#include "lib/store/journal_memory.h"
#include "tests/scratch.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL "model/2"

typedef struct world {
    tr_journal_disk_t *table;
    char *directory;
    tr_kb_store_t *store;
    tr_kb_truth_t truth;
    bool restored; /* what is opened next */
    tr_error_t error;
} world_t;

static void ok(const world_t *w, int rc) {
    if (rc < 0)
        fail_msg("%s", w->error.text);
}

static int open_world(world_t *w) {
    tr_journal_t *journal = NULL;
    ok(w, tr_kb_store_open(w->directory, &w->store, &w->error));
    ok(w, tr_journal_open_memory(w->table, &journal, &w->error));
    int rc = tr_kb_truth_open(&w->truth, w->store, &journal, w->directory, w->restored, &w->error);
    return rc < 0 ? rc : tr_kb_truth_fill(&w->truth, MODEL, &w->error);
}

/* crash: what the table's disk has not synced is lost. */
static void close_world(world_t *w, bool crash) {
    if (crash)
        tr_journal_disk_crash(w->table, 0);
    tr_kb_truth_close(&w->truth);
    tr_kb_store_close(&w->store);
}

static world_t *begin(void) {
    world_t *w = calloc(1, sizeof *w);
    w->table = tr_journal_disk_new();
    w->directory = scratch_new_in_memory();
    ok(w, open_world(w));
    return w;
}

static void end(world_t *w) {
    close_world(w, false);
    tr_journal_disk_destroy(&w->table);
    scratch_end(w->directory);
    free(w);
}

static void lose_directory(world_t *w) {
    scratch_end(w->directory);
    w->directory = scratch_new_in_memory();
}

static void put(world_t *w, const char *ns, const char *id, const char *text, int64_t at_ms) {
    tr_kb_namespace_t there;
    tr_kb_change_t change;
    tr_chunk_t chunk = {.length = (uint32_t)strlen(text)};
    tr_kb_document_t d = {.id = id,
        .title = id,
        .metadata = "{\"a\":1}",
        .text = text,
        .text_len = strlen(text),
        .changed_ms = at_ms};
    float first = (float)at_ms / 32; /* as long as 1, as all of them are */
    const float vector[] = {first, sqrtf(1 - first * first)};
    ok(w, tr_kb_store_begin(w->store, &w->error));
    ok(w, tr_kb_namespace_need(w->store, ns, NULL, &there, &w->error));
    ok(w, tr_kb_put(w->store, &there, &d, &chunk, 1, &change, &w->error));
    tr_kb_hit_t hit;
    size_t chunks;
    ok(w, tr_kb_chunk_find(w->store, &there, id, 0, &hit, &chunks, &w->error));
    ok(w, tr_kb_vector_put(w->store, hit.chunk, vector, 2, &w->error));
}

static void take_out(world_t *w, const char *ns, const char *id) {
    tr_kb_namespace_t there;
    ok(w, tr_kb_store_begin(w->store, &w->error));
    ok(w, tr_kb_namespace_find(w->store, ns, &there, &w->error));
    ok(w, tr_kb_remove(w->store, &there, id, &w->error));
}

static void drop(world_t *w, const char *ns) {
    tr_kb_namespace_t there;
    ok(w, tr_kb_store_begin(w->store, &w->error));
    ok(w, tr_kb_namespace_find(w->store, ns, &there, &w->error));
    ok(w, tr_kb_namespace_drop(w->store, &there, &w->error));
}

static int commit(world_t *w) {
    int rc = tr_kb_truth_write(&w->truth, &w->error);
    if (rc < 0)
        tr_kb_store_undo(w->store);
    return rc < 0 ? rc : tr_kb_store_commit(w->store, &w->error);
}

typedef struct text {
    char text[64];
    int64_t changed_ms;
    float first;
} text_t;

static void on_got(void *arg, const tr_kb_document_t *d) {
    text_t *t = arg;
    snprintf(t->text, sizeof t->text, "%.*s", (int)d->text_len, d->text);
    t->changed_ms = d->changed_ms;
}

static int on_vector(void *arg, int64_t chunk, const float *vector, size_t dimensions) {
    (void)chunk;
    assert_int_equal(dimensions, 2);
    ((text_t *)arg)->first = vector[0];
    return 0;
}

/* text NULL: it is not there. With its vector. */
static void is(world_t *w, const char *ns, const char *id, const char *text, int64_t at_ms) {
    tr_kb_namespace_t there;
    text_t t = {.text = ""};
    int rc = tr_kb_namespace_find(w->store, ns, &there, &w->error);
    if (rc == 0)
        rc = tr_kb_get(w->store, &there, id, on_got, &t, &w->error);
    assert_int_equal(rc, text ? 0 : -ENOENT);
    if (!text)
        return;
    tr_kb_hit_t hit;
    size_t chunks;
    ok(w, tr_kb_chunk_find(w->store, &there, id, 0, &hit, &chunks, &w->error));
    ok(w, tr_kb_vector_get(w->store, hit.chunk, on_vector, &t, &w->error));
    assert_string_equal(t.text, text);
    assert_int_equal(t.changed_ms, at_ms);
    assert_true(fabsf(t.first - (float)at_ms / 32) < 1e-5f);
}

static void test_made_anew(void **state) {
    world_t *w = begin();
    (void)state;
    assert_int_equal(w->truth.state, TR_KB_TRUTH_NEW);
    put(w, "n", "a", "one", 1);
    put(w, "n", "b", "two", 2);
    put(w, "other", "a", "three", 3);
    ok(w, commit(w));
    put(w, "n", "a", "four", 4);
    take_out(w, "n", "b");
    drop(w, "other");
    put(w, "other", "c", "five", 5); /* made anew in the transaction that has dropped it */
    ok(w, commit(w));
    for (int i = 0; i < 4; i++) {
        close_world(w, true);
        if (i % 2)
            lose_directory(w);
        ok(w, open_world(w));
        assert_int_equal(w->truth.state, i % 2 ? TR_KB_TRUTH_LOST : TR_KB_TRUTH_SAME);
        is(w, "n", "a", "four", 4);
        is(w, "n", "b", NULL, 0);
        is(w, "other", "a", NULL, 0);
        is(w, "other", "c", "five", 5);
        is(w, "later", "d", i ? "six" : NULL, 6);
        put(w, "later", "d", "six", 6);
        ok(w, commit(w));
    }
    end(w);
}

/* The table has it and the store has not: it ended between the two. */
static void test_one_behind(void **state) {
    world_t *w = begin();
    (void)state;
    put(w, "n", "a", "one", 1);
    put(w, "n", "b", "two", 2);
    put(w, "gone", "c", "three", 3);
    ok(w, commit(w));
    put(w, "n", "a", "four", 4);
    take_out(w, "n", "b");
    drop(w, "gone");
    put(w, "new", "d", "five", 5);
    ok(w, tr_kb_truth_write(&w->truth, &w->error));
    tr_kb_store_undo(w->store);
    close_world(w, true);
    ok(w, open_world(w));
    assert_int_equal(w->truth.state, TR_KB_TRUTH_BEHIND);
    is(w, "n", "a", "four", 4);
    is(w, "n", "b", NULL, 0);
    is(w, "gone", "c", NULL, 0);
    is(w, "new", "d", "five", 5);
    close_world(w, true);
    ok(w, open_world(w));
    assert_int_equal(w->truth.state, TR_KB_TRUTH_SAME);
    end(w);
}

/* Each write fails once: what was not acknowledged is there or not, and whole; what was is there. */
static void test_writes_that_fail(void **state) {
    (void)state;
    for (unsigned n = 1; n < 12; n++) {
        world_t *w = begin();
        char text[16], before[16] = "";
        unsigned acknowledged = 0, i = 1;
        if (n % 2)
            tr_journal_disk_fail_sync(w->table, n, -EIO);
        else
            tr_journal_disk_fail_write(w->table, n, -EIO);
        for (; i < 20; i++) {
            snprintf(text, sizeof text, "text %u", i);
            put(w, "n", "a", text, i);
            put(w, "n", "b", text, i);
            if (commit(w) < 0)
                break;
            acknowledged = i;
        }
        assert_in_range(i, 1, 19);
        snprintf(before, sizeof before, "text %u", acknowledged);
        close_world(w, true);
        if (n % 3 == 0)
            lose_directory(w);
        ok(w, open_world(w));
        is(w, "n", "a", acknowledged ? before : NULL, acknowledged);
        is(w, "n", "b", acknowledged ? before : NULL, acknowledged);
        end(w);
    }
}

/* A directory with documents that are of no table, or of another one, is not thrown away. */
static void test_what_is_not_its_own(void **state) {
    world_t *w = begin();
    (void)state;
    put(w, "n", "a", "one", 1);
    ok(w, commit(w));
    close_world(w, true);
    tr_journal_disk_t *first = w->table;
    w->table = tr_journal_disk_new(); /* an empty table in its place */
    assert_int_equal(open_world(w), -EEXIST);
    close_world(w, true);
    lose_directory(w);
    ok(w, open_world(w));
    put(w, "n", "b", "two", 2);
    ok(w, commit(w));
    close_world(w, true);
    tr_journal_disk_t *second = w->table;
    w->table = first; /* the other one's directory */
    assert_int_equal(open_world(w), -EEXIST);
    assert_non_null(strstr(w->error.text, "not of this table"));
    close_world(w, true);
    tr_journal_disk_destroy(&second);
    lose_directory(w);
    ok(w, open_world(w));
    is(w, "n", "a", "one", 1);
    end(w);
}

/* A store that was the truth itself: it is written to the table, from the beginning where that was not finished. */
static void test_a_new_table(void **state) {
    (void)state;
    for (unsigned n = 0; n < 5; n++) {
        world_t *w = calloc(1, sizeof *w);
        w->directory = scratch_new_in_memory();
        w->table = tr_journal_disk_new();
        ok(w, tr_kb_store_open(w->directory, &w->store, &w->error));
        ok(w, tr_kb_model_set(w->store, MODEL, &w->error));
        for (int i = 0; i < 600; i++) {
            char id[16];
            snprintf(id, sizeof id, "d%03d", i);
            put(w, i % 2 ? "n" : "other", id, "a text", 7);
        }
        ok(w, tr_kb_store_commit(w->store, &w->error));
        tr_kb_store_close(&w->store);
        if (n)
            tr_journal_disk_fail_write(w->table, n, -EIO);
        if (open_world(w) < 0) {
            assert_int_not_equal(n, 0);
            close_world(w, true);
            ok(w, open_world(w));
        }
        assert_int_equal(w->truth.documents, 600);
        close_world(w, true);
        lose_directory(w);
        ok(w, open_world(w));
        assert_int_equal(w->truth.documents, 600);
        is(w, "other", "d598", "a text", 7);
        is(w, "n", "d599", "a text", 7);
        end(w);
    }
}

/* In place of all that the table has; where that was not finished the table is as it was, or begins anew, and another attempt ends well. */
static void test_restored(void **state) {
    (void)state;
    for (unsigned n = 0; n < 5; n++) {
        world_t *w = begin();
        put(w, "n", "old", "before", 1);
        put(w, "gone", "old", "before", 1);
        ok(w, commit(w));
        close_world(w, false);
        lose_directory(w);
        ok(w, tr_kb_store_open(w->directory, &w->store, &w->error));
        ok(w, tr_kb_model_set(w->store, MODEL, &w->error));
        put(w, "n", "restored", "after", 2);
        ok(w, tr_kb_store_commit(w->store, &w->error));
        tr_kb_store_close(&w->store);
        if (n)
            tr_journal_disk_fail_write(w->table, n, -EIO);
        w->restored = true;
        if (open_world(w) < 0) {
            assert_int_not_equal(n, 0);
            close_world(w, true);
            ok(w, open_world(w));
        }
        w->restored = false;
        for (int i = 0; i < 3; i++) {
            is(w, "n", "restored", "after", 2);
            is(w, "n", "old", NULL, 0);
            is(w, "gone", "old", NULL, 0);
            close_world(w, true);
            if (i == 1)
                lose_directory(w);
            ok(w, open_world(w));
            assert_int_equal(w->truth.state, i == 1 ? TR_KB_TRUTH_LOST : TR_KB_TRUTH_SAME);
        }
        end(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_anew),
        cmocka_unit_test(test_one_behind),
        cmocka_unit_test(test_writes_that_fail),
        cmocka_unit_test(test_what_is_not_its_own),
        cmocka_unit_test(test_a_new_table),
        cmocka_unit_test(test_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

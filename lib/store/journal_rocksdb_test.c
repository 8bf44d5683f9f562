#include "lib/store/journal_conformance.h"
#include "tests/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLACES = 400, BATCHES = 60, BIG = 6000 };

static int open_at(void *place, tr_journal_t **ret_journal, tr_error_t *error) {
    tr_journal_rocksdb_options_t options = {.directory = place, .memory = 8u << 20, .module = JOURNAL_MODULE};
    return tr_journal_open_rocksdb(&options, ret_journal, error);
}

static int new_place(void **state) {
    *state = scratch_new();
    return *state ? 0 : -1;
}

/* For many small journals. What they sync has been tried elsewhere. */
static int new_place_in_memory(void **state) {
    *state = scratch_new_in_memory();
    return *state ? 0 : -1;
}

static int end_place(void **state) {
    scratch_end(*state);
    return 0;
}

static tr_journal_t *open_place(char *place) {
    return open_store(&(subject_t){.open = open_at, .place = place});
}

static char *path_in(const char *place, const char *name) {
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", place, name) > 0);
    return path;
}

static void the_directory_is_private(void **state) {
    char *directory = path_in(*state, "new");
    struct stat st;
    tr_journal_t *j = open_place(directory);
    assert_int_equal(stat(directory, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    tr_journal_close(&j);
    assert_int_equal(chmod(directory, 0755), 0);
    j = open_place(directory);
    assert_int_equal(stat(directory, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    tr_journal_close(&j);
    free(directory);
}

static void expect_refused(const char *directory, int code, const char *word) {
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    tr_journal_rocksdb_options_t options = {.directory = directory, .module = JOURNAL_MODULE};
    assert_int_equal(tr_journal_open_rocksdb(&options, &j, &error), code);
    assert_null(j);
    if (!strstr(error.text, word))
        fail_msg("\"%s\" does not say \"%s\"", error.text, word);
}

static void who_has_it_is_said(void **state) {
    char process[64];
    tr_journal_t *j = open_place(*state);
    snprintf(process, sizeof process, "in use by process %d:", (int)getpid());
    expect_refused(*state, -EBUSY, process);
    tr_journal_close(&j);
}

static void what_is_no_place_is_refused(void **state) {
    char *file = path_in(*state, "file"), *deep = path_in(*state, "not/there");
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    expect_refused(file, -ENOTDIR, file);
    expect_refused(deep, -ENOENT, deep);
    expect_refused("", -EINVAL, "needs a directory");
    tr_journal_t *j = NULL;
    tr_error_t error = {0};
    tr_journal_rocksdb_options_t options = {.directory = *state, .module = "/nowhere/journal-rocksdb.so"};
    assert_int_equal(tr_journal_open_rocksdb(&options, &j, &error), -ENOTSUP);
    assert_non_null(strstr(error.text, "/nowhere/journal-rocksdb.so"));
    free(file);
    free(deep);
}

static uint64_t bytes_on_disk(tr_journal_t *j) {
    tr_journal_stat_t stat = {0};
    assert_int_equal(tr_journal_stat(j, &stat), 0);
    return stat.bytes;
}

enum { BLOCKS = 4000, BLOCK = 32768 };

static void write_blocks(tr_journal_t *j) {
    char *block = malloc(BLOCK), key[16];
    memset(block, 'b', BLOCK);
    for (int i = 0; i < BLOCKS; i++) {
        snprintf(key, sizeof key, "b%06d", i);
        tr_journal_op_t op = {
            .type = TR_JOURNAL_PUT, .key = key, .key_len = strlen(key), .value = block, .value_len = BLOCK};
        write_ops(j, &op, 1, i % 100 == 0);
    }
    free(block);
}

/* Deletes all but every `kept`-th one, and goes on with what a broker writes meanwhile, its states, until the disk is
 * down to `most` bytes: RocksDB works in threads of its own. */
static void delete_blocks(tr_journal_t *j, int kept, uint64_t most) {
    char key[16];
    for (int i = 0; i < BLOCKS; i++) {
        snprintf(key, sizeof key, "b%06d", i);
        if (!kept || i % kept)
            WRITE(j, i % 100 == 0, del(key), put("head", key));
    }
    for (int i = 0; bytes_on_disk(j) > most; i++) {
        if (i == 100000)
            fail_msg("%llu bytes are still there", (unsigned long long)bytes_on_disk(j));
        WRITE(j, i % 10 == 0, put("head", key), del("none"));
    }
}

/* A backlog is written, and then read and deleted, with no writes of its size after that. */
static void deleted_blocks_give_their_space_back(void **state) {
    tr_journal_t *j = open_place(*state);
    write_blocks(j);
    uint64_t full = bytes_on_disk(j);
    assert_true(full > (uint64_t)BLOCKS * BLOCK);
    delete_blocks(j, 0, full / 4);
    assert_holds(j, "head=b003999 ");
    tr_journal_close(&j);
}

/* Every file has a block that stays. */
static void a_few_that_stay_do_not_hold_the_others(void **state) {
    tr_journal_t *j = open_place(*state);
    write_blocks(j);
    delete_blocks(j, 40, bytes_on_disk(j) / 4);
    char *text = text_of(j, "b", "c");
    assert_int_equal(strlen(text), BLOCKS / 40 * (BLOCK + 9));
    free(text);
    tr_journal_close(&j);
}

/* Batch i: a small key and a large one, whose values follow from i. */
static void value_of(char *value, size_t len, unsigned i) {
    for (size_t k = 0; k < len; k++)
        value[k] = (char)('a' + (i * 7 + k * (1 + i % 5)) % 26);
}

static void write_batch(tr_journal_t *j, unsigned i) {
    char keys[2][16], values[2][BIG];
    tr_journal_op_t ops[2];
    for (unsigned k = 0; k < 2; k++) {
        size_t len = k ? BIG : 20 + i;
        snprintf(keys[k], sizeof keys[k], "%c%06u", k ? 'b' : 'a', i);
        value_of(values[k], len, i + k);
        ops[k] = (tr_journal_op_t){
            .type = TR_JOURNAL_PUT, .key = keys[k], .key_len = 7, .value = values[k], .value_len = len};
    }
    write_ops(j, ops, 2, true);
}

typedef struct batches {
    bool there[2][BATCHES];
    unsigned n[2];
} batches_t;

/* Each value must be the right one; a wrong one fails the test. */
static bool see_batch(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    batches_t *seen = arg;
    const char *k = key;
    char expected[BIG], digits[8] = "";
    assert_int_equal(key_len, 7);
    memcpy(digits, k + 1, 6);
    unsigned large = k[0] == 'b', i = (unsigned)strtoul(digits, NULL, 10);
    assert_true(i < BATCHES);
    value_of(expected, value_len, i + large);
    assert_int_equal(value_len, large ? BIG : 20 + i);
    assert_memory_equal(value, expected, value_len);
    seen->there[large][i] = true;
    seen->n[large]++;
    return true;
}

/* How many batches are there, which must be the first ones; or the error. */
static int count_batches(char *place, tr_error_t *error) {
    batches_t seen = {0};
    tr_journal_t *j = NULL;
    int r = open_at(place, &j, error);
    if (r < 0)
        return r;
    r = tr_journal_scan(j, &(tr_journal_range_t){0}, 0, see_batch, &seen, error);
    tr_journal_close(&j);
    if (r < 0)
        return r;
    assert_int_equal(seen.n[0], seen.n[1]);
    for (unsigned i = 0; i < seen.n[0]; i++)
        assert_true(seen.there[0][i] && seen.there[1][i]);
    return (int)seen.n[0];
}

static void copy_file(const char *from, const char *to, size_t most) {
    char bytes[65536];
    ssize_t n;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0);
    while (most > 0 && (n = read(in, bytes, most < sizeof bytes ? most : sizeof bytes)) > 0) {
        assert_int_equal(write(out, bytes, (size_t)n), n);
        most -= (size_t)n;
    }
    close(in);
    close(out);
}

typedef struct files {
    char names[64][64];
    size_t sizes[64];
    size_t n, bytes;
} files_t;

static void list_files(const char *place, files_t *files) {
    struct stat st;
    const struct dirent *entry;
    DIR *list = opendir(place);
    *files = (files_t){0};
    assert_non_null(list);
    while ((entry = readdir(list))) {
        if (fstatat(dirfd(list), entry->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
            continue;
        assert_true(files->n < 64 && strlen(entry->d_name) < 64);
        strcpy(files->names[files->n], entry->d_name);
        files->sizes[files->n++] = (size_t)st.st_size;
        files->bytes += (size_t)st.st_size;
    }
    closedir(list);
}

/* A fresh copy of the journal, which is closed. */
static void copy_place(const char *from, const char *to, const files_t *files) {
    scratch_remove(to);
    assert_int_equal(mkdir(to, 0700), 0);
    for (size_t i = 0; i < files->n; i++) {
        char *a = path_in(from, files->names[i]), *b = path_in(to, files->names[i]);
        copy_file(a, b, SIZE_MAX);
        free(a);
        free(b);
    }
}

/* A journal with half of its batches in tables and blob files, half in the log. */
static void write_batches(char *place, files_t *files) {
    tr_journal_t *j = open_place(place);
    for (unsigned i = 0; i < BATCHES; i++) {
        if (i == BATCHES / 2) {
            tr_journal_close(&j);
            j = open_place(place);
        }
        write_batch(j, i);
    }
    tr_journal_close(&j);
    list_files(place, files);
}

static const char *last_log(const files_t *files) {
    const char *name = NULL;
    for (size_t i = 0; i < files->n; i++)
        if (strstr(files->names[i], ".log") && (!name || strcmp(files->names[i], name) > 0))
            name = files->names[i];
    assert_non_null(name);
    return name;
}

static void a_cut_log_loses_its_last_batches_only(void **state) {
    char *from = path_in(*state, "from"), *to = path_in(*state, "to");
    files_t files;
    tr_error_t error = {0};
    write_batches(from, &files);
    const char *name = last_log(&files);
    char *a = path_in(from, name), *b = path_in(to, name);
    struct stat st;
    assert_int_equal(stat(a, &st), 0);
    int last = BATCHES;
    copy_place(from, to, &files);
    assert_int_equal(count_batches(to, &error), BATCHES);
    for (size_t n = (size_t)st.st_size; n > 0; n -= n < 1999 ? n : 1999) {
        copy_place(from, to, &files);
        copy_file(a, b, n - 1);
        int left = count_batches(to, &error);
        if (left < 0)
            fail_msg("cut to %zu bytes: %s", n - 1, error.text);
        assert_true(left <= last && left >= last - 1 && left >= BATCHES / 2);
        last = left;
    }
    assert_int_equal(last, BATCHES / 2);
    free(a);
    free(b);
    free(from);
    free(to);
}

static void flip(const char *path, size_t bit) {
    uint8_t byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
    byte ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
    close(fd);
}

/* Files whose bytes do not matter to the data: RocksDB writes its options, but does not read them. */
static bool matters(const char *name) {
    return strncmp(name, "OPTIONS", 7) != 0 && strcmp(name, "IDENTITY") != 0 && strcmp(name, "owner") != 0;
}

/* The file and the bit for the i-th place: every file has its share, small ones too. */
static const char *place_of(const files_t *files, unsigned i, size_t *ret_bit) {
    size_t file = i % files->n;
    while (files->sizes[file] == 0 || !matters(files->names[file]))
        file = (file + 1) % files->n;
    *ret_bit = (size_t)(i * 2654435761u) % (files->sizes[file] * 8);
    return files->names[file];
}

static void one_flipped_bit_is_seen_or_does_no_harm(void **state) {
    char *from = path_in(*state, "from"), *to = path_in(*state, "to");
    files_t files;
    unsigned seen = 0, harmless = 0;
    write_batches(from, &files);
    for (unsigned i = 0; i < PLACES; i++) {
        size_t bit;
        tr_error_t error = {0};
        const char *name = place_of(&files, i, &bit);
        copy_place(from, to, &files);
        char *path = path_in(to, name);
        flip(path, bit);
        int n = count_batches(to, &error);
        if (n >= 0 && n != BATCHES)
            fail_msg("%s, bit %zu: %d of %d batches are left, and nothing was said", name, bit, n, BATCHES);
        if (n < 0 && !strstr(error.text, to))
            fail_msg("%s, bit %zu: the text names no place: %s", name, bit, error.text);
        n < 0 ? seen++ : harmless++;
        free(path);
    }
    print_message("%u flipped bits: %u detected, %u harmless\n", (unsigned)PLACES, seen, harmless);
    assert_true(seen > PLACES / 10 * 9);
    free(from);
    free(to);
}

static void who_says_so_gets_what_is_before_the_damage(void **state) {
    files_t files;
    tr_error_t error = {0};
    tr_journal_t *j = NULL;
    write_batches(*state, &files);
    char *path = path_in(*state, last_log(&files));
    flip(path, 8 * 80000);
    assert_int_equal(count_batches(*state, &error), -EBADMSG);
    assert_non_null(strstr(error.text, "does not match its checksum at byte"));
    tr_journal_rocksdb_options_t options = {.directory = *state, .salvage = true, .module = JOURNAL_MODULE};
    assert_int_equal(tr_journal_open_rocksdb(&options, &j, &error), 0);
    tr_journal_stat_t stat = {0};
    assert_int_equal(tr_journal_stat(j, &stat), 0);
    assert_true(stat.given_up > 0);
    assert_true(stat.torn == 0);
    tr_journal_close(&j);
    int n = count_batches(*state, &error);
    assert_true(n >= BATCHES / 2 && n < BATCHES);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_directory_is_private, new_place, end_place),
        cmocka_unit_test_setup_teardown(who_has_it_is_said, new_place, end_place),
        cmocka_unit_test_setup_teardown(what_is_no_place_is_refused, new_place, end_place),
        cmocka_unit_test_setup_teardown(deleted_blocks_give_their_space_back, new_place, end_place),
        cmocka_unit_test_setup_teardown(a_few_that_stay_do_not_hold_the_others, new_place, end_place),
        cmocka_unit_test_setup_teardown(
            a_cut_log_loses_its_last_batches_only, new_place_in_memory, end_place),
        cmocka_unit_test_setup_teardown(
            one_flipped_bit_is_seen_or_does_no_harm, new_place_in_memory, end_place),
        cmocka_unit_test_setup_teardown(
            who_says_so_gets_what_is_before_the_damage, new_place_in_memory, end_place),
    };
    void *place = NULL;
    if (new_place(&place) < 0)
        return 1;
    int failed =
        journal_conformance("the RocksDB journal conforms", &(subject_t){.open = open_at, .place = place});
    end_place(&place);
    return failed + cmocka_run_group_tests_name("the RocksDB journal", tests, NULL, NULL);
}

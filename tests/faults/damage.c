/*
 * Damages copies of a broker's journal, one after the other, and looks at what the broker's own code makes of each: refused, told, or all
 * that was acknowledged. It must never give out a message that is not what was written, nor leave one out without a word; of a log that was
 * cut off, what is left are the first messages, without a hole (a cut at the end of a record looks like a log that ended there).
 *
 *     fault-damage --journal DIR --messages N [--cuts BYTES] [--flips N]
 *
 * The journal holds N numbered messages (history.h), 1 to N, in one mailbox. Prints one line for each kind of damage. Exit: 0, 1 where a
 * promise was broken (with a line that says which).
 */
#include "broker/core/core.h"
#include "broker/core/durable/journal_code.h"
#include "lib/store/journal.h"
#include "tests/faults/history.h"
#include "tests/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX 64

typedef struct options {
    const char *journal;
    int64_t messages, cuts, flips;
} options_t;

#define O options_t
static const tr_option_t table[] = {
    {"journal", 0, "DIR", TR_STRING(O, journal), NULL, "The journal; it stays as it is.",
        .flags = TR_OPTION_REQUIRED},
    {"messages", 0, "N", TR_INT(O, messages), "0", "That are in it.", .min = 1, .max = 1 << 20},
    {"cuts", 0, "BYTES", TR_INT(O, cuts), "0", "Cut the last log at each of its last bytes.", .min = 0,
        .max = 1 << 30},
    {"flips", 0, "N", TR_INT(O, flips), "0", "Flip one bit, at so many places.", .min = 0, .max = 1 << 30},
};
static const tr_program_t program = {.name = "damage",
    .summary = "Damage copies of a journal and read them",
    .options = table,
    .option_count = sizeof table / sizeof *table};

typedef struct files {
    size_t n;
    char names[FILES_MAX][64];
    uint8_t *bytes[FILES_MAX];
    size_t sizes[FILES_MAX];
} files_t;

/* What became of one copy. */
typedef struct outcome {
    int code;      /* 0, or why it was refused */
    uint64_t good; /* messages that would be delivered */
    uint64_t first_missing;
    bool wrong;   /* one of them is not what was written */
    bool told;    /* that something is missing */
    bool aborted; /* by an assertion within RocksDB */
    char error[600];
} outcome_t;

typedef struct reading {
    tr_core_t *core;
    outcome_t *outcome;
    uint8_t *seen; /* by number */
    uint64_t messages;
    int code;
} reading_t;

static void fail(const char *what) {
    fprintf(stderr, "damage: %s\n", what);
    exit(1);
}

static void see_message(reading_t *r, const tr_block_message_t *m) {
    char sender[NAME_SIZE];
    uint64_t number = 0;
    bool right = numbered_check(m->record.content, m->record.content_len, sender, &number);
    if (!right || number < 1 || number > r->messages || r->seen[number])
        r->outcome->wrong = true;
    else
        r->seen[number] = 1;
    r->outcome->good++;
}

/* As the core reads a block when somebody is there for it. */
static void see_block(reading_t *r, const void *key, size_t key_len, const void *value, size_t value_len) {
    tr_block_reader_t block;
    tr_block_message_t m;
    if (!tr_block_open(&block, key, key_len, value, value_len))
        return;
    while (tr_block_next(&block, &m))
        if (m.good)
            see_message(r, &m);
}

static bool see_pair(void *arg, const void *key, size_t key_len, const void *value, size_t value_len) {
    reading_t *r = arg;
    r->code = tr_core_recover(r->core, key, key_len, value, value_len);
    if (r->code == 0 && *(const char *)key == TR_KEY_BLOCK)
        see_block(r, key, key_len, value, value_len);
    return r->code == 0;
}

/* What the core says of it. */
static bool corruption_is_told(tr_core_t *core) {
    tr_core_out_t out;
    bool told = false;
    tr_core_flush(core);
    while (tr_core_next(core, &out)) {
        told |= out.type == TR_OUT_EVENT && out.event == TR_EVENT_CORRUPT;
        if (out.buf)
            tr_buf_release(out.buf);
        free(out.detail);
    }
    return told;
}

static int recover(tr_journal_t *journal, reading_t *r, tr_error_t *error) {
    int code = tr_journal_scan(journal, &(tr_journal_range_t){0}, 0, see_pair, r, error);
    if (code < 0 || r->code < 0)
        return code < 0 ? code : r->code;
    return tr_core_recovered(r->core, (tr_core_now_t){1000, 1000});
}

static outcome_t read_here(const char *directory, uint64_t messages) {
    outcome_t o = {0};
    tr_pool_t pool;
    tr_core_config_t config;
    tr_error_t error = {0};
    tr_journal_t *journal = NULL;
    reading_t r = {.outcome = &o, .seen = calloc(1, messages + 2), .messages = messages};
    tr_journal_rocksdb_options_t options = {.directory = directory, .memory = 8u << 20};
    tr_core_config_defaults(&config);
    config.platform = "local";
    config.version = "test";
    config.stream_endpoint = "";
    config.journal = true;
    tr_pool_init(&pool, 64);
    r.core = tr_core_new(&config, &pool);
    if (!r.core || !r.seen)
        fail("out of memory");
    o.code = tr_journal_open_rocksdb(&options, &journal, &error);
    if (o.code == 0)
        o.code = recover(journal, &r, &error);
    tr_journal_stat_t stat = {0};
    o.told = corruption_is_told(r.core) || (o.code == 0 && tr_journal_stat(journal, &stat) == 0 && stat.torn);
    for (o.first_missing = 1; o.first_missing <= messages && r.seen[o.first_missing];)
        o.first_missing++;
    snprintf(o.error, sizeof o.error, "%s", error.text);
    tr_journal_close(&journal);
    tr_core_destroy(&r.core);
    tr_pool_finish(&pool);
    free(r.seen);
    return o;
}

/* ---- the reader: a child, so that what ends it is told with its place ---- */

/* It reads one copy after the other, since a process of its own for each would cost more than the reading, and is begun anew when it
 * ended. This process never opens a journal: RocksDB's threads would not be in the children. */
typedef struct reader {
    const char *directory; /* of the copy */
    uint64_t messages;
    pid_t pid; /* 0: none */
    int ask, answer, said;
} reader_t;

static void serve(const reader_t *r, int ask, int answer) {
    char word;
    while (read(ask, &word, 1) == 1) {
        outcome_t o = read_here(r->directory, r->messages);
        if (write(answer, &o, sizeof o) != (ssize_t)sizeof o)
            break;
    }
    _exit(0);
}

static void start_reader(reader_t *r) {
    int ask[2], answer[2];
    r->said = memfd_create("said", MFD_CLOEXEC);
    if (r->said < 0 || pipe2(ask, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0 || (r->pid = fork()) < 0)
        fail("no child process");
    if (r->pid == 0) {
        close(ask[1]);
        close(answer[0]);
        dup2(r->said, STDERR_FILENO);
        serve(r, ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    r->ask = ask[1];
    r->answer = answer[0];
}

/* Returns how it ended. */
static int end_reader(reader_t *r) {
    int status = 0;
    if (!r->pid)
        return 0;
    close(r->ask);
    close(r->answer);
    waitpid(r->pid, &status, 0);
    r->pid = 0;
    return status;
}

/* Prints what the child said, and says whether RocksDB's own assertions ended it: Debian's has them, and it reads a table's properties
 * before it compares their checksum. */
static bool ended_by_rocksdb(int status, int said) {
    char text[4096];
    off_t size = lseek(said, 0, SEEK_END), most = (off_t)sizeof text - 1;
    ssize_t len = pread(said, text, sizeof text - 1, size > most ? size - most : 0);
    text[len < 0 ? 0 : len] = '\0';
    bool its_own = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, "rocksdb::") &&
                   strstr(text, "Assertion");
    if (!its_own)
        fputs(text, stderr);
    return its_own;
}

static outcome_t read_journal(reader_t *r) {
    outcome_t o = {0};
    if (!r->pid)
        start_reader(r);
    if (write(r->ask, "", 1) == 1 && read(r->answer, &o, sizeof o) == (ssize_t)sizeof o)
        return o;
    o = (outcome_t){.code = -ECANCELED, .aborted = ended_by_rocksdb(end_reader(r), r->said)};
    o.wrong = !o.aborted;
    close(r->said);
    return o;
}

/* ---- copies ---- */

static void load_file(files_t *f, const char *path, const char *name) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || f->n == FILES_MAX || strlen(name) >= sizeof f->names[0])
        fail(path);
    size_t size = (size_t)st.st_size;
    f->bytes[f->n] = malloc(size + 1);
    if (!f->bytes[f->n] || read(fd, f->bytes[f->n], size) != (ssize_t)size)
        fail(path);
    strcpy(f->names[f->n], name);
    f->sizes[f->n++] = size;
    close(fd);
}

static void load(files_t *f, const char *directory) {
    char path[4096];
    const struct dirent *entry;
    DIR *list = opendir(directory);
    while (list && (entry = readdir(list))) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_type == DT_REG && strcmp(entry->d_name, "LOCK") != 0 &&
            strcmp(entry->d_name, "owner") != 0)
            load_file(f, path, entry->d_name);
    }
    if (!list || !f->n)
        fail(directory);
    closedir(list);
}

static void unload(files_t *f) {
    for (size_t i = 0; i < f->n; i++)
        free(f->bytes[i]);
}

/* The files as they are, but the one `at` has only its first `size` bytes. */
static void write_copy(const files_t *f, const char *directory, size_t at, size_t size) {
    char path[4096];
    scratch_remove(directory);
    if (mkdir(directory, 0700) < 0)
        fail(directory);
    for (size_t i = 0; i < f->n; i++) {
        size_t len = i == at ? size : f->sizes[i];
        snprintf(path, sizeof path, "%s/%s", directory, f->names[i]);
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, f->bytes[i], len) != (ssize_t)len)
            fail(path);
        close(fd);
    }
}

/* ---- damage ---- */

static bool is_log(const char *name) {
    size_t len = strlen(name);
    return len > 4 && !strcmp(name + len - 4, ".log");
}

static size_t last_log(const files_t *f) {
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < f->n; i++)
        if (is_log(f->names[i]) && (last == SIZE_MAX || strcmp(f->names[i], f->names[last]) > 0))
            last = i;
    if (last == SIZE_MAX)
        fail("the journal has no log");
    return last;
}

/* Whatever is left is the beginning. */
static void cut(const files_t *f, const options_t *o, reader_t *reader) {
    size_t log = last_log(f), size = f->sizes[log];
    size_t most = (size_t)o->cuts < size ? (size_t)o->cuts : size;
    uint64_t refused = 0, least = UINT64_MAX, untold = 0;
    for (size_t bytes = 1; bytes <= most; bytes++) {
        write_copy(f, reader->directory, log, size - bytes);
        outcome_t r = read_journal(reader);
        if (r.wrong || (r.code == 0 && r.good != r.first_missing - 1)) {
            fprintf(stderr,
                "damage: %s cut by %zu bytes: %llu messages, the first that is missing is %llu%s\n",
                f->names[log], bytes, (unsigned long long)r.good, (unsigned long long)r.first_missing,
                r.wrong ? ", one is wrong" : "");
            exit(1);
        }
        refused += r.code < 0;
        untold += r.code == 0 && !r.told;
        if (r.code == 0 && r.good < least)
            least = r.good;
    }
    printf("%zu cuts, %llu refused, %llu at the end of a record, where it cannot be seen, and all others "
           "told; they "
           "gave the first %llu to %lld messages, 0 wrong\n",
        most, (unsigned long long)refused, (unsigned long long)untold, (unsigned long long)least,
        (long long)o->messages);
}

/* Files whose bytes do not matter to the data: RocksDB writes its options, but does not read them. */
static bool matters(const char *name) {
    return strncmp(name, "OPTIONS", 7) != 0 && strcmp(name, "IDENTITY") != 0;
}

static size_t next_file(const files_t *f, size_t at) {
    at %= f->n;
    while (!f->sizes[at] || !matters(f->names[at]))
        at = (at + 1) % f->n;
    return at;
}

/* The i-th place: spread over all bytes; of each tenth one, over the files, so that small ones have their share. */
static size_t place_of(const files_t *f, uint64_t i, size_t *ret_bit) {
    size_t all = 0, at;
    for (size_t k = 0; k < f->n; k++)
        all += matters(f->names[k]) ? f->sizes[k] * 8 : 0;
    if (i % 10 == 0) {
        at = next_file(f, (size_t)(i / 10));
        *ret_bit = (size_t)(i * 2654435761u) % (f->sizes[at] * 8);
        return at;
    }
    *ret_bit = (size_t)(i * 2654435761u) % all;
    for (at = next_file(f, 0); *ret_bit >= f->sizes[at] * 8; at = next_file(f, at + 1))
        *ret_bit -= f->sizes[at] * 8;
    return at;
}

static void flip(files_t *f, const options_t *o, reader_t *reader) {
    uint64_t refused = 0, aborted = 0, told = 0, harmless = 0;
    for (uint64_t i = 0; i < (uint64_t)o->flips; i++) {
        size_t bit, at = place_of(f, i, &bit);
        f->bytes[at][bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_copy(f, reader->directory, SIZE_MAX, 0);
        f->bytes[at][bit / 8] ^= (uint8_t)(1u << bit % 8);
        outcome_t r = read_journal(reader);
        bool whole = r.good == (uint64_t)o->messages;
        if (r.wrong || (r.code == 0 && !whole && !r.told)) {
            fprintf(stderr, "damage: %s, bit %zu: %llu of %lld messages%s, and nothing was said\n",
                f->names[at], bit, (unsigned long long)r.good, (long long)o->messages,
                r.wrong ? ", one is wrong, or the process ended" : "");
            exit(1);
        }
        refused += r.code < 0 && !r.aborted;
        aborted += r.aborted;
        told += r.code == 0 && r.told;
        harmless += r.code == 0 && !r.told;
    }
    printf("%lld flipped bits: %llu refused at the start, %llu stopped there by RocksDB itself, %llu told, "
           "%llu harmless, 0 wrong\n",
        (long long)o->flips, (unsigned long long)refused, (unsigned long long)aborted,
        (unsigned long long)told, (unsigned long long)harmless);
}

int main(int argc, char **argv) {
    options_t o;
    tr_options_t *owner;
    tr_error_t error = {0};
    files_t files = {0};
    if (tr_options_read(&program, argc, argv, &o, &owner, &error) != TR_OPTIONS_RUN)
        fail(error.text);
    char *scratch = scratch_new_in_memory(), *copy = NULL;
    if (!scratch || asprintf(&copy, "%s/journal", scratch) < 0)
        fail("no scratch directory");
    reader_t reader = {.directory = copy, .messages = (uint64_t)o.messages};
    load(&files, o.journal);
    write_copy(&files, copy, SIZE_MAX, 0);
    outcome_t whole = read_journal(&reader);
    if (whole.code < 0 || whole.wrong || whole.good != (uint64_t)o.messages)
        fail(whole.code < 0 ? whole.error : "the journal is not what it should be before it is damaged");
    if (o.cuts)
        cut(&files, &o, &reader);
    if (o.flips)
        flip(&files, &o, &reader);
    if (end_reader(&reader) != 0)
        fail("the reader ended with an error");
    unload(&files);
    free(copy);
    scratch_end(scratch);
    tr_options_destroy(&owner);
    return 0;
}

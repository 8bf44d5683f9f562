#include "lib/llm/board.h"

#include "lib/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC     "troupe-board-1"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_SIZE 37
#define NAME_SIZE 160
#define PID_BITS  22   /* of Linux: 4194304 processes */
#define BURST     60.0 /* a bucket of requests holds a second's worth, but one at the least */
#define MINUTE_US 60e6
#define FULL_MS   20  /* while all places are taken */
#define PROBED_MS 250 /* while another one tries */

struct tr_llm_board_account {
    _Atomic uint64_t name;            /* hash; 0 = nobody's */
    _Atomic int64_t requests, tokens; /* when each bucket will be full, in microseconds */
    _Atomic int64_t paused_ms;        /* until then */
    _Atomic int64_t failures, open_ms, shut_ms, probe_ms;
    _Atomic int64_t flight[TR_LLM_BOARD_FLIGHT]; /* who has each place; 0 = nobody */
};

struct tr_llm_board_purse {
    _Atomic uint64_t name; /* hash; 0 = nobody's */
    _Atomic uint64_t spent[TR_LLM_BOARD_SPENT_OF];
};

/* Who has mapped a page of another kind, or of another boot, has another file. */
typedef struct head {
    char magic[16], boot[48];
} head_t;

typedef struct page {
    head_t head;
    tr_llm_board_account_t accounts[TR_LLM_BOARD_ACCOUNTS];
    tr_llm_board_purse_t purses[TR_LLM_BOARD_PURSES];
} page_t;

struct tr_llm_board {
    page_t *page;
};

/* ---- the file ---- */

static head_t head_of_now(void) {
    head_t head = {.magic = MAGIC};
    FILE *file = fopen(BOOT_FILE, "re");
    if (file && !fgets(head.boot, BOOT_SIZE, file))
        head.boot[0] = '\0'; /* then each boot is the same, ignoring */
    if (file)
        fclose(file);
    return head;
}

static bool is_ours(int fd, const head_t *head) {
    head_t found;
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(page_t) &&
           pread(fd, &found, sizeof found, 0) == (ssize_t)sizeof found &&
           memcmp(&found, head, sizeof found) == 0;
}

/* A new one in place of what is there: who has mapped that keeps it. */
static int make(const char *path, const head_t *head, tr_error_t *error) {
    char beside[PATH_MAX];
    if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside)
        return tr_error_set(error, -ENAMETOOLONG, "%s: too long a path", path);
    int fd = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)sizeof(page_t)) < 0 ||
        pwrite(fd, head, sizeof *head, 0) != (ssize_t)sizeof *head || rename(beside, path) < 0) {
        int code = errno ? -errno : -EIO;
        if (fd >= 0)
            close(fd);
        return tr_error_set(error, code, "%s: cannot be made: %s", path, strerror(-code));
    }
    return fd;
}

/* Its descriptor. */
static int open_or_make(const char *path, tr_error_t *error) {
    struct stat st;
    head_t head = head_of_now();
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? make(path, &head, error)
                               : tr_error_set(error, -errno, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH))) {
        close(fd);
        return tr_error_set(error, -EPERM, "%s: others may write it: chmod 600 %s", path, path);
    }
    if (is_ours(fd, &head))
        return fd;
    close(fd);
    return make(path, &head, error);
}

/* One process at a time looks, and makes it where it is not there. */
static int open_file(const char *path, tr_error_t *error) {
    char beside[PATH_MAX];
    if ((size_t)snprintf(beside, sizeof beside, "%s.lock", path) >= sizeof beside)
        return tr_error_set(error, -ENAMETOOLONG, "%s: too long a path", path);
    int lock = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) < 0) {
        int code = -errno;
        if (lock >= 0)
            close(lock);
        return tr_error_set(error, code, "%s: %s", beside, strerror(-code));
    }
    int fd = open_or_make(path, error);
    close(lock);
    return fd;
}

int tr_llm_board_open(const char *path, tr_llm_board_t **ret_self, tr_error_t *error) {
    int fd = open_file(path, error);
    if (fd < 0)
        return fd;
    void *page = mmap(NULL, sizeof(page_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int code = page == MAP_FAILED ? -errno : 0;
    close(fd);
    if (code < 0)
        return tr_error_set(error, code, "%s: cannot be mapped: %s", path, strerror(-code));
    tr_llm_board_t *self = calloc(1, sizeof *self);
    if (!self) {
        munmap(page, sizeof(page_t));
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    self->page = page;
    *ret_self = self;
    return 0;
}

void tr_llm_board_close(tr_llm_board_t **self) {
    if (!*self)
        return;
    munmap((*self)->page, sizeof(page_t));
    free(*self);
    *self = NULL;
}

/* ---- names ---- */

/* Not to be guessed at by who may choose a name: nobody shall spend another one's budget. */
static uint64_t hash_of(const char *name) {
    unsigned char bytes[16];
    uint64_t hash;
    crypto_generichash(bytes, sizeof bytes, (const unsigned char *)name, strlen(name), NULL, 0);
    memcpy(&hash, bytes, sizeof hash);
    return hash ? hash : 1;
}

/* Whether a slot has this name, now or already. */
static bool is_of(_Atomic uint64_t *slot, uint64_t hash) {
    uint64_t nobody = 0;
    return atomic_load(slot) == hash || atomic_compare_exchange_strong(slot, &nobody, hash) || nobody == hash;
}

tr_llm_board_account_t *tr_llm_board_account(
    tr_llm_board_t *self, const char *key, const tr_llm_rate_config_t *limits) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%.100s:%" PRId64 ":%" PRId64, key, limits->requests_per_minute,
        limits->tokens_per_minute);
    uint64_t hash = hash_of(name);
    for (size_t i = 0; i < TR_LLM_BOARD_ACCOUNTS; i++) {
        tr_llm_board_account_t *a = &self->page->accounts[(hash + i) % TR_LLM_BOARD_ACCOUNTS];
        if (is_of(&a->name, hash))
            return a;
    }
    return NULL;
}

tr_llm_board_purse_t *tr_llm_board_purse(tr_llm_board_t *self, const char *name) {
    uint64_t hash = hash_of(name);
    for (size_t i = 0; i < TR_LLM_BOARD_PURSES; i++) {
        tr_llm_board_purse_t *p = &self->page->purses[(hash + i) % TR_LLM_BOARD_PURSES];
        if (is_of(&p->name, hash))
            return p;
    }
    return NULL;
}

/* ---- buckets ---- */

typedef struct rate {
    double us_each, capacity; /* us_each 0 = no limit */
} rate_t;

static rate_t rate_of(int64_t per_minute, double capacity) {
    return (rate_t){per_minute > 0 ? MINUTE_US / (double)per_minute : 0, capacity};
}

static rate_t requests_of(const tr_llm_rate_config_t *limits) {
    double second = (double)limits->requests_per_minute / BURST;
    return rate_of(limits->requests_per_minute, second > 1 ? second : 1);
}

static rate_t tokens_of(const tr_llm_rate_config_t *limits) {
    return rate_of(limits->tokens_per_minute, (double)limits->tokens_per_minute);
}

/* 0: taken; else microseconds until there will be so many. More than it ever holds needs it full. */
static int64_t take(_Atomic int64_t *full_at, rate_t rate, double n, int64_t now_us) {
    if (rate.us_each <= 0)
        return 0;
    double wanted = n < rate.capacity ? n : rate.capacity;
    int64_t slack = (int64_t)((rate.capacity - wanted) * rate.us_each);
    int64_t before = atomic_load(full_at), from, after;
    do {
        from = before > now_us ? before : now_us;
        if (from - now_us > slack)
            return from - now_us - slack;
        after = from + (int64_t)(n * rate.us_each);
    } while (!atomic_compare_exchange_weak(full_at, &before, after));
    return 0;
}

static void give(_Atomic int64_t *full_at, rate_t rate, double n) {
    atomic_fetch_sub(full_at, (int64_t)(n * rate.us_each));
}

/* A place has until when it is taken, and by which process. */
static bool is_free(int64_t place, int64_t now_ms) {
    return place >> PID_BITS < now_ms;
}

/* Who was killed does not give back. */
static bool is_of_the_dead(int64_t place) {
    return kill((pid_t)(place & ((1 << PID_BITS) - 1)), 0) < 0 && errno == ESRCH;
}

/* The dead are looked for only where there is nothing else. 0: all are taken. */
static int64_t take_place(tr_llm_board_account_t *self, int64_t most, uint64_t random, int64_t now_ms) {
    int64_t until = (now_ms + TR_LLM_BOARD_LEASE_MS) << PID_BITS | getpid();
    for (uint64_t i = 0; i < 2 * (uint64_t)most; i++) {
        uint64_t at = (random + i) % (uint64_t)most;
        int64_t found = atomic_load(&self->flight[at]);
        if ((is_free(found, now_ms) || (i >= (uint64_t)most && is_of_the_dead(found))) &&
            atomic_compare_exchange_strong(&self->flight[at], &found, until))
            return until;
    }
    return 0;
}

/* Any of this process with the same end will do. */
static void give_place(tr_llm_board_account_t *self, int64_t place) {
    for (size_t i = 0; place && i < TR_LLM_BOARD_FLIGHT; i++) {
        int64_t mine = place;
        if (atomic_compare_exchange_strong(&self->flight[i], &mine, 0))
            return;
    }
}

static int64_t ms_of(int64_t us) {
    return (us + 999) / 1000;
}

int64_t tr_llm_board_paused(const tr_llm_board_account_t *self) {
    return atomic_load(&self->paused_ms) - tr_clock_ms();
}

int64_t tr_llm_board_take(tr_llm_board_account_t *self, const tr_llm_rate_config_t *limits, uint64_t tokens,
    uint64_t random, int64_t *ret_place) {
    int64_t now_us = tr_clock_ns() / 1000, now_ms = tr_clock_ms();
    int64_t paused = tr_llm_board_paused(self);
    bool counts = limits->in_flight > 0 && limits->in_flight <= TR_LLM_BOARD_FLIGHT;
    *ret_place = 0;
    if (paused > 0)
        return paused;
    if (counts && !(*ret_place = take_place(self, limits->in_flight, random, now_ms)))
        return FULL_MS;
    int64_t wait = take(&self->requests, requests_of(limits), 1, now_us);
    if (wait == 0) {
        wait = take(&self->tokens, tokens_of(limits), (double)tokens, now_us);
        if (wait > 0)
            give(&self->requests, requests_of(limits), 1);
    }
    if (wait > 0) {
        give_place(self, *ret_place);
        *ret_place = 0;
    }
    return ms_of(wait);
}

void tr_llm_board_give(
    tr_llm_board_account_t *self, const tr_llm_rate_config_t *limits, int64_t tokens, int64_t place) {
    give(&self->tokens, tokens_of(limits), (double)tokens);
    give_place(self, place);
}

void tr_llm_board_pause(tr_llm_board_account_t *self, int64_t ms) {
    int64_t until = tr_clock_ms() + ms, before = atomic_load(&self->paused_ms);
    while (before < until && !atomic_compare_exchange_weak(&self->paused_ms, &before, until)) {
    }
}

/* ---- circuits ---- */

int64_t tr_llm_board_pass(tr_llm_board_account_t *self, int64_t most_ms, int64_t *ret_probe) {
    int64_t now = tr_clock_ms(), open = atomic_load(&self->open_ms), shut = atomic_load(&self->shut_ms);
    int64_t held = atomic_load(&self->probe_ms), mine = now + most_ms;
    *ret_probe = 0;
    if (open == 0)
        return 0;
    if (now < shut)
        return shut - now;
    if (now < held || !atomic_compare_exchange_strong(&self->probe_ms, &held, mine))
        return open < PROBED_MS ? open : PROBED_MS;
    *ret_probe = mine;
    return 0;
}

static int64_t open_for(tr_llm_board_account_t *self, int64_t before, int64_t ms) {
    int64_t until = tr_clock_ms() + ms;
    atomic_store(&self->shut_ms, until); /* first: who sees it open must see until when */
    if (!atomic_compare_exchange_strong(&self->open_ms, &before, ms))
        return before;
    atomic_store(&self->failures, 0);
    return ms;
}

int64_t tr_llm_board_failed(
    tr_llm_board_account_t *self, const tr_llm_breaker_config_t *config, int64_t probe) {
    int64_t open = atomic_load(&self->open_ms), left = atomic_load(&self->shut_ms) - tr_clock_ms();
    if (open == 0)
        return atomic_fetch_add(&self->failures, 1) + 1 < config->failures
                   ? 0
                   : open_for(self, 0, config->open_ms);
    if (!probe) /* one that began before it was opened */
        return left > 0 ? left : 0;
    int64_t longer = open > config->max_open_ms / 2 ? config->max_open_ms : open * 2;
    int64_t ms = open_for(self, open, longer);
    tr_llm_board_neither(self, probe);
    return ms;
}

void tr_llm_board_succeeded(tr_llm_board_account_t *self, int64_t probe) {
    if (atomic_load(&self->failures))
        atomic_store(&self->failures, 0);
    if (!probe)
        return;
    atomic_store(&self->open_ms, 0);
    tr_llm_board_neither(self, probe);
}

void tr_llm_board_neither(tr_llm_board_account_t *self, int64_t probe) {
    if (probe)
        atomic_compare_exchange_strong(&self->probe_ms, &probe, 0);
}

/* ---- budgets ---- */

static bool spend(_Atomic uint64_t *spent, uint64_t n, uint64_t max, uint64_t *ret_spent) {
    uint64_t before = atomic_load(spent);
    do {
        *ret_spent = before;
        if (max && (before > max || n > max - before))
            return false;
    } while (!atomic_compare_exchange_weak(spent, &before, before + n));
    return true;
}

bool tr_llm_board_spend(tr_llm_board_purse_t *self, uint64_t tokens, uint64_t nano, uint64_t tokens_max,
    uint64_t nano_max, uint64_t ret_spent[TR_LLM_BOARD_SPENT_OF]) {
    ret_spent[1] = atomic_load(&self->spent[1]);
    if (!spend(&self->spent[0], tokens, tokens_max, &ret_spent[0]))
        return false;
    if (spend(&self->spent[1], nano, nano_max, &ret_spent[1]))
        return true;
    atomic_fetch_sub(&self->spent[0], tokens);
    return false;
}

void tr_llm_board_correct(tr_llm_board_purse_t *self, int64_t tokens, int64_t nano) {
    atomic_fetch_add(&self->spent[0], (uint64_t)tokens);
    atomic_fetch_add(&self->spent[1], (uint64_t)nano);
}

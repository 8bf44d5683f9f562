#include "tests/sim/task.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES ((size_t)1 << 20) /* its frames are larger */
#else
#define STACK_BYTES ((size_t)256 << 10)
#endif

struct sim_task {
    ucontext_t inside, outside;
    void (*fn)(void *arg);
    void *arg;
    void *stack;
    bool ended;
    void *fake_inside; /* AddressSanitizer's own stacks */
    const void *bottom_outside;
    size_t size_outside;
};

/* AddressSanitizer must know which stack it is on. */
static void leaving(void **save, const void *bottom, size_t size) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(save, bottom, size);
#else
    (void)save;
    (void)bottom;
    (void)size;
#endif
}

static void arrived(void *saved, const void **ret_bottom, size_t *ret_size) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(saved, ret_bottom, ret_size);
#else
    (void)saved;
    (void)ret_bottom;
    (void)ret_size;
#endif
}

/* makecontext passes ints only. */
static void enter(unsigned high, unsigned low) {
    sim_task_t *t = (sim_task_t *)((uintptr_t)high << 32 | low);
    arrived(NULL, &t->bottom_outside, &t->size_outside);
    t->fn(t->arg);
    t->ended = true;
    leaving(NULL, t->bottom_outside, t->size_outside);
    swapcontext(&t->inside, &t->outside);
}

sim_task_t *sim_task_new(void (*fn)(void *arg), void *arg) {
    sim_task_t *t = calloc(1, sizeof *t);
    void *stack =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (!t || stack == MAP_FAILED) {
        fprintf(stderr, "sim: out of memory for a task's stack\n");
        abort();
    }
    t->fn = fn;
    t->arg = arg;
    t->stack = stack;
    getcontext(&t->inside);
    t->inside.uc_stack.ss_sp = stack;
    t->inside.uc_stack.ss_size = STACK_BYTES;
    makecontext(&t->inside, (void (*)(void))enter, 2, (unsigned)((uintptr_t)t >> 32), (unsigned)(uintptr_t)t);
    return t;
}

void sim_task_resume(sim_task_t *self) {
    void *fake_outside = NULL;
    assert(!self->ended);
    leaving(&fake_outside, self->stack, STACK_BYTES);
    swapcontext(&self->outside, &self->inside);
    arrived(fake_outside, NULL, NULL);
}

void sim_task_yield(sim_task_t *self) {
    leaving(&self->fake_inside, self->bottom_outside, self->size_outside);
    swapcontext(&self->inside, &self->outside);
    arrived(self->fake_inside, &self->bottom_outside, &self->size_outside);
}

bool sim_task_ended(const sim_task_t *self) {
    return self->ended;
}

void sim_task_destroy(sim_task_t **self) {
    if (!*self)
        return;
    munmap((*self)->stack, STACK_BYTES);
    free(*self);
    *self = NULL;
}

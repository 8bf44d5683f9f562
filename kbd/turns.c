#include "kbd/turns.h"

#include "lib/base/clock.h"
#include "lib/text/textbuf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One agent that waits: its items from `first` on. */
struct tr_turn {
    char *agent; /* owned */
    void **items;
    size_t first, count, room;
    tr_turn_t *before, *after;
};

void tr_turns_init(tr_turns_t *self) {
    *self = (tr_turns_t){0};
    tr_map_init(&self->agents, (uint64_t)tr_clock_ns());
}

void tr_turns_finish(tr_turns_t *self) {
    tr_map_finish(&self->agents);
}

static void turn_destroy(tr_turn_t *turn) {
    if (turn)
        free(turn->items);
    if (turn)
        free(turn->agent);
    free(turn);
}

/* At the end of the round. */
static void enter(tr_turns_t *self, tr_turn_t *turn) {
    if (!self->next) {
        turn->before = turn->after = self->next = turn;
        return;
    }
    turn->after = self->next;
    turn->before = self->next->before;
    turn->before->after = turn->after->before = turn;
}

static tr_turn_t *turn_new(tr_turns_t *self, const char *agent) {
    tr_turn_t *turn = calloc(1, sizeof *turn);
    if (turn)
        turn->agent = strdup(agent);
    if (!turn || !turn->agent ||
        tr_map_put(&self->agents, agent, strlen(agent), (uint64_t)(uintptr_t)turn) < 0) {
        turn_destroy(turn);
        return NULL;
    }
    enter(self, turn);
    return turn;
}

static void leave(tr_turns_t *self, tr_turn_t *turn) {
    turn->before->after = turn->after;
    turn->after->before = turn->before;
    if (self->next == turn)
        self->next = turn->after == turn ? NULL : turn->after;
    tr_map_delete(&self->agents, turn->agent, strlen(turn->agent));
    turn_destroy(turn);
}

int tr_turns_push(tr_turns_t *self, const char *agent, void *item) {
    tr_turn_t *turn = tr_map_find_ptr(&self->agents, agent, strlen(agent));
    if (self->count >= TR_TURNS_ALL || (turn && turn->count - turn->first >= TR_TURNS_EACH))
        return -EBUSY;
    bool is_new = !turn;
    if (is_new && !(turn = turn_new(self, agent)))
        return -ENOMEM;
    if (tr_array_reserve(&turn->items, turn->count, &turn->room, sizeof *turn->items) < 0) {
        if (is_new)
            leave(self, turn);
        return -ENOMEM;
    }
    turn->items[turn->count++] = item;
    self->count++;
    return 0;
}

/* So that an agent that always waits needs no more room than for what waits. */
static void move_up(tr_turn_t *turn) {
    if (turn->first < TR_TURNS_EACH)
        return;
    turn->count -= turn->first;
    memmove(turn->items, turn->items + turn->first, turn->count * sizeof *turn->items);
    turn->first = 0;
}

void *tr_turns_pop(tr_turns_t *self) {
    tr_turn_t *turn = self->next;
    if (!turn)
        return NULL;
    void *item = turn->items[turn->first++];
    self->count--;
    self->next = turn->after;
    if (turn->first == turn->count)
        leave(self, turn);
    else
        move_up(turn);
    return item;
}

/*
 * exec: any program as an agent. Each message becomes a line of JSON on its stdin, each line of JSON on its
 * stdout a message (exec_codec.h); its stderr goes to the log. Arguments: exec_conf.h.
 *
 * Work and its life: a message is kept and waits (`waiting`) until the program may have it; then its line is
 * written and it is in work (`active`) until a line of the program finishes it. What expects an answer, and
 * what is leased, has the time limit and counts against in_flight; what does not is handed over as it comes,
 * and stays addressable until the next one of its kind. An answer to something that the program asked itself, and news
 * of a failed delivery, overtake what waits: the program may need them to finish what it has.
 *
 * Mode `once`: a run of the program for each message, whose stdin ends after the line; its end finishes the
 * message, with a failure where an answer was expected and none was written.
 *
 * When the program ends with messages in work, requests to a service and durable messages are given back to the
 * broker (another provider gets them, or this one again), and others are answered with a failure. A durable
 * message that took too long is given back, too, so that it ends finished or as a dead letter. A message that was alone in work when
 * the program died, or took too long, is to blame for it, and the broker is told so: after three times it is poison. After an end with
 * several in work the next ones are handed over one by one, so that the one is found. The program is started again after a
 * pause that doubles from backoff_ms to max_backoff_ms; a message that it finished sets the pause back.
 *
 * Output that cannot be sent now (-EAGAIN) stays in the line buffer, and the program's stdout is not read
 * until it was sent: the pipe fills, and the program waits.
 */
#include "agentd/behaviours/answer.h"
#include "agentd/behaviours/exec_codec.h"
#include "agentd/behaviours/exec_private.h"
#include "agentd/behaviours/table.h"
#include "agentd/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDS_MAX       5 /* of a persistent program, without a message finished in between */
#define STUCK_RETRY_MS 5
#define STOP_WAIT_MS   100
#define PENDING_MAX    ((size_t)1 << 20) /* bytes for its stdin that wait before messages do */

static void pump(tr_exec_t *self);
static void update_watches(tr_exec_t *self);

/* ---- work ---- */

static void push(tr_exec_queue_t *queue, tr_exec_work_t *work) {
    work->next = NULL;
    if (queue->tail)
        queue->tail->next = work;
    else
        queue->head = work;
    queue->tail = work;
}

static void take_off(tr_exec_queue_t *queue, tr_exec_work_t *work) {
    tr_exec_work_t *before = NULL;
    for (tr_exec_work_t *w = queue->head; w != work; w = w->next)
        before = w;
    if (before)
        before->next = work->next;
    else
        queue->head = work->next;
    if (queue->tail == work)
        queue->tail = before;
}

void tr_exec_finish(tr_exec_t *self, tr_exec_work_t *work, tr_exec_end_t end) {
    take_off(&self->active, work);
    if (work->expects)
        self->in_flight--;
    if (work->expects && self->careful && end != TR_EXEC_END_BACK)
        self->careful--;
    if (work->timer)
        tr_timer_cancel(&work->timer);
    if (end == TR_EXEC_END_BLAMED)
        tr_message_fail(&work->message);
    else if (end == TR_EXEC_END_BACK)
        tr_message_release(&work->message);
    else
        tr_message_done(&work->message);
    free(work);
}

static void tell_failure(tr_exec_t *self, tr_exec_work_t *work, const char *reason, const char *detail) {
    /* Out of memory: its own time limit will tell whoever waits, ignoring. */
    if (work->waits && !work->answered)
        tr_replies_send_reason(&self->failures, self->agent, work->message, TR_FAILURE, reason, detail);
    work->answered = work->failed = true;
}

/* Whether its run or not: nothing more will come of it. */
static void fail(tr_exec_t *self, tr_exec_work_t *work, const char *reason, const char *detail) {
    tell_failure(self, work, reason, detail);
    tr_exec_finish(self, work, TR_EXEC_END_DONE);
}

/* It was not finished, through no word of the program: what is durable comes again. */
static void give_up(
    tr_exec_t *self, tr_exec_work_t *work, tr_exec_end_t end, const char *reason, const char *detail) {
    if (work->durable && !work->answered)
        tr_exec_finish(self, work, end);
    else
        fail(self, work, reason, detail);
}

void tr_exec_fail(tr_exec_t *self, tr_exec_work_t *work, const char *reason, const char *detail) {
    tell_failure(self, work, reason, detail);
    if (self->conf.mode == TR_EXEC_PERSISTENT)
        tr_exec_finish(self, work, TR_EXEC_END_DONE);
}

/* The program is gone, or will be: nothing in work can be finished. */
static void give_back_all(tr_exec_t *self, tr_exec_end_t end, const char *how) {
    while (self->active.head) {
        tr_exec_work_t *work = self->active.head;
        if (tr_message_leased(work->message) && !work->answered)
            tr_exec_finish(self, work, end);
        else
            fail(self, work, "program-ended", how);
    }
}

static tr_exec_work_t *new_work(tr_exec_t *self, const tr_message_t *message) {
    tr_exec_work_t *work = calloc(1, sizeof *work);
    if (!work)
        return NULL;
    work->message = tr_message_keep(message);
    if (!work->message) {
        free(work);
        return NULL;
    }
    work->id = ++self->last_id;
    bool asked = tr_answer_asked(work->message), leased = tr_message_leased(work->message);
    work->durable = tr_message_durable(work->message);
    work->expects = asked || leased;
    work->waits = asked || (leased && !work->durable);
    return work;
}

/* ---- the program ---- */

static void unwatch_all(tr_exec_t *self) {
    for (size_t i = 0; i < self->watched_n; i++)
        tr_watch(self->agent, self->watched[i], 0, NULL, NULL);
    self->watched_n = 0;
}

static int start(tr_exec_t *self) {
    tr_error_t error = {0};
    tr_child_options_t options = {self->conf.command, self->conf.cwd, self->conf.env};
    int rc = tr_child_start(&options, &self->child, &error);
    if (rc < 0) {
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROGRAM_CANNOT_RUN], "agent=%s error=%s", self->name,
            error.text);
        return rc;
    }
    if (self->conf.mode == TR_EXEC_PERSISTENT)
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROGRAM_STARTED], "agent=%s program=%s pid=%ld",
            self->name, self->conf.command[0], (long)tr_child_pid(self->child));
    update_watches(self);
    return 0;
}

static void on_restart(tr_agent_t *agent, void *state, void *arg) {
    (void)agent;
    (void)arg;
    tr_exec_t *self = state;
    self->restart = NULL;
    pump(self);
}

static void restart_later(tr_exec_t *self) {
    self->backoff_ms = self->backoff_ms ? self->backoff_ms * 2 : self->conf.backoff_ms;
    if (self->backoff_ms > self->conf.max_backoff_ms)
        self->backoff_ms = self->conf.max_backoff_ms;
    if (!self->restart)
        self->restart = tr_timer_start(self->agent, self->backoff_ms, on_restart, NULL);
}

/* ---- turns ---- */

static void turn(tr_exec_t *self);

static void on_again(tr_agent_t *agent, void *state, void *arg) {
    (void)agent;
    (void)arg;
    tr_exec_t *self = state;
    self->again = NULL;
    turn(self);
}

/* Of several messages in work one is to blame, and which is found out by handing them over one by one. */
static tr_exec_end_t whose_fault(tr_exec_t *self) {
    if (self->killed || tr_child_succeeded(self->child))
        return TR_EXEC_END_BACK;
    if (self->in_flight < 2)
        return TR_EXEC_END_BLAMED;
    if (self->careful < self->in_flight)
        self->careful = self->in_flight;
    return TR_EXEC_END_BACK;
}

/* In mode `once`: the end of the program is the end of its message. */
static void finish_run(tr_exec_t *self, const char *how) {
    tr_exec_work_t *work = self->active.head;
    if (!work)
        return;
    if (!tr_child_succeeded(self->child) && !work->answered) {
        give_back_all(self, whose_fault(self), how);
        return;
    }
    if (work->answered || !work->expects)
        tr_exec_finish(self, work, TR_EXEC_END_DONE);
    else
        fail(self, work, "no-answer", "the program ended without one");
}

static void program_ended(tr_exec_t *self) {
    char how[64];
    tr_exec_marks_t marks;
    bool once = self->conf.mode == TR_EXEC_ONCE;
    tr_child_how(self->child, how, sizeof how);
    bool well = once && tr_child_succeeded(self->child);
    tr_exec_marks(tr_exec_only_work(self), &marks);
    if (!well)
        tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROGRAM_ENDED],
            "agent=%s program=%s how=%s in_work=%zu trace=%s conversation=%s", self->name,
            self->conf.command[0], how, self->in_flight, marks.trace, marks.conversation);
    if (once)
        finish_run(self, how);
    else
        give_back_all(self, whose_fault(self), how);
    tr_child_destroy(&self->child);
    self->killed = false;
    self->stuck_receivers = 0;
    self->stuck_spent = false;
    if (!once && ++self->ends > ENDS_MAX) {
        tr_agent_stop(self->agent); /* whoever started this process decides */
        return;
    }
    if (well)
        self->backoff_ms = 0;
    else
        restart_later(self);
}

/* After anything that happened: lines, the program's end, messages that wait, what to poll for. */
static void turn(tr_exec_t *self) {
    bool all = true;
    if (self->child) {
        tr_exec_take_errors(self);
        all = tr_exec_take_lines(self);
        if (all && tr_child_ended(self->child)) {
            unwatch_all(self);
            program_ended(self);
        }
    }
    if (!all && !self->again)
        self->again = tr_timer_start(self->agent, self->stuck ? STUCK_RETRY_MS : 0, on_again, NULL);
    pump(self);
}

static void on_ready(tr_agent_t *agent, void *state, int fd, short events, void *arg) {
    (void)agent;
    (void)events;
    (void)arg;
    tr_exec_t *self = state;
    if (!self->child)
        return;
    /* It may close the fd, whose number may then be anybody's: not to be watched meanwhile. */
    unwatch_all(self);
    tr_child_handle(self->child, fd);
    turn(self);
}

static void update_watches(tr_exec_t *self) {
    struct pollfd polls[TR_CHILD_FDS];
    unwatch_all(self);
    if (!self->child)
        return;
    size_t n = tr_child_polls(self->child, self->again == NULL, polls);
    for (size_t i = 0; i < n; i++) {
        if (!polls[i].events)
            continue;
        if (tr_watch(self->agent, polls[i].fd, polls[i].events, on_ready, NULL) == 0)
            self->watched[self->watched_n++] = polls[i].fd;
    }
}

/* ---- to the program ---- */

static void on_timeout(tr_agent_t *agent, void *state, void *arg) {
    (void)agent;
    tr_exec_t *self = state;
    tr_exec_work_t *work = arg;
    work->timer = NULL;
    tr_exec_marks_t marks;
    tr_exec_marks(work, &marks);
    tr_log(&self->log, &tr_agentd_events[TR_EVENT_PROGRAM_LATE],
        "agent=%s id=%llu sender=%s timeout_ms=%lld trace=%s conversation=%s", self->name,
        (unsigned long long)work->id, tr_message_sender(work->message), (long long)self->conf.timeout_ms,
        marks.trace, marks.conversation);
    give_up(self, work, TR_EXEC_END_BLAMED, "timeout", "the program did not finish the message in its time");
    /* Its end is told by the pidfd; what else is in work is given back then. */
    self->killed = self->child != NULL;
    if (self->child)
        tr_child_kill(self->child);
}

static char *encode(const tr_exec_work_t *work) {
    const tr_message_t *m = work->message;
    tr_exec_incoming_t in = {
        .id = work->id,
        .type = tr_message_type(m),
        .acl = tr_message_acl(m),
        .topic = tr_message_topic(m),
        .sequence = tr_message_sequence(m),
        .missed = tr_message_missed(m),
        .reason = tr_message_reason(m),
        .attempt = tr_message_attempt(m),
        .durable = work->durable,
        .redelivered = tr_message_redelivered(m),
    };
    in.content = tr_message_content(m, &in.content_len);
    return tr_exec_encode(&in);
}

/* Only the last of those that expect no answer stays addressable. */
static void forget_unanswered(tr_exec_t *self) {
    for (tr_exec_work_t *w = self->active.head, *next; w; w = next) {
        next = w->next;
        if (!w->expects)
            tr_exec_finish(self, w, TR_EXEC_END_DONE);
    }
}

static void hand_over(tr_exec_t *self, tr_exec_work_t *work) {
    char *line = encode(work);
    bool once = self->conf.mode == TR_EXEC_ONCE;
    if (!work->expects && !once)
        forget_unanswered(self);
    push(&self->active, work);
    if (work->expects)
        self->in_flight++;
    if (!line || tr_child_write(self->child, line, strlen(line)) < 0) {
        free(line);
        give_up(self, work, TR_EXEC_END_BACK, "internal-error", "out of memory");
        return;
    }
    free(line);
    if (once)
        tr_child_close_input(self->child);
    if (work->expects || once)
        work->timer = tr_timer_start(self->agent, self->conf.timeout_ms, on_timeout, work);
}

/* What the program may need to finish what it has. */
static bool overtakes(const tr_exec_work_t *work) {
    const tr_acl_t *acl = tr_message_acl(work->message);
    if (work->expects)
        return false;
    return tr_message_type(work->message) == TR_MESSAGE_FAILED || (acl && acl->in_reply_to);
}

static tr_exec_work_t *next_waiting(tr_exec_t *self) {
    tr_exec_work_t *work = self->waiting.head;
    if (self->in_flight < (self->careful ? 1 : (size_t)self->conf.in_flight))
        return work;
    while (work && !overtakes(work))
        work = work->next;
    return work;
}

static void pump_persistent(tr_exec_t *self) {
    if (!self->child && !self->restart && start(self) < 0)
        restart_later(self);
    while (self->child && !tr_child_ended(self->child) && tr_child_pending(self->child) < PENDING_MAX) {
        tr_exec_work_t *work = next_waiting(self);
        if (!work)
            return;
        take_off(&self->waiting, work);
        hand_over(self, work);
    }
}

static void pump_once(tr_exec_t *self) {
    if (self->child || self->restart || !self->waiting.head)
        return;
    if (start(self) < 0) {
        restart_later(self);
        return;
    }
    tr_exec_work_t *work = self->waiting.head;
    take_off(&self->waiting, work);
    hand_over(self, work);
}

static void pump(tr_exec_t *self) {
    if (self->conf.mode == TR_EXEC_ONCE)
        pump_once(self);
    else
        pump_persistent(self);
    update_watches(self);
}

/* ---- the behaviour ---- */

static int init(tr_agent_t *agent, void *state, tr_value_t args) {
    tr_exec_t *self = state;
    int rc = tr_exec_conf_read(&self->conf, args, NULL);
    if (rc < 0)
        return rc;
    self->agent = agent;
    tr_agent_aid(agent, self->name);
    tr_log_init(&self->log, STDERR_FILENO, "agentd", (tr_log_format_t)self->conf.log_format,
        (tr_log_level_t)self->conf.log_level);
    /* A program that cannot be run at all is told now, to whoever starts the agent. */
    if (self->conf.mode == TR_EXEC_PERSISTENT)
        rc = start(self);
    if (rc < 0)
        tr_exec_conf_finish(&self->conf);
    return rc;
}

/* What an answer has left of a budget is there again for the message in work that it was asked for. */
static void regain(tr_exec_t *self, const tr_message_t *answer) {
    const tr_acl_t *acl = tr_message_acl(answer);
    if (!acl || !acl->in_reply_to || !acl->conversation_id ||
        !(acl->budget.of_tokens || acl->budget.of_money))
        return;
    for (tr_exec_work_t *work = self->active.head; work; work = work->next) {
        const tr_acl_t *asked = tr_message_acl(work->message);
        if (asked && asked->conversation_id && strcmp(asked->conversation_id, acl->conversation_id) == 0) {
            tr_message_regain(work->message, answer);
            return;
        }
    }
}

static int receive(tr_agent_t *agent, void *state, const tr_message_t *message) {
    (void)agent;
    tr_exec_t *self = state;
    tr_exec_work_t *work = new_work(self, message);
    if (!work)
        return -ENOMEM;
    regain(self, work->message);
    push(&self->waiting, work);
    pump(self);
    return 0;
}

static void fini(tr_agent_t *agent, void *state) {
    (void)agent;
    tr_exec_t *self = state;
    unwatch_all(self);
    if (self->restart)
        tr_timer_cancel(&self->restart);
    if (self->again)
        tr_timer_cancel(&self->again);
    tr_child_stop(&self->child, STOP_WAIT_MS);
    give_back_all(self, TR_EXEC_END_BACK, "the agent ends");
    while (self->waiting.head) {
        tr_exec_work_t *work = self->waiting.head;
        take_off(&self->waiting, work);
        push(&self->active, work);
        self->in_flight += work->expects;
        give_back_all(self, TR_EXEC_END_BACK, "the agent ends");
    }
    tr_replies_finish(&self->failures);
    tr_exec_conf_finish(&self->conf);
}

const tr_behaviour_t tr_behaviour_exec = {
    .abi = TR_BEHAVIOUR_ABI,
    .name = "exec",
    .summary = "any program: messages as lines of JSON on its stdin and stdout",
    .state_size = sizeof(tr_exec_t),
    .capacity = 1,
    .init = init,
    .receive = receive,
    .fini = fini,
};

/*
 * What a process says of its agents. One whose callback does not come back is alive for the link, which a thread of its own serves; so
 * it says so, and a hang is told apart from a process that is stopped or cut off, of which nothing is heard.
 */
#include "broker/core/link.h"
#include "broker/core/state.h"

#include "proto/content.h"
#include "proto/link.pb-c.h"

#include <stdio.h>

#define TOLD_MS 1000 /* once in so long, whatever a process says */
#define LONGEST ((uint64_t)1 << 40)

bool tr_session_hangs(tr_core_t *core, const tr_session_t *s, char out[2 * TR_AID_MAX], int64_t *ret_ms) {
    const tr_entry_t *e = s->hung ? tr_entry_of_route(core, s->hung) : NULL;
    char name[TR_AID_MAX + 1];
    if (!e || e->session != s)
        return false;
    tr_entry_agent_name(e, tr_route_agent(s->hung), name);
    snprintf(out, 2 * TR_AID_MAX, "%s@%s", name, core->platform);
    *ret_ms = core->now.mono_ms - s->hung_ms;
    return true;
}

static void publish(tr_core_t *core, const tr_session_t *s, const char *agent, int64_t hung_ms) {
    tr_topic_t *topic = tr_sys_topic(core, "$sys.agent.hangs");
    if (!topic)
        return;
    tr_content_writer_t w;
    tr_content_writer_init(&w);
    tr_write_map(&w, 5);
    tr_write_kv(&w, "agent", agent);
    tr_write_kv_int(&w, "hung_ms", hung_ms);
    tr_write_kv(&w, "process", s->process);
    tr_write_kv(&w, "host", s->host);
    tr_write_kv_uint(&w, "pid", s->pid);
    tr_sys_publish(core, topic, &w);
    tr_content_writer_finish(&w);
}

static void tell(tr_core_t *core, tr_session_t *s, const char *agent, int64_t hung_ms) {
    char detail[160];
    if (s->hung_told && core->now.mono_ms - s->hung_told < TOLD_MS)
        return;
    s->hung_told = core->now.mono_ms;
    snprintf(detail, sizeof detail, "%s pid %u at %s", s->process ? s->process : "process", s->pid,
        s->host ? s->host : "unknown host");
    tr_event(core, hung_ms ? TR_EVENT_HANGS : TR_EVENT_GOES_ON, agent, detail);
    publish(core, s, agent, hung_ms);
}

/* Of the entry's agents; another one's hang is not for it to end. */
static void note_hang(
    tr_core_t *core, tr_session_t *s, const tr_entry_t *e, tr_route_t agent, uint64_t hung_ms) {
    const tr_entry_t *before = s->hung ? tr_entry_of_route(core, s->hung) : NULL;
    char name[TR_AID_MAX + 1];
    if (!hung_ms && (!s->hung || before != e))
        return;
    tr_entry_agent_name(e, tr_route_agent(hung_ms ? agent : s->hung), name);
    bool news = !s->hung || !hung_ms;
    s->hung = hung_ms ? agent : 0;
    s->hung_ms = core->now.mono_ms - (int64_t)(hung_ms < LONGEST ? hung_ms : LONGEST);
    if (news)
        tell(core, s, name, (int64_t)hung_ms);
}

void tr_handle_report(tr_core_t *core, tr_session_t *s, const tr_record_t *r) {
    ProtobufCAllocator a = tr_link_bodies(core);
    Troupe__Report *m = troupe__report__unpack(&a, r->content_len, r->content);
    tr_entry_t *e = tr_entry_of_route(core, r->h.src);
    if (!m || !e || e->session != s) {
        tr_control_refuse(core, s, r->h.id, m ? TR_REASON_FORGED_SENDER : TR_REASON_BAD_RECORD,
            "a report is of an agent of this process");
        return;
    }
    e->passive = m->passive < e->count ? m->passive : e->count;
    note_hang(core, s, e, r->h.src, m->hung_ms);
}

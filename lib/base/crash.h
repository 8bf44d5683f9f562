/*
 * The last line of a daemon's log: which signal ended it, and where it was. `stack` has the return addresses, the innermost first, as
 * MODULE+0xOFFSET with blanks between, for `addr2line -e MODULE 0xOFFSET`; an exporter makes an event of it. After the line the signal has the effect
 * that it would have had: a core where cores are kept, a sanitizer's report.
 *
 *     {"time":"...","level":"error","component":"agentd","event":"X001","message":"ended by a signal","signal":"SEGV","stack":"troupe-agentd+0x1f2a ..."}
 */
#ifndef TR_BASE_CRASH_H
#define TR_BASE_CRASH_H

#include "lib/base/log.h"

/* X001, of all daemons. */
extern const tr_event_t tr_crash_event;

/* From now on SEGV, BUS, FPE, ILL and ABRT are told to the log's descriptor in its format, on a stack of their own (for the thread that calls: others have
 * theirs, and one that has overrun it is ended without a word). Once a process, before its threads; later calls do nothing. */
void tr_crash_catch(const tr_log_t *log);
/* Whoever has loaded a shared object says so: what is not known is told as an address. One thread at a time. */
void tr_crash_note_loaded(void);

#endif

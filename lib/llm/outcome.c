/* What came of an attempt, and what is to be done about it. Pure. */
#include "lib/llm/client.h"

#include <errno.h>
#include <string.h>

#define ROUNDING_MS 1  /* the clock's milliseconds are rounded down */
#define JITTER_PART 10 /* after a Retry-After: up to a tenth of it more, so that not all come back at once */

/* ---- by how the transfer ended ---- */

typedef struct row {
    tr_llm_status_t status;
    bool again, bad;
} row_t;

static const row_t ends[] = {
    [TR_LLM_END_UNREACHABLE] = {TR_LLM_UNREACHABLE, true, true},
    [TR_LLM_END_CONNECT] = {TR_LLM_TIMED_OUT, true, true},
    [TR_LLM_END_FIRST_BYTE] = {TR_LLM_TIMED_OUT, true, true},
    [TR_LLM_END_IDLE] = {TR_LLM_TIMED_OUT, true, true},
    [TR_LLM_END_TOTAL] = {TR_LLM_TIMED_OUT, false, true},
    [TR_LLM_END_BROKEN] = {TR_LLM_UNAVAILABLE, true, true},
    [TR_LLM_END_TOO_LARGE] = {TR_LLM_TOO_LARGE, false, false},
    [TR_LLM_END_STOPPED] = {TR_LLM_FAILED, false, false},
    [TR_LLM_END_FAILED] = {TR_LLM_FAILED, false, false},
};

/* ---- by the status of HTTP ---- */

static bool is_transient(int status) {
    return status == 408 || status == 409 || status == 425 || status >= 500;
}

static void by_status(tr_llm_outcome_t *self, int status, const char *body, size_t len) {
    char code[64];
    tr_llm_dialect_complaint_code(body, len, code, sizeof code);
    self->good = status < 500;
    self->bad = status >= 500;
    if (status == 429) {
        self->status = TR_LLM_RATE_LIMITED;
        self->others = true;
        self->again = strcmp(code, "insufficient_quota") != 0; /* waiting does not pay the bill */
    } else if (is_transient(status)) {
        self->status = TR_LLM_UNAVAILABLE;
        self->others = self->again = true;
    } else {
        self->status =
            TR_LLM_REFUSED; /* another provider may have the right key, the model, or no other address */
        self->others = status == 401 || status == 402 || status == 403 || status == 404 || status / 100 == 3;
    }
}

static const char *hint(int status) {
    return status == 401 || status == 403 ? "; is its key right, and allowed to do this?"
           : status == 404                ? "; are its base-url and the model right?"
           : status >= 300 && status < 400
               ? "; it redirects, which is not followed: give the base-url that it leads to"
               : "";
}

void tr_llm_outcome_of_report(tr_llm_outcome_t *self, const tr_llm_report_t *report, const char *body,
    size_t len, const char *provider) {
    char complaint[200];
    *self = (tr_llm_outcome_t){.retry_after_ms = report->retry_after_ms};
    if (report->end == TR_LLM_END_WHOLE) {
        by_status(self, report->status, body, len);
        tr_llm_dialect_complaint(body, len, complaint, sizeof complaint);
        self->untempered = report->status == 400 && strstr(complaint, "temperature");
        tr_error_set(&self->error, -EREMOTEIO, "%s: the server answers %d%s%s%s", provider, report->status,
            *complaint ? ": " : "", complaint, hint(report->status));
        return;
    }
    const row_t *row = &ends[report->end];
    self->status = row->status;
    self->again = self->others = row->again;
    self->bad = row->bad;
    tr_error_set(&self->error, -EIO, "%s: %s", provider, report->detail);
}

void tr_llm_outcome_of_error(tr_llm_outcome_t *self, int code, const tr_error_t *error) {
    *self = (tr_llm_outcome_t){.retry_after_ms = -1, .error = *error};
    switch (code) {
    case -EREMOTEIO: /* within a stream */
        self->status = TR_LLM_UNAVAILABLE;
        self->again = self->others = self->bad = true;
        break;
    case -EMSGSIZE: self->status = TR_LLM_TOO_LARGE; break;
    case -ENOMEM: self->status = TR_LLM_FAILED; break;
    default: self->status = TR_LLM_GARBLED; self->again = self->others = self->bad = true;
    }
}

/* ---- waiting ---- */

/* From half of it to all of it, doubled each time. */
static int64_t backoff(const tr_llm_retry_config_t *retry, unsigned n, uint64_t random) {
    int64_t ms = retry->backoff_ms;
    for (unsigned i = 1; i < n && ms < retry->max_backoff_ms; i++)
        ms *= 2;
    ms = ms < retry->max_backoff_ms ? ms : retry->max_backoff_ms;
    return ms - (int64_t)(random % (uint64_t)(ms / 2 + 1));
}

int64_t tr_llm_outcome_pause(
    const tr_llm_outcome_t *self, const tr_llm_retry_config_t *retry, unsigned n, uint64_t random) {
    int64_t own = backoff(retry, n, random);
    if (self->retry_after_ms < 0)
        return own;
    int64_t asked = self->retry_after_ms + ROUNDING_MS +
                    (int64_t)(random % (uint64_t)(self->retry_after_ms / JITTER_PART + 1));
    return asked > own ? asked : own;
}

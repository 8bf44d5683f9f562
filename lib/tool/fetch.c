/*
 * fetch: a page of the web, of the places that the configuration allows (allow.h). Each step of a redirect is checked as the first one was, and the
 * address that is connected to must be of the public internet, unless `private` says otherwise: so neither a redirect nor a name that leads into
 * the own network gets there. No proxy is used, which would hide the address.
 *
 * HTML is told as its text; other text as it is; of all else only its kind and size.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/text/document.h"
#include "lib/text/textbuf.h"
#include "lib/tool/address.h"
#include "lib/tool/allow.h"
#include "lib/tool/config.h"
#include "lib/tool/tools_private.h"
#include "lib/tool/web.h"

#define CONNECT_MS 10000
#define SIZE_MAX_B ((int64_t)1 << 20)
#define SCHEMA                                                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"url\"],\"properties\":{"            \
    "\"url\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":2048,\"description\":\"where the page is, "  \
    "http or https\"}}}"

typedef struct fetch_config {
    tr_tool_config_t common; /* first */
    tr_texts_t allow;
    bool is_private;
    int64_t redirects, size_max;
    const char *ca_file;
} fetch_config_t;

typedef struct fetch {
    tr_tool_t tool; /* first */
    const fetch_config_t *config;
    json_t *schema;
    const tr_web_module_t *web;
    tr_llm_loop_t *loop;
    tr_llm_transfers_t *transfers; /* NULL until one is needed */
} fetch_t;

/* One call, on its way from page to page. */
typedef struct visit {
    fetch_t *fetch;
    tr_tool_call_t *call;
    tr_llm_transfer_t *transfer;
    tr_web_url_t at;
    unsigned steps;
    tr_buffer_t came;
} visit_t;

static void go(visit_t *self);

/* ---- the end ---- */

static void free_visit(visit_t *self) {
    self->call->state = NULL;
    if (self->transfer)
        self->fetch->web->cancel(&self->transfer);
    tr_buffer_finish(&self->came);
    free(self);
}

static bool is_type(const tr_llm_report_t *report, const char *type) {
    return strncasecmp(report->content_type, type, strlen(type)) == 0;
}

static bool is_text(const tr_llm_report_t *report) {
    return is_type(report, "text/") || is_type(report, "application/json") ||
           is_type(report, "application/xml") || is_type(report, "application/yaml") ||
           strcasestr(report->content_type, "+json") || strcasestr(report->content_type, "+xml");
}

static void add_body(visit_t *self, const tr_llm_report_t *report, tr_textbuf_t *out) {
    tr_document_t *page = NULL;
    char note[160];
    bool is_html = is_type(report, "text/html") || is_type(report, "application/xhtml");
    if (is_html &&
        tr_document_parse("page.html", tr_buffer_string(&self->came), self->came.size, 0, &page, NULL) == 0) {
        tr_textbuf_add_string(out, "title: ");
        tr_textbuf_add_string(out, page->title);
        tr_textbuf_add_string(out, "\n\n");
        tr_textbuf_add(out, page->text, page->text_length);
    } else if (is_html || is_text(report)) {
        tr_textbuf_add_string(out, "\n");
        tr_textbuf_add(out, tr_buffer_string(&self->came), self->came.size);
    } else {
        snprintf(note, sizeof note, "\n[%zu bytes of the type %s, which are not shown]", self->came.size,
            *report->content_type ? report->content_type : "that it does not say");
        tr_textbuf_add_string(out, note);
    }
    tr_document_destroy(&page);
}

static void tell_page(visit_t *self, const tr_llm_report_t *report) {
    tr_textbuf_t out = {0};
    char line[40];
    snprintf(line, sizeof line, "\nstatus: %d\n", report->status);
    tr_textbuf_add_string(&out, "url: ");
    tr_textbuf_add_string(&out, self->at.whole);
    tr_textbuf_add_string(&out, line);
    add_body(self, report, &out);
    char *text = tr_textbuf_take(&out);
    if (!text)
        tr_tool_call_fail(self->call, TR_TOOL_FAILED, "out of memory");
    else if (report->status / 100 == 2)
        tr_tool_call_done(self->call, text, strlen(text));
    else
        tr_tool_call_error(self->call, text, strlen(text));
    free(text);
}

static void tell_failure(visit_t *self, const tr_llm_report_t *report) {
    const char *host = self->at.host;
    if (report->end == TR_LLM_END_FORBIDDEN)
        tr_tool_call_fail(self->call, TR_TOOL_FORBIDDEN,
            "%.100s is at an address that is not of the public internet; private: true would allow it", host);
    else if (report->end == TR_LLM_END_TOO_LARGE)
        tr_tool_call_fail(self->call, TR_TOOL_TOO_LARGE, "%.200s: %s; size-max would allow more",
            self->at.whole, report->detail);
    else if (report->end == TR_LLM_END_FAILED)
        tr_tool_call_fail(self->call, TR_TOOL_FAILED, "%.200s: %s", self->at.whole, report->detail);
    else
        tr_tool_call_fail(self->call, TR_TOOL_UNAVAILABLE, "%.200s: %s", self->at.whole, report->detail);
}

/* ---- one page ---- */

static bool on_data(void *arg, const tr_llm_report_t *report, const char *bytes, size_t len) {
    visit_t *self = arg;
    (void)report;
    tr_buffer_put(&self->came, bytes, len);
    return !self->came.failed;
}

static bool may_connect(void *arg, const struct sockaddr *address) {
    const visit_t *self = arg;
    return self->fetch->config->is_private || tr_address_is_public(address);
}

static bool is_allowed(const visit_t *self) {
    const tr_texts_t *rules = &self->fetch->config->allow;
    tr_place_t place = {self->at.scheme, self->at.host, self->at.port, self->at.path};
    for (size_t i = 0; i < rules->count; i++)
        if (tr_allow_takes(rules->items[i], &place))
            return true;
    return false;
}

/* Where it is sent on to; false where that ends it. */
static bool follow(visit_t *self, const char *location) {
    tr_web_url_t next;
    if (self->steps++ >= self->fetch->config->redirects)
        tr_tool_call_fail(self->call, TR_TOOL_UNAVAILABLE,
            "%.200s: it is redirected more than %lld times; redirects would allow more", self->at.whole,
            (long long)self->fetch->config->redirects);
    else if (self->fetch->web->url(self->at.whole, location, &next) < 0)
        tr_tool_call_fail(self->call, TR_TOOL_GARBLED,
            "%.200s: it is redirected to what is no URL of http or https", self->at.whole);
    else {
        self->at = next;
        return true;
    }
    return false;
}

static bool is_redirect(const tr_llm_report_t *report) {
    int s = report->status;
    return *report->kept && (s == 301 || s == 302 || s == 303 || s == 307 || s == 308);
}

static void on_done(void *arg, const tr_llm_report_t *report) {
    visit_t *self = arg;
    self->transfer = NULL;
    if (report->end == TR_LLM_END_WHOLE && is_redirect(report)) {
        tr_buffer_finish(&self->came);
        if (follow(self, report->kept)) {
            go(self);
            return;
        }
    } else if (report->end == TR_LLM_END_WHOLE) {
        tell_page(self, report);
    } else {
        tell_failure(self, report);
    }
    free_visit(self);
}

static const tr_llm_transfer_ops_t transfer_ops = {on_data, on_done};

static int ask(visit_t *self) {
    char trace[TR_TRACEPARENT_SIZE + 16];
    const char *headers[] = {"Accept: text/html, text/plain, application/json;q=0.9, */*;q=0.5", NULL, NULL};
    fetch_t *fetch = self->fetch;
    if (*self->call->traceparent) {
        snprintf(trace, sizeof trace, "traceparent: %s", self->call->traceparent);
        headers[1] = trace;
    }
    int64_t left = self->call->deadline_ms - tr_clock_ms() + 1000; /* the registry's deadline is the first */
    tr_llm_http_t http = {.method = "GET",
        .url = self->at.whole,
        .headers = headers,
        .ca_file = fetch->config->ca_file,
        .keep_header = "location",
        .may_connect = may_connect,
        .limits = {CONNECT_MS, left, left, left, (size_t)fetch->config->size_max}};
    return fetch->web->start(fetch->transfers, &http, &transfer_ops, self, &self->transfer);
}

static void go(visit_t *self) {
    if (!is_allowed(self))
        tr_tool_call_fail(self->call, TR_TOOL_FORBIDDEN,
            "%.200s is no place that may be asked; the rules are under allow", self->at.whole);
    else if (ask(self) < 0)
        tr_tool_call_fail(self->call, TR_TOOL_FAILED, "out of memory");
    else
        return;
    free_visit(self);
}

/* ---- the tool ---- */

static int need_transfers(fetch_t *self, tr_error_t *error) {
    return self->transfers ? 0 : self->web->open(self->loop, &self->transfers, error);
}

static void start(tr_tool_call_t *call) {
    fetch_t *self = (fetch_t *)call->tool;
    tr_error_t error = {0};
    tr_web_url_t at;
    const char *url = json_string_value(json_object_get(call->arguments, "url"));
    if (self->web->url(NULL, url, &at) < 0) {
        tr_tool_call_fail(call, TR_TOOL_INVALID, "url: expected one of http or https, without a user");
        return;
    }
    visit_t *visit = calloc(1, sizeof *visit);
    if (!visit || need_transfers(self, &error) < 0) {
        tr_tool_call_fail(call, TR_TOOL_FAILED, "%s", visit ? error.text : "out of memory");
        free(visit);
        return;
    }
    *visit = (visit_t){.fetch = self, .call = call, .at = at};
    tr_buffer_init(&visit->came, (size_t)self->config->size_max);
    call->state = visit;
    go(visit);
}

static void cancel(tr_tool_call_t *call) {
    free_visit(call->state);
}

static void destroy(tr_tool_t *tool) {
    fetch_t *self = (fetch_t *)tool;
    if (self->transfers)
        self->web->close(&self->transfers);
    json_decref(self->schema);
    free(self);
}

static const tr_tool_ops_t ops = {start, cancel, destroy};

#define AT(member) offsetof(fetch_config_t, member)

static bool is_said(const char *text, size_t len) {
    (void)text;
    return len > 0;
}

static const tr_yaml_field_t fields[] = {
    TR_TOOL_FIELDS,
    {"allow", TR_YAML_TEXTS, AT(allow), true, 1, 256, .check = tr_allow_is_rule,
        .expected = "a place such as https://example.org/ or http://127.0.0.1:8080/manual/"},
    {"private", TR_YAML_TRUTH, AT(is_private)},
    {"redirects", TR_YAML_WHOLE, AT(redirects), .min = 0, .max = 20},
    {"size-max", TR_YAML_WHOLE, AT(size_max), .min = 1, .max = 64 << 20},
    {"ca-file", TR_YAML_TEXT, AT(ca_file), .check = is_said,
        .expected = "the path of a file of certificates"},
};

static const fetch_config_t initial = {.common = TR_TOOL_COMMON, .redirects = 5, .size_max = SIZE_MAX_B};
static const tr_yaml_table_t table = {
    fields, sizeof fields / sizeof *fields, sizeof(fetch_config_t), &initial, 0, NULL};

static int open_fetch(
    tr_tools_t *tools, const char *name, const tr_tool_config_t *config, tr_error_t *error) {
    const tr_web_module_t *web;
    int rc = tr_web_load(&web, error);
    if (rc < 0)
        return rc;
    fetch_t *self = calloc(1, sizeof *self);
    if (!self || !(self->schema = json_loads(SCHEMA, 0, NULL))) {
        free(self);
        return tr_error_set(error, -ENOMEM, "out of memory");
    }
    self->config = (const fetch_config_t *)config;
    self->web = web;
    self->loop = &tools->loop;
    self->tool = (tr_tool_t){.ops = &ops,
        .name = name,
        .description = "Fetches a page of the web and gives its text. Only some places may be asked.",
        .repeatable = true,
        .parameters = self->schema};
    tr_tool_take_config(&self->tool, config, NULL);
    rc = tr_tools_add(tools, &self->tool);
    return rc < 0 ? tr_error_set(error, rc, "cannot be added: %s", strerror(-rc)) : 0;
}

const tr_tool_kind_t tr_tool_kind_fetch = {"fetch", &table, open_fetch};

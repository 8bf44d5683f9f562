/* Messages that outlive their turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/agent/host_fixture.h"

static const tr_behaviour_t idle = {.abi = TR_BEHAVIOUR_ABI, .name = "idle"};

/* The session that named its topic may have ended when it is looked at. */
static void what_is_kept_knows_its_topic(void **state) {
    (void)state;
    static const tr_kind_t kinds[] = {TR_KIND_PUBLISH, TR_KIND_GAP};
    tr_host_t *host = tr_fixture_host();
    tr_agent_t *agent = tr_fixture_agent(host, "ann", &idle);
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[TR_RECORD_HEADER];
        tr_record_t record = {.h = {.length = sizeof bytes, .kind = (uint8_t)kinds[i]}, .bytes = bytes};
        record.envelope = record.content = bytes + sizeof bytes;
        tr_record_header_write(&record.h, bytes);
        tr_fixture_topic(host, "news.a");
        tr_message_view(host->view, agent, &record, 1);
        tr_message_t *kept = tr_message_keep(host->view);
        assert_non_null(kept);
        tr_fixture_topic(host, "");
        assert_string_equal(tr_message_topic(kept), "news.a");
        tr_message_done(&kept);
    }
    tr_host_destroy(&host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_knows_its_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

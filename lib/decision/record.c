#include "lib/decision/record.h"

#include "lib/decision/count.h"

uint64_t tr_record_weight(uint32_t right, uint32_t wrong) {
    return 2 * TR_WEIGHT_ONE * ((uint64_t)right + 1) / ((uint64_t)right + wrong + 2);
}

/* troupe-gateway: the fleet for browsers and for programs that speak HTTP. */
#include "gateway/gateway.h"

int main(int argc, char **argv) {
    tr_gateway_options_t options;
    int code = tr_gateway_options_read(argc, argv, &options);
    if (code != TR_RESIDENT_GO)
        return code;
    tr_gateway_t *gateway = NULL;
    code = tr_gateway_new(&options, &gateway);
    if (code == 0)
        code = tr_gateway_run(gateway);
    tr_gateway_destroy(&gateway);
    tr_gateway_options_finish(&options);
    return code;
}

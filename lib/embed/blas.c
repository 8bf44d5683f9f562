#include "lib/embed/blas.h"
#include "lib/base/process.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "OPENBLAS_CORETYPE"
#define OPENBLAS "libopenblas.so.0"
#define UNKNOWN  "Prescott" /* what it takes every processor for that it does not know */

/* NULL: none that are better than what it has for all. */
static const char *find_kernels(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

bool tr_blas_tell(void) {
    const char *kernels = find_kernels();
    void *loaded = dlopen(OPENBLAS, RTLD_LAZY | RTLD_NOLOAD);
    if (loaded)
        dlclose(loaded);
    return kernels && !loaded && !getenv(VARIABLE) && setenv(VARIABLE, kernels, 0) == 0;
}

void tr_blas_forget(void) {
    unsetenv(VARIABLE);
}

/* Whether the OpenBLAS that this program is linked with does not know the processor. */
static bool is_lost(void) {
    const char *(*name)(void) = NULL;
    *(void **)&name = dlsym(RTLD_DEFAULT, "openblas_get_corename");
    return name && strcmp(name(), UNKNOWN) == 0;
}

void tr_blas_choose(char **argv) {
    char path[PATH_MAX]; /* not the link itself: by its name the process would be called "exe" */
    const char *kernels = find_kernels();
    if (!kernels || getenv(VARIABLE) || !is_lost())
        return;
    if (tr_process_program(path, sizeof path) < 0 || setenv(VARIABLE, kernels, 0) < 0)
        return;
    execv(path, argv);
    tr_blas_forget();
}

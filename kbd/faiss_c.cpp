/*
 * Those functions of FAISS's C interface that kbd uses, as its headers declare them: Debian's libfaiss has the headers and not one of the
 * functions. Where a libfaiss_c is installed, this file is left out.
 */
#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/faiss_c.h>

#include <faiss/IndexFlat.h>

#include <exception>
#include <string>

static thread_local std::string last_error;

/* No exception may leave into C. */
template <typename Function> static int guarded(Function function) {
    try {
        function();
        return OK;
    } catch (const std::exception &e) {
        last_error = e.what();
        return STD_EXCEPT;
    } catch (...) {
        last_error = "an exception without a text";
        return UNKNOWN_EXCEPT;
    }
}

static faiss::Index *of(FaissIndex *index) {
    return reinterpret_cast<faiss::Index *>(index);
}

static const faiss::Index *of(const FaissIndex *index) {
    return reinterpret_cast<const faiss::Index *>(index);
}

extern "C" {

const char *faiss_get_last_error() {
    return last_error.c_str();
}

int faiss_IndexFlat_new_with(FaissIndexFlat **p_index, idx_t d, FaissMetricType metric) {
    return guarded([=] {
        *p_index = reinterpret_cast<FaissIndexFlat *>(
            new faiss::IndexFlat(d, static_cast<faiss::MetricType>(metric)));
    });
}

void faiss_IndexFlat_xb(FaissIndexFlat *index, float **p_xb, size_t *p_size) {
    faiss::IndexFlat *flat = dynamic_cast<faiss::IndexFlat *>(of(index));
    *p_xb = flat->get_xb();
    *p_size = flat->codes.size() / sizeof(float);
}

void faiss_Index_free(FaissIndex *obj) {
    delete of(obj);
}

idx_t faiss_Index_ntotal(const FaissIndex *index) {
    return of(index)->ntotal;
}

int faiss_Index_add(FaissIndex *index, idx_t n, const float *x) {
    return guarded([=] { of(index)->add(n, x); });
}

int faiss_Index_search(
    const FaissIndex *index, idx_t n, const float *x, idx_t k, float *distances, idx_t *labels) {
    return guarded([=] { of(index)->search(n, x, k, distances, labels); });
}
}

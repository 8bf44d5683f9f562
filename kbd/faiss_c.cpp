/*
 * Those functions of FAISS's C interface that kbd uses, as its headers declare them: Debian's libfaiss has the headers and not one of the
 * functions. Where a libfaiss_c is installed, this file is left out.
 */
#include <faiss/c_api/AutoTune_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/faiss_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>

#include <faiss/AutoTune.h>
#include <faiss/Index.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>

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

int faiss_index_factory(FaissIndex **p_index, int d, const char *description, FaissMetricType metric) {
    return guarded([=] {
        *p_index = reinterpret_cast<FaissIndex *>(
            faiss::index_factory(d, description, static_cast<faiss::MetricType>(metric)));
    });
}

int faiss_write_index(const FaissIndex *idx, FILE *f) {
    return guarded([=] { faiss::write_index(of(idx), f); });
}

int faiss_read_index(FILE *f, int io_flags, FaissIndex **p_out) {
    return guarded([=] { *p_out = reinterpret_cast<FaissIndex *>(faiss::read_index(f, io_flags)); });
}

int faiss_ParameterSpace_new(FaissParameterSpace **space) {
    return guarded([=] { *space = reinterpret_cast<FaissParameterSpace *>(new faiss::ParameterSpace()); });
}

void faiss_ParameterSpace_free(FaissParameterSpace *obj) {
    delete reinterpret_cast<faiss::ParameterSpace *>(obj);
}

int faiss_ParameterSpace_set_index_parameter(
    const FaissParameterSpace *space, FaissIndex *index, const char *name, double value) {
    return guarded([=] {
        reinterpret_cast<const faiss::ParameterSpace *>(space)->set_index_parameter(of(index), name, value);
    });
}

int faiss_Index_d(const FaissIndex *index) {
    return of(index)->d;
}

int faiss_Index_train(FaissIndex *index, idx_t n, const float *x) {
    return guarded([=] { of(index)->train(n, x); });
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

/* runtime/rcf/rcf.h -- robust random cut forests: how unlike what came before is this record? README.md has
 * the model. One thread owns a forest. */
#ifndef WR_RUNTIME_RCF_H
#define WR_RUNTIME_RCF_H

#include "core/core.h"

typedef struct wr_rcf wr_rcf;
typedef struct wr_rcf_opts {
    uint32_t dims;       /* values of a record, 1.. */
    uint32_t shingle;    /* records that make a point, 1..; dims * shingle <= WR_RCF_POINT_MAX */
    uint32_t trees;      /* 1 .. WR_RCF_TREES_MAX */
    uint32_t sample;     /* points of a tree, 2 .. WR_RCF_SAMPLE_MAX */
    uint64_t time_decay; /* points after which a point's weight has fallen to 1/e, 1.. */
    uint64_t seed;
} wr_rcf_opts;
#define WR_RCF_POINT_MAX  65536
#define WR_RCF_TREES_MAX  10000
#define WR_RCF_SAMPLE_MAX 65536

/* The most that a forest ever takes [bytes], while it grows; UINT64_MAX for options that are out of range. */
uint64_t wr_rcf_bytes_max(const wr_rcf_opts *o);
/* Owner of *outp: the caller. WR_EINVAL when an option is out of range. */
wr_status wr_rcf_new(const wr_rcf_opts *o, wr_rcf **outp, wr_err *err) WR_MUST_USE;
void wr_rcf_free(wr_rcf *f); /* NULL is allowed */

/* Scores a record against those before it, then learns it. values: opts.dims of them. *scorep: 0 while the
 * forest has had fewer than `sample` points, NaN when a value is NaN or infinite: such a record is passed
 * over, as if it had not been. parts: NULL, or room for 2 * dims, which get what each column adds to the
 * score by being low [2 c] and by being high [2 c + 1]; they sum to the score. WR_ENOMEM: nothing has
 * changed. */
wr_status wr_rcf_push(wr_rcf *f, const double *values, double *scorep, double *parts,
                      wr_err *err) WR_MUST_USE;

uint64_t wr_rcf_bytes(const wr_rcf *f); /* what it takes now; O(1) */

/* A forest as bytes; and into one just made with the same options: it goes on as the saved one would have.
 * load checks everything; WR_EDATA: the bytes are not those of such a forest, which is then only good for
 * _free. */
wr_status wr_rcf_save(const wr_rcf *f, wr_buf *to) WR_MUST_USE;
wr_status wr_rcf_load(wr_rcf *f, const char *bytes, size_t n, wr_err *err) WR_MUST_USE;

#endif

/* runtime/owners.c -- whose rows a snapshot's are.
 *
 *   the part "owners": secret of hashing (2 x 8 bytes), sample (8), workers (4), little-endian
 *
 * Keys are dealt to workers by a hash with a secret, a new one for each process, so that nobody can choose
 * keys that all fall to one worker or into one place of a table. A process that goes on with one job takes
 * the secret of its snapshot; then each worker owns the same keys as before, and need not look at the
 * others'. The sample is a hash of what never changes: another version of weir may hash in another way. Where
 * the secret, the sample or the number of workers differs, rows are dealt out anew: it takes longer, that is
 * all. */
#include "job_int.h"

typedef struct owners {
    uint64_t a, b, sample;
    uint32_t workers;
} owners;

#define BYTES 28

static uint64_t sample(void) {
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    wr_str longer = wr_str_make(text, sizeof text - 1), shorter = wr_str_make(text, 5);
    uint64_t h = wr_hash_mix(WR_HASH_SEED, wr_keyed_u64(42, wr_hash_secret));
    h = wr_hash_mix(h, wr_keyed_str(&longer, wr_hash_secret));
    h = wr_hash_mix(h, wr_keyed_str(&shorter, wr_hash_secret));
    return wr_hash_mix(h, WR_HASH_NULL) + wri_exchange_target(UINT64_MAX / 3, 100);
}

wr_status wri_owners_pack(const wr_job *j, wr_buf *out, wr_err *err) {
    char p[BYTES];
    owners o = {wr_hash_secret.a, wr_hash_secret.b, sample(), j->n_workers};
    memcpy(p, &o.a, 8);
    memcpy(p + 8, &o.b, 8);
    memcpy(p + 16, &o.sample, 8);
    memcpy(p + 24, &o.workers, 4);
    return wr_buf_put(out, p, sizeof p) == WR_OK ? WR_OK : wr_fail_oom(err, "a snapshot");
}

static bool read_owners(const char *p, size_t n, owners *o) {
    if (!p || n != BYTES) return false;
    memcpy(&o->a, p, 8);
    memcpy(&o->b, p + 8, 8);
    memcpy(&o->sample, p + 16, 8);
    memcpy(&o->workers, p + 24, 4);
    return true;
}

bool wri_owners_same(const wr_job *j, const wr_snapshot *from) {
    const wr_saved_part *p = wr_snapshot_part(from, WRI_OWNERS);
    owners o;
    return p && p->n == 1 && read_owners(p->pieces[0].data, p->pieces[0].len, &o) &&
           o.a == wr_hash_secret.a && o.b == wr_hash_secret.b && o.sample == sample() &&
           o.workers == j->n_workers;
}

bool wr_state_adopt(const wr_sys *sys, const char *dir) {
    wr_buf part = {0};
    owners o;
    bool ok =
        wr_snapshots_peek(sys, dir, WRI_OWNERS, &part, NULL) == WR_OK && read_owners(part.data, part.len, &o);
    if (ok) wr_hash_secret_set(o.a, o.b);
    wr_buf_free(&part);
    return ok;
}

typedef struct looking {
    const wr_sys *sys;
    const char *dir, *below;
    bool found;
} looking;

static void look_at(void *ctx, const char *name) {
    looking *l = ctx;
    char path[4096];
    if (l->found || snprintf(path, sizeof path, "%s/%s/%s", l->dir, name, l->below) >= (int)sizeof path)
        return;
    l->found = wr_state_adopt(l->sys, path);
}

bool wr_state_adopt_any(const wr_sys *sys, const char *dir, const char *below) {
    looking l = {.sys = sys, .dir = dir, .below = below};
    return sys->list(dir, look_at, &l) == 0 && l.found;
}

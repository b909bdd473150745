/* runtime/ops/match_memo.c -- searches that have failed, where conditions depend on the path; see match.h.
 *
 * Whether a match can be completed from a position at a row depends on the path to there only through what
 * conditions read of it: the values of the rows that LAST and FIRST name, or may name once rows have been
 * added, and the states of aggregates. A mark is the hash of these, the row and the position; paths that are
 * alike in it fail alike, so patterns such as (A | B)* with A.x < LAST(A.x) cost rows x positions x values,
 * not 2^rows. Marks of failures are kept in a table of fixed size, shared by all keys, in which a newer one
 * takes an older one's place: what is forgotten is searched again, which costs time and nothing else.
 * 128 bits make two different states with one mark as good as impossible. */
#include <xxhash.h>

#include "match.h"

/* 1 MiB; little in debug builds, so that small tests see marks that are replaced. */
#ifdef WR_DEBUG
#define TABLE_BITS 6
#else
#define TABLE_BITS 16
#endif
#define ROWS_MAX 64 /* of the path, in one mark; patterns that look further back do without */

void wri_mmemo_init(wri_matcher *m) {
    const wr_match_spec *s = m->s;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < s->n_dvalues; i++) {
        const wr_match_value *v = &s->dvalues[i];
        if (v->what == WR_MATCH_NAV || v->what == WR_MATCH_CLASSIFIER) rows += v->last ? v->offset + 1 : 1;
    }
    m->memo.works = m->links && !m->daggs.owns && rows <= ROWS_MAX;
}

void wri_mmemo_free(wri_mmemo *k) {
    wr_free(k->table);
    wr_buf_free(&k->text);
}

/* ---- marks ---- */

static wr_status put_int(wri_mmemo *k, uint64_t v) { return wr_buf_put(&k->text, &v, sizeof v); }

static wr_status put_value(wri_matcher *m, const wri_mpart *p, const wr_match_value *v, uint32_t frame) {
    wri_mmemo *k = &m->memo;
    if (frame == 0) return put_int(k, 0);
    uint32_t var = m->s->pos[p->frames[frame].pos].var, at = 0;
    if (v->what == WR_MATCH_CLASSIFIER) return put_int(k, var + 1);
    uint32_t slot = wri_mpart_ahead(p, p->start + frame - 1, v->ahead);
    const wr_col *c = slot == WRI_MR_NONE ? NULL : wri_mr_col(&m->rows, slot, v->col, &at);
    if (!c || wr_is_null(c, at)) return put_int(k, 1);
    WR_TRY(put_int(k, 2));
    if (c->phys != WR_STR) return put_int(k, (uint64_t)c->i64[at]);
    WR_TRY(put_int(k, c->str[at].len));
    return wr_buf_put(&k->text, wr_str_data(&c->str[at]), c->str[at].len);
}

/* What v is now, and what it may become when rows are added to the path. */
static wr_status put_context(wri_matcher *m, wri_mpart *p, const wr_match_value *v) {
    if (v->self || v->what == WR_MATCH_AGG || v->what == WR_MATCH_NUMBER) return WR_OK;
    uint32_t left;
    if (!v->last) {
        uint32_t at = wri_mpath_first(m, p, v->vars, v->offset, &left);
        return at ? put_value(m, p, v, at) : put_int(&m->memo, 3 + (uint64_t)left);
    }
    for (uint32_t i = 0; i <= v->offset; i++) {
        uint32_t at = wri_mpath_last(m, p, v->vars, i);
        WR_TRY(put_value(m, p, v, at));
        if (at == 0) break;
    }
    return WR_OK;
}

wr_status wri_mmemo_mark(wri_matcher *m, wri_mpart *p, wri_mmark *out, wr_err *err) {
    wri_mmemo *k = &m->memo;
    const wr_match_spec *s = m->s;
    k->text.len = 0;
    wr_status st = put_int(k, p->tried->serial);
    if (st == WR_OK) st = put_int(k, p->tried->gone + p->start + p->depth);
    if (st == WR_OK) st = put_int(k, p->frames[p->depth].pos);
    if (st == WR_OK) st = put_int(k, m->numbers ? wri_mr_key(m, p->gid)->matches : 0);
    for (uint32_t i = 0; i < s->n_dvalues && st == WR_OK; i++) st = put_context(m, p, &s->dvalues[i]);
    if (st == WR_OK && m->daggs.n) {
        WR_TRY(wri_mcond_fold(m, p, err));
        st = wr_buf_put(&k->text, p->path->states + m->daggs.stride, m->daggs.stride);
    }
    if (st != WR_OK) return wr_fail_oom(err, "a match under way");
    XXH128_hash_t h = XXH3_128bits(k->text.data, k->text.len);
    *out = (wri_mmark){h.low64 | 1, h.high64}; /* never all zero, which is no mark */
    return WR_OK;
}

/* ---- the table ---- */

/* The mark as it is where the failure holds for one start only. */
static wri_mmark of_start(const wri_mpart *p, wri_mmark k) {
    k.b ^= (p->tried->gone + p->start + 1) * UINT64_C(0x9E3779B97F4A7C15);
    return k;
}

static bool has(const wri_mmemo *k, wri_mmark x) {
    const wri_mmark *at = &k->table[(x.a ^ x.b) >> (64 - TABLE_BITS)];
    return at->a == x.a && at->b == x.b;
}

bool wri_mmemo_failed(const wri_matcher *m, wri_mpart *p, wri_mmark mark) {
    if (!m->memo.table) return false;
    if (has(&m->memo, mark)) return true;
    if (!m->s->within_us || !has(&m->memo, of_start(p, mark))) return false;
    p->frames[p->depth].cut = true;
    return true;
}

void wri_mmemo_fail(wri_matcher *m, const wri_mpart *p, wri_mmark mark, bool cut) {
    wri_mmemo *k = &m->memo;
    if (!k->table) k->table = wr_calloc(1u << TABLE_BITS, sizeof *k->table);
    if (!k->table) return; /* it goes without, only slower */
    if (cut) mark = of_start(p, mark);
    k->table[(mark.a ^ mark.b) >> (64 - TABLE_BITS)] = mark;
}

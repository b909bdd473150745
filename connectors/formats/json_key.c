/* connectors/formats/json_key.c -- what the scanner learns: members and the layout of a whole record.
 *
 * Members: a hash table with every member that a column wants and, as they turn up, those that none does.
 *
 * Layout: one record as gap, value, gap, …, tail. Up to WRI_JSON_LAYOUTS are kept. The hot one is what two
 * cursors run through in step; a record that leaves it goes on in another one with the same beginning. A
 * record that fits none costs credit, the others give some back; without credit the next such record is
 * learnt. */
#include "connectors/formats/json_int.h"

#define CREDIT_NEW   256
#define PATIENCE_MAX 1024
#define SCORE_NEW    16 /* enough to be tried for some strips */

static void insert(wri_json_keys *keys, wri_json_key *k) {
    uint32_t i = (uint32_t)(wri_json_key_hash(k->name, k->len) >> keys->shift);
    while (keys->table[i]) i = (i + 1) & keys->mask;
    keys->table[i] = k;
}

/* Names are kept with their closing quote, which makes an equal text an equal name, and with padding, as the
 * scanner compares whole vectors. */
static wri_json_key *key_make(wri_json *d, const char *p, size_t len) {
    wri_json_key *k = wr_arena_calloc(&d->ar, sizeof *k);
    char *name = wr_arena_calloc(&d->ar, len + 1 + WR_PAD);
    if (!k || !name) return NULL;
    memcpy(name, p, len);
    name[len] = '"';
    k->name = name;
    k->len = (uint32_t)len;
    return k;
}

wr_status wri_json_keys_init(wri_json *d, wr_err *err) {
    wri_json_keys *keys = &d->keys;
    keys->shift = 58;
    while (UINT32_C(1) << (64 - keys->shift) < 4 * (d->tree.root.n_keys + WRI_JSON_KEYS_MAX)) keys->shift--;
    keys->mask = (UINT32_C(1) << (64 - keys->shift)) - 1;
    keys->table = wr_arena_calloc(&d->ar, (keys->mask + 1) * sizeof *keys->table);
    keys->covered = wr_arena_calloc(&d->ar, (d->n_words + 1) * sizeof *keys->covered);
    keys->trace = wr_arena_alloc(&d->ar, WRI_JSON_STEPS_MAX * sizeof *keys->trace);
    keys->patience = 1;
    if (!keys->table || !keys->covered || !keys->trace) return wr_fail_oom(err, "a JSON decoder");
    for (const wri_json_node *n = d->tree.root.keys; n; n = n->next) {
        if (!wr_utf8_valid(n->key, n->key_len)) continue; /* no record can have it */
        wri_json_key *k = key_make(d, n->key, n->key_len);
        if (!k) return wr_fail_oom(err, "a JSON decoder");
        k->node = n;
        k->how = WRI_JSON_MEMBER;
        wri_json_col *only = n->n_cols == 1 && n->n_under == 1 ? &d->cols[n->cols[0]] : NULL;
        if (only && only->how != WRI_JSON_MEMBER) {
            only->node = n;
            k->col = only;
            k->how = only->how;
        }
        insert(keys, k);
    }
    return WR_OK;
}

wri_json_key *wri_json_key_new(wri_json *d, const char *p, size_t len) {
    wri_json_keys *keys = &d->keys;
    if (keys->n_unwanted >= WRI_JSON_KEYS_MAX || len > 4 * WRI_JSON_GAP_MAX) return &keys->any;
    wri_json_key *k = key_make(d, p, len);
    if (!k) return &keys->any; /* does as well, only slower */
    keys->n_unwanted++;
    insert(keys, k);
    return k;
}

static bool add_step(wri_json_layout *l, const char *gap, size_t len, wri_json_key *k) {
    if (len > WRI_JSON_GAP_MAX) return false;
    size_t cap = l->cap;
    if (wr_grow(&l->steps, &cap, l->n + 1u, sizeof *l->steps) != WR_OK) return false;
    l->cap = (uint32_t)cap;
    wri_json_step *s = &l->steps[l->n++];
    *s = (wri_json_step){.len = (uint32_t)len, .how = WRI_JSON_TAIL, .key = k};
    memcpy(s->gap, gap, len);
    if (k) {
        s->how = k->how;
        s->col = k->col;
    }
    return true;
}

/* Makes l of the record traced; false: it cannot be one, or memory is short. */
static bool layout_fill(wri_json *d, wri_json_layout *l, const char *tail, size_t len) {
    wri_json_keys *keys = &d->keys;
    l->n = l->n_missing = l->score = 0;
    l->served = false;
    if (!l->missing && !(l->missing = wr_arena_alloc(&d->ar, (d->n_cols + 1) * sizeof *l->missing)))
        return false;
    memset(keys->covered, 0, d->n_words * sizeof *keys->covered);
    for (uint32_t i = 0; i < keys->n_trace; i++) {
        const wri_json_seen *t = &keys->trace[i];
        if (!add_step(l, t->gap, t->len, t->key)) return false;
        for (uint32_t u = 0; t->key->node && u < t->key->node->n_under; u++)
            wr_bit_set(keys->covered, t->key->node->under[u]);
    }
    if (!add_step(l, tail, len, NULL)) return false;
    l->n--;
    for (uint32_t c = 0; c < d->n_cols; c++)
        if (!wr_bit(keys->covered, c)) l->missing[l->n_missing++] = c;
    return l->n > 0;
}

static uint32_t common_steps(const wri_json_layout *a, const wri_json_layout *b) {
    uint32_t i = 0;
    while (i < a->n && i < b->n && a->steps[i].key == b->steps[i].key && a->steps[i].len == b->steps[i].len &&
           memcmp(a->steps[i].gap, b->steps[i].gap, a->steps[i].len) == 0)
        i++;
    return i;
}

void wri_json_layout_adopt(wri_json *d, const char *tail, size_t len) {
    wri_json_keys *keys = &d->keys;
    uint32_t to = keys->n_layouts;
    if (to == WRI_JSON_LAYOUTS) { /* in the place of the least useful one; the trace may lie in the hot one */
        to = keys->hot == 0;
        for (uint32_t i = to; i < WRI_JSON_LAYOUTS; i++)
            if (i != keys->hot && keys->layouts[i].score < keys->layouts[to].score) to = i;
        if (keys->layouts[to].served) keys->patience = 1;
        else if (keys->patience < PATIENCE_MAX) keys->patience *= 2;
    }
    keys->credit = CREDIT_NEW * keys->patience;
    wri_json_layout *l = &keys->layouts[to];
    if (!layout_fill(d, l, tail, len)) return; /* its score is 0 now */
    l->score = SCORE_NEW;
    if (to == keys->n_layouts) keys->n_layouts++;
    for (uint32_t i = 0; i < keys->n_layouts; i++)
        l->common[i] = keys->layouts[i].common[to] = common_steps(l, &keys->layouts[i]);
}

void wri_json_layout_judge(wri_json_keys *keys) {
    uint32_t best = keys->hot;
    for (uint32_t i = 0; i < keys->n_layouts; i++)
        if (keys->layouts[i].score > keys->layouts[best].score) best = i;
    /* Twice as good, so that two equal ones do not take turns. */
    if (keys->layouts[best].score > 2 * keys->layouts[keys->hot].score + WRI_JSON_STRIP) keys->hot = best;
    for (uint32_t i = 0; i < keys->n_layouts; i++) keys->layouts[i].score -= (keys->layouts[i].score + 3) / 4;
}

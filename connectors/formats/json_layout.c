/* connectors/formats/json_layout.c -- what records look like: layouts, how they are learnt, kept and chosen.
 *
 * A layout is one record as gap, value, gap, …, tail. Up to WRI_JSON_LAYOUTS are kept. The hot one is what
 * two cursors run through in step; a record that leaves it goes on in another one with the same beginning. A
 * record that fits none costs credit, the others give some back; without credit the next such record is
 * learnt.
 *
 * Learning walks once more over the text of a record that has been read, so it takes for granted that this is
 * JSON. Objects are opened, wanted or not, since reading values one by one is fast; but where that makes
 * layouts that never fit again (members come and go), the next ones take objects as a whole. */
#include "connectors/formats/json_int.h"

#define CREDIT_NEW   256
#define PATIENCE_MAX 1024
#define SHALLOW      4  /* patience from which on objects are taken as a whole */
#define SCORE_NEW    16 /* enough to be tried for some strips */
#define SERVED_WELL  64 /* records */

typedef struct walk {
    wri_json *d;
    wri_json_layout *l;
    const char *p, *end;
    const char *gap; /* end of the last value */
    bool deep;       /* open objects */
    bool ok;
} walk;

static bool add_step(walk *w, const wri_json_node *node, uint32_t depth, uint8_t how) {
    wri_json_layout *l = w->l;
    size_t len = (size_t)(w->p - w->gap), cap = l->cap;
    if (len > WRI_JSON_GAP_MAX || l->n == WRI_JSON_STEPS_MAX) return false;
    if (wr_grow(&l->steps, &cap, l->n + 1u, sizeof *l->steps) != WR_OK) return false;
    l->cap = (uint32_t)cap;
    wri_json_step *s = &l->steps[l->n++];
    memset(s, 0, sizeof *s); /* padding, too: steps are compared as bytes */
    s->len = (uint32_t)len;
    s->how = how;
    s->depth = depth;
    s->node = node;
    memcpy(s->gap, w->gap, len);
    for (uint32_t i = 0; node && i < node->n_under; i++) wr_bit_set(w->d->keys.covered, node->under[i]);
    if (node && node->col) {
        s->col = node->col;
        s->how = node->col->how;
    }
    return true;
}

static void space(walk *w) {
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\r')) w->p++;
}

/* Behind the closing quote; false: there were escapes. */
static bool skip_string(walk *w) {
    bool plain = true;
    for (w->p++; w->p < w->end && *w->p != '"'; w->p++)
        if (*w->p == '\\') {
            plain = false;
            w->p++;
        }
    w->p++;
    return plain;
}

static void skip_value(walk *w) {
    uint32_t open = 0;
    do {
        char c = *w->p;
        if (c == '"') {
            skip_string(w);
            continue;
        }
        if (open == 0 && (c == ',' || c == '}' || c == ']' || (unsigned char)c <= ' '))
            return; /* behind a scalar */
        open += c == '{' || c == '[';
        open -= c == '}' || c == ']';
        w->p++;
        if (open == 0 && (c == '}' || c == ']')) return;
    } while (w->p < w->end && (open > 0 || w->p[-1] != '"'));
}

/* The members of the object at w->p; node NULL: not wanted. */
static void walk_object(walk *w, const wri_json_node *node, uint32_t depth) {
    w->p++;
    for (space(w); w->ok && w->p < w->end && *w->p != '}'; space(w)) {
        const char *name = w->p + 1;
        if (!skip_string(w)) w->ok = false; /* a name with escapes */
        wri_json_node *n = node ? wri_json_tree_member(node, name, (size_t)(w->p - name) - 1) : NULL;
        if (n && n->learnt == w->d->keys.n_learnt) w->ok = false; /* twice: the last one counts */
        if (n) n->learnt = w->d->keys.n_learnt;
        space(w);
        w->p++; /* ':' */
        space(w);
        if (!w->ok) return;
        if (*w->p == '{' && w->deep && (!n || n->n_cols == 0))
            walk_object(w, n, depth + 1); /* JSON read: depth is bounded */
        else {
            w->ok = add_step(w, n, depth, n ? WRI_JSON_MEMBER : WRI_JSON_SKIP);
            skip_value(w);
            w->gap = w->p;
        }
        space(w);
        w->p += w->p < w->end && *w->p == ',';
    }
    w->p++;
}

/* Makes l of the record; false: it cannot be one, or memory is short. */
static bool layout_fill(wri_json *d, wri_json_layout *l, const char *p, const char *end) {
    wri_json_keys *keys = &d->keys;
    walk w = {.d = d, .l = l, .p = p, .end = end, .gap = p, .deep = keys->patience < SHALLOW, .ok = true};
    l->n = l->n_missing = l->score = l->served = 0;
    if (!l->missing && !(l->missing = wr_arena_alloc(&d->ar, (d->n_cols + 1) * sizeof *l->missing)))
        return false;
    memset(keys->covered, 0, d->n_words * sizeof *keys->covered);
    keys->n_learnt++;
    space(&w);
    walk_object(&w, &d->tree.root, 1);
    w.p = end;
    if (!w.ok || l->n == 0 || !add_step(&w, NULL, 1, WRI_JSON_TAIL)) return false;
    l->n--;
    for (uint32_t c = 0; c < d->n_cols; c++)
        if (!wr_bit(keys->covered, c)) l->missing[l->n_missing++] = c;
    return true;
}

static uint32_t common_steps(const wri_json_layout *a, const wri_json_layout *b) {
    uint32_t i = 0;
    while (i < a->n && i < b->n && memcmp(&a->steps[i], &b->steps[i], sizeof a->steps[i]) == 0) i++;
    return i;
}

void wri_json_layout_learn(wri_json *d, const char *p, const char *end) {
    wri_json_keys *keys = &d->keys;
    uint32_t to = keys->n_layouts;
    bool useless = false;         /* what it replaces */
    if (to == WRI_JSON_LAYOUTS) { /* in the place of the least useful one, but not of the hot one */
        to = keys->hot == 0;
        for (uint32_t i = to; i < WRI_JSON_LAYOUTS; i++)
            if (i != keys->hot && keys->layouts[i].score < keys->layouts[to].score) to = i;
        useless = keys->layouts[to].served < SERVED_WELL;
    }
    wri_json_layout *l = &keys->layouts[to];
    bool ok = layout_fill(d, l, p, end); /* if not, its score is 0 now */
    if (!ok || useless) keys->patience = keys->patience < PATIENCE_MAX ? 2 * keys->patience : PATIENCE_MAX;
    else if (to < keys->n_layouts) keys->patience = 1;
    keys->credit = CREDIT_NEW * keys->patience;
    if (!ok) return;
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

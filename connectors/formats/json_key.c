/* connectors/formats/json_key.c -- the members of records that the scanner knows: a hash table with every
 * member that a column wants and, as they turn up, those that none does. */
#include "connectors/formats/json_int.h"

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
    k->slot = WRI_JSON_NO_SLOT;
    return k;
}

wr_status wri_json_keys_init(wri_json *d, wr_err *err) {
    wri_json_keys *keys = &d->keys;
    keys->shift = 58;
    while (UINT32_C(1) << (64 - keys->shift) < 4 * (d->tree.root.n_keys + WRI_JSON_KEYS_MAX)) keys->shift--;
    keys->mask = (UINT32_C(1) << (64 - keys->shift)) - 1;
    keys->table = wr_arena_calloc(&d->ar, (keys->mask + 1) * sizeof *keys->table);
    keys->covered = wr_arena_calloc(&d->ar, (d->n_words + 1) * sizeof *keys->covered);
    keys->patience = 1;
    keys->any.slot = WRI_JSON_NO_SLOT;
    keys->n_slots = d->n_cols;
    if (!keys->table || !keys->covered) return wr_fail_oom(err, "a JSON decoder");
    for (const wri_json_node *n = d->tree.root.keys; n; n = n->next) {
        if (!wr_utf8_valid(n->key, n->key_len)) continue; /* no record can have it */
        wri_json_key *k = key_make(d, n->key, n->key_len);
        if (!k) return wr_fail_oom(err, "a JSON decoder");
        k->node = n;
        if (n->col) k->slot = n->col->at;
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
    if (keys->n_slots < d->n_cols + WRI_JSON_SLOTS) k->slot = keys->n_slots++;
    insert(keys, k);
    return k;
}

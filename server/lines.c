/* server/lines.c -- the newest lines of something, in bounded memory. */
#include "lines.h"

#include <string.h>

#define CAP_FIRST 1024

void wri_lines_init(wri_lines *l, size_t most) {
    *l = (wri_lines){.most = CAP_FIRST};
    while (l->most < most) l->most *= 2;
    pthread_mutex_init(&l->lock, NULL);
}

void wri_lines_free(wri_lines *l) {
    wr_free(l->bytes);
    pthread_mutex_destroy(&l->lock);
}

/* Copies between the ring and p; a place goes round at cap. */
static void copy_in(wri_lines *l, uint64_t at, const char *p, size_t n) {
    size_t from = at & (l->cap - 1), k = n < l->cap - from ? n : l->cap - from;
    memcpy(l->bytes + from, p, k);
    memcpy(l->bytes, p + k, n - k);
}

static void copy_out(const wri_lines *l, uint64_t at, char *p, size_t n) {
    size_t from = at & (l->cap - 1), k = n < l->cap - from ? n : l->cap - from;
    memcpy(p, l->bytes + from, k);
    memcpy(p + k, l->bytes, n - k);
}

static uint32_t length_at(const wri_lines *l, uint64_t at) {
    uint32_t n;
    copy_out(l, at, (char *)&n, sizeof n);
    return n;
}

/* Doubles the ring until `need` bytes more fit or it is as large as it may be. */
static void grow(wri_lines *l, size_t need) {
    size_t used = (size_t)(l->head - l->tail), cap = l->cap ? l->cap : CAP_FIRST;
    while (cap < used + need && cap < l->most) cap *= 2;
    if (cap == l->cap) return;
    char *bytes = wr_alloc(cap);
    if (!bytes) return; /* older lines make room instead */
    wri_lines old = *l;
    l->bytes = bytes;
    l->cap = cap;
    for (uint64_t at = l->tail; at < l->head;) { /* in pieces that are whole in both */
        size_t from = at & (old.cap - 1), n = old.cap - from;
        if (n > l->head - at) n = (size_t)(l->head - at);
        copy_in(l, at, old.bytes + from, n);
        at += n;
    }
    wr_free(old.bytes);
}

static void put(wri_lines *l, const char *p, size_t n) {
    size_t need = n + sizeof(uint32_t);
    uint32_t len = (uint32_t)n;
    if (need <= l->most) grow(l, need);
    while (l->first < l->next && l->head - l->tail + need > l->cap) {
        l->tail += sizeof(uint32_t) + length_at(l, l->tail);
        l->first++;
    }
    l->next++;
    if (need > l->cap) { /* it is gone at once, with all before it */
        l->first = l->next;
        return;
    }
    copy_in(l, l->head, (const char *)&len, sizeof len);
    copy_in(l, l->head + sizeof len, p, n);
    l->head += need;
}

void wri_lines_put(wri_lines *l, const char *p, size_t n) {
    pthread_mutex_lock(&l->lock);
    put(l, p, n);
    pthread_mutex_unlock(&l->lock);
}

void wri_lines_at_start(wri_lines *l, wri_lines_at *at) {
    pthread_mutex_lock(&l->lock);
    *at = (wri_lines_at){.number = l->first, .place = l->tail};
    pthread_mutex_unlock(&l->lock);
}

void wri_lines_at_after(wri_lines *l, uint64_t number, wri_lines_at *at) {
    pthread_mutex_lock(&l->lock);
    *at = (wri_lines_at){.number = l->first, .place = l->tail};
    while (at->number <= number && at->number < l->next) {
        at->place += sizeof(uint32_t) + length_at(l, at->place);
        at->number++;
    }
    pthread_mutex_unlock(&l->lock);
}

uint64_t wri_lines_gone(wri_lines *l) {
    pthread_mutex_lock(&l->lock);
    uint64_t n = l->first;
    pthread_mutex_unlock(&l->lock);
    return n;
}

static wr_status next(wri_lines *l, wri_lines_at *at, wr_buf *out, uint64_t *skippedp) {
    *skippedp = 0;
    if (at->number < l->first) {
        *skippedp = l->first - at->number;
        *at = (wri_lines_at){.number = l->first, .place = l->tail};
    }
    if (at->number == l->next) return WR_AGAIN;
    uint32_t n = length_at(l, at->place);
    WR_TRY(wr_buf_reserve(out, n));
    copy_out(l, at->place + sizeof n, out->data + out->len, n);
    out->len += n;
    at->place += sizeof n + n;
    at->number++;
    return WR_OK;
}

wr_status wri_lines_next(wri_lines *l, wri_lines_at *at, wr_buf *out, uint64_t *skippedp) {
    pthread_mutex_lock(&l->lock);
    wr_status s = next(l, at, out, skippedp);
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* cli/test_clock.c -- weir test: a clock that is played.
 *
 * The wall clock shows the moment of the last turn that came. Sleeping takes no time. The monotonic clock
 * goes with it, and a thousand times slower than the real one besides, so that nobody who waits for time to
 * pass waits for ever, while no test depends on how fast the machine is.
 *
 * wr_sys has no context, so the clock is the process's: one job at a time. Workers ask from several threads.
 */
#include "test_int.h"

#include <pthread.h>

static struct {
    pthread_mutex_t lock;
    const wri_turn *turns;
    size_t n, next;
    int64_t start_us;
    int64_t now_us; /* atomic */
    wr_sys sys;
} clock_played = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t played_wall(void) { return __atomic_load_n(&clock_played.now_us, __ATOMIC_ACQUIRE); }

static int64_t played_mono(void) {
    return played_wall() - clock_played.start_us + 1 + wr_sys_real.mono_us() / 1000;
}

static int played_poll(struct pollfd *fds, nfds_t n, int timeout_ms) {
    return wr_sys_real.poll(fds, n, timeout_ms ? 0 : timeout_ms);
}

static bool has_turns(const char *stream) {
    for (size_t i = 0; i < clock_played.n; i++)
        if (strcmp(clock_played.turns[i].stream, stream) == 0) return true;
    return false;
}

static bool played(const char *stream, uint64_t item, int64_t us) {
    pthread_mutex_lock(&clock_played.lock);
    bool due = !has_turns(stream);
    if (!due && clock_played.next < clock_played.n) {
        const wri_turn *t = &clock_played.turns[clock_played.next];
        due = t->item == item && strcmp(t->stream, stream) == 0;
        clock_played.next += due;
    }
    if (due && us > clock_played.now_us) __atomic_store_n(&clock_played.now_us, us, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&clock_played.lock);
    return due;
}

const wr_sys *wri_test_clock(const wri_turn *turns, size_t n, int64_t start_us) {
    clock_played.turns = turns;
    clock_played.n = n;
    clock_played.next = 0;
    clock_played.start_us = start_us;
    __atomic_store_n(&clock_played.now_us, start_us, __ATOMIC_RELEASE);
    clock_played.sys = wr_sys_real;
    clock_played.sys.wall_us = played_wall;
    clock_played.sys.mono_us = played_mono;
    clock_played.sys.poll = played_poll;
    clock_played.sys.play = played;
    return &clock_played.sys;
}

/* The table of watched loops. */
#define _GNU_SOURCE
#include "slots.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "steps.h"
#include "threads.h"
#include "turns.h"
#include "watch.h"
#include "watchdog.h"

struct slot slots[SLOTS];
_Atomic int slots_end;
__thread struct slot *current_slot REACHED_AT_ONCE;
_Atomic int adoptions;

/* The slot that was last put to rest in this thread; use slot_at_rest(). */
static __thread struct slot *resting_slot REACHED_AT_ONCE;

_Atomic uint64_t threshold_ns = 50 * 1000 * 1000;

static _Atomic uint32_t last_stall;

uint32_t
slot_stalls(void)
{
    return atomic_load(&last_stall);
}

uint32_t
slot_stall(struct slot *slot, uint64_t turn)
{
    uint32_t tag = (uint32_t)turn, number = 0;
    uint64_t seen = atomic_load(&slot->stall);
    for (;;) {
        uint32_t seen_tag = (uint32_t)(seen >> 32);
        if (seen != 0 && seen_tag == tag) {
            return (uint32_t)seen;
        }
        if (seen != 0 && (int32_t)(seen_tag - tag) > 0) {
            return 0;
        }
        number = number != 0 ? number : atomic_fetch_add(&last_stall, 1) + 1;
        if (atomic_compare_exchange_weak(&slot->stall, &seen, (uint64_t)tag << 32 | number)) {
            return number;
        }
    }
}

/* The longest step of this turn, the unfinished one included, in ticks. */
static uint64_t
longest_step_until(const struct slot *slot, uint64_t now)
{
    uint64_t began = GET(slot->step_began), running = began == 0 ? 0 : clock_since(now, began);
    uint64_t longest = GET(slot->turn_longest_step);
    return running > longest ? running : longest;
}

/* Of the calling thread: how often it gave up its CPU by itself. */
static long
own_switches(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static void
turn_was_late(struct slot *slot, uint64_t left, uint64_t entered)
{
    uint32_t stall = slot_stall(slot, GET(slot->turns) + 1);
    uint32_t head = GET(slot->ended_head);
    if (head - atomic_load_explicit(&slot->ended_tail, memory_order_acquire) < ENDED) {
        struct ended_turn *turn = &slot->ended[head % ENDED];
        turn->left = left;
        turn->entered = entered;
        turn->away_ns = GET(slot->away_ns);
        turn->steps = GET(slot->steps) - GET(slot->turn_first_step);
        turn->longest_step = longest_step_until(slot, entered);
        turn->cpu_ns = clock_read_ns(slot->cpu_clock);
        struct scheduled scheduled = threads_scheduled(&slot->schedstat);
        turn->runq_ns = scheduled.delay_ns;
        turn->slices = scheduled.slices;
        turn->stall = stall;
        atomic_store_explicit(&slot->ended_head, head + 1, memory_order_release);
    }
    steps_turn_was_late(slot, stall, left, entered);
}

void
slot_turn_was_long(struct slot *slot, uint64_t left, uint64_t entered)
{
    int kept = errno;
    if (clock_span_ns(clock_since(entered, left)) >= GET(threshold_ns)) {
        turn_was_late(slot, left, entered);
    }
    else {
        steps_victims_turn(slot);
    }
    SET(slot->long_turn, entered);
    slot->switches = own_switches();
    slot->switches_seen = true;
    errno = kept;
}

void
slot_came_back(struct slot *slot, uint64_t now)
{
    slot->switches_seen = false;
    if (own_switches() == slot->switches) {
        slot->recent[(GET(slot->turns) - 1) % RECENT].entered = now;
    }
    else if (slot->victims_turn == 1) {
        steps_victims_turn(slot); /* its select slept, so that nobody was ready, or the thread waited for the GIL: as in a later turn */
    }
}

/* The caller is the loop's own thread. */
static void
bind(struct slot *slot)
{
    slot->outer = own_slot();
    slot->owner = &current_slot;
    current_slot = slot;
}

struct slot *
slot_adopt(int epoll_fd)
{
    pid_t tid = threads_own_tid();
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &slots[i];
        if (atomic_load(&slot->state) == SLOT_LIVE && slot->adoptable && slot->tid == tid
            && GET(slot->epoll_fd) == epoll_fd) {
            slot->adoptable = false;
            atomic_fetch_sub(&adoptions, 1);
            bind(slot);
            return slot;
        }
    }
    return NULL;
}

struct slot *
slot_find(int loop)
{
    int end = atomic_load(&slots_end);
    for (int i = 0; i < end; i++) {
        if (atomic_load(&slots[i].state) == SLOT_LIVE && slots[i].loop == loop) {
            return &slots[i];
        }
    }
    return NULL;
}

struct slot *
slot_take(int loop, int epoll_fd, pid_t tid, unsigned long ident, uintptr_t tstate, uintptr_t stack_base)
{
    struct slot *slot = NULL;
    for (int i = 0; i < SLOTS && slot == NULL; i++) {
        slot = atomic_load(&slots[i].state) == SLOT_FREE ? &slots[i] : NULL;
    }
    if (slot == NULL) {
        return NULL;
    }
    memset(slot, 0, sizeof *slot);
    bool own = tid == threads_own_tid();
    slot->loop = loop;
    slot->tid = tid;
    slot->ident = ident;
    slot->cpu_clock = threads_cpu_clock(tid);
    slot->schedstat = threads_open(tid, "schedstat");
    slot->syscall = threads_open(tid, "syscall");
    SET(slot->tstate, tstate);
    slot->stack_base = stack_base;
    SET(slot->epoll_fd, epoll_fd);
    slot->registered_ns = clock_ns();
    slot->by_steps = epoll_fd < 0;
    slot->adoptable = !own;
    if (own) {
        bind(slot);
        SET(slot->left, slot->by_steps ? 0 : clock_ticks());
    }
    else {
        atomic_fetch_add(&adoptions, 1);
    }
    watch_begin(slot);
    if (slot - slots >= atomic_load(&slots_end)) {
        atomic_store(&slots_end, (int)(slot - slots) + 1);
    }
    atomic_store(&slot->state, SLOT_LIVE);
    return slot;
}

/* Take the slot out of the loops that run in this thread, one around the other. */
static void
unbind(struct slot *slot)
{
    for (struct slot **link = &current_slot; *link != NULL; link = &(*link)->outer) {
        if (*link == slot) {
            *link = slot->outer;
            return;
        }
    }
}

struct slot *
slot_at_rest(void)
{
    struct slot *slot = resting_slot;
    bool is = slot != NULL && slot->owner == &current_slot && atomic_load(&slot->state) == SLOT_LIVE && slot->rested_ns != 0;
    return is ? slot : NULL;
}

void
slot_forget_turns(struct slot *slot)
{
    slot->victims_stall = slot->victims_left = slot->victims_turn = 0;
    slot->tally_depth = slot->tally_level = slot->hops_most = slot->hops_seen = 0;
    memset(slot->hops, 0, sizeof slot->hops);
    memset(slot->recent, 0, sizeof slot->recent);
    slot->switches_seen = false;
}

/* Nobody but the watchdog looks at a slot that rests, and it only at turns: `turns` and `away_ns` must not go back. */
static bool
hand_over(struct slot *slot, int loop)
{
    if (GET(slot->ended_head) != atomic_load_explicit(&slot->ended_tail, memory_order_acquire) || slot->tally != NULL) {
        return false;
    }
    slot->loop = loop;
    slot->registered_ns = slot->rested_ns;
    slot->turns_before = GET(slot->turns);
    slot->away_before_ns = GET(slot->away_ns);
    slot_forget_turns(slot);
    SET(slot->steps, 0);
    SET(slot->turn_first_step, 0);
    SET(slot->turn_longest_step, 0);
    SET(slot->longest_step, 0);
    SET(slot->longest_turn_ns, 0);
    memset(slot->lag, 0, sizeof slot->lag);
    return true;
}

bool
slot_rest(struct slot *slot)
{
    if (slot->owner != &current_slot || slot->rested_ns != 0) {
        return false;
    }
    unbind(slot);
    turn_ends(slot);
    slot->victims_left = slot->victims_turn = 0;
    SET(slot->epoll_fd, -1);
    slot->rested_ns = clock_ns();
    resting_slot = slot;
    return true;
}

bool
slot_run_again(struct slot *slot, int loop, int epoll_fd)
{
    if (slot->owner != &current_slot || slot->rested_ns == 0 || slot->tid != threads_own_tid()
        || (slot->loop != loop && !hand_over(slot, loop))) {
        return false;
    }
    slot->registered_ns += clock_since(clock_ns(), slot->rested_ns);
    slot->rested_ns = 0;
    SET(slot->runs, GET(slot->runs) + 1);
    slot->by_steps = epoll_fd < 0;
    SET(slot->epoll_fd, epoll_fd);
    bind(slot);
    if (!slot->by_steps) {
        turn_begins(slot);
    }
    return true;
}

void
slot_free(struct slot *slot)
{
    kept_close(&slot->schedstat);
    kept_close(&slot->syscall);
    if (slot->adoptable) {
        slot->adoptable = false;
        atomic_fetch_sub(&adoptions, 1);
    }
    slot->owner = NULL;
    atomic_store(&slot->state, SLOT_FREE);
}

void
slot_release(struct slot *slot, bool watched)
{
    if (slot->owner == &current_slot) {
        unbind(slot);
    }
    turn_ends(slot);
    SET(slot->epoll_fd, -1);
    atomic_store(&slot->state, SLOT_CLOSING);
    if (!watched) {
        slot_free(slot);
    }
}

void
slots_reset(void)
{
    for (int i = 0; i < SLOTS; i++) {
        if (atomic_load(&slots[i].state) != SLOT_FREE) {
            slot_free(&slots[i]);
        }
    }
    current_slot = NULL;
    atomic_store(&adoptions, 0);
}

/* One sample: operating system, GIL, Python stack; and the groups that samples are counted in. */
#define _GNU_SOURCE
#include "samples.h"

#include <string.h>
#include <sys/syscall.h>

#include "clock.h"
#include "gil.h"
#include "stacks.h"

const char *
samples_state_name(enum thread_state state)
{
    static const char *const NAMES[] = {"unknown", "gil", "cpu", "ready", "kernel"};
    return NAMES[state];
}

void
samples_begin(struct samples *samples, uint64_t t0, uint64_t cpu_ns, uint64_t runq_ns)
{
    samples->ns = t0;
    samples->cpu_ns = cpu_ns;
    samples->scheduled = (struct scheduled){runq_ns, 0};
    samples->unqueued = (struct unqueued){t0, cpu_ns, runq_ns};
    samples->overbooked_ns = 0;
}

void
samples_clear(struct samples *samples)
{
    samples->count = 0;
    samples->lost = 0;
    samples->gil_asked_ns = UINT64_MAX;
    samples->ask_not_loops = 0;
    samples->held = false;
    samples->state = STATE_UNKNOWN;
    samples->identity = 0;
    samples->latest = NULL;
    samples->holder.tid = 0;
    trail_clear(&samples->trail);
}

static void
observe_gil(struct sample *sample, uintptr_t tstate, bool may_wait)
{
    struct gil_view gil = gil_look();
    sample->gil_known = gil.known;
    sample->holds_gil = gil.known && gil.locked && gil.holder == tstate;
    if (may_wait && gil.locked && gil.holder != tstate) {
        sample->holder = gil_thread_of(gil.holder);
        sample->holder_stack = stacks_read(gil.holder, sample->holder, 0, NULL).reference;
    }
}

void
samples_observe(struct sample *sample, const struct kept *syscall, uintptr_t tstate)
{
    uintptr_t address;
    struct os_state os = threads_look(syscall);
    bool waits_for_gil = threads_in_futex(&os, &address) && gil_waits_at(address, os.stack);
    *sample = (struct sample){.state = STATE_UNKNOWN, .syscall = -1, .fd = -1};
    if (os.known) {
        sample->state = os.running ? STATE_CPU : waits_for_gil ? STATE_GIL : STATE_KERNEL;
        sample->syscall = os.syscall;
    }
    if (sample->state == STATE_KERNEL) {
        sample->fd = threads_target(&os, sample->target);
    }
    observe_gil(sample, tstate, waits_for_gil || sample->state == STATE_CPU);
}

/* How a thread spent the time since the sample before, in nanoseconds; `off`: neither on a CPU nor, as far as that is booked,
 * waiting for one. */
struct spent {
    uint64_t cpu, queued, off;
    bool scheduled; /* it was put on a CPU meanwhile, so that what it waited for a CPU until then is booked */
};

static struct spent
spent_since(const struct samples *before, uint64_t ns, uint64_t cpu_ns, const struct scheduled *scheduled)
{
    bool known = scheduled->delay_ns != UNKNOWN_NS && before->scheduled.delay_ns != UNKNOWN_NS;
    uint64_t elapsed = clock_since(ns, before->ns);
    struct spent spent = {
        .cpu = clock_since(cpu_ns, before->cpu_ns),
        .queued = known ? clock_since(scheduled->delay_ns, before->scheduled.delay_ns) : 0,
        .scheduled = before->scheduled.slices != 0 && scheduled->slices != before->scheduled.slices,
    };
    spent.off = clock_since(elapsed, spent.cpu + spent.queued);
    return spent;
}

/* A runnable thread has a CPU, or waits for one, or has just been woken up: told apart by how it spent the time since the sample
 * before. One that waits for the GIL is woken each 5 ms, when its wait times out and it asks anew; then most of the time is `off`
 * and it was put on a CPU, whereas the wait of one that still waits for a CPU is not booked yet, and it was not. */
static void
refine_running(struct sample *sample, const struct samples *before, const struct spent *spent)
{
    if (sample->state != STATE_CPU) {
        return;
    }
    bool off = spent->off > spent->cpu && spent->off > spent->queued;
    bool asked = before->state == STATE_GIL || (spent->scheduled && before->state != STATE_KERNEL);
    if (off && asked && sample->holder != 0) {
        sample->state = STATE_GIL;
        sample->syscall = SYS_futex;
        return;
    }
    sample->holder = 0;
    sample->holder_stack = NO_STACK;
    if (off || spent->queued > spent->cpu) {
        sample->state = STATE_READY;
    }
}

/* A thread that was seen to wait, and has been put on a CPU not more than once since, was in that wait until then: all but what it ran
 * and queued for afterwards. So one look tells of a long wait, though who looks got no CPU for the next one. */
static void
follow_wait(struct samples *samples, uint64_t now, uint64_t cpu_ns, const struct scheduled *scheduled)
{
    uint64_t slices = samples->scheduled.slices;
    if (samples->latest == NULL || samples->state != STATE_KERNEL || slices == 0 || scheduled->slices < slices
        || scheduled->slices - slices > 1) {
        return;
    }
    struct spent spent = spent_since(samples, now, cpu_ns, scheduled);
    uint64_t end = samples->ns + spent.off;
    if (end > samples->latest->last) {
        samples->latest->last = end;
    }
}

/* Linux 6.12 and later take a thread that sleeps off its CPU's queue a little later. One that is moved to another CPU before that is booked
 * as waiting for it until it wakes up, and has been put on it: the counter of kernel/sched/stats.h (sched_info_enqueue) jumps by most of a
 * sleep. What is booked by `ns` is more than there was time since the thread was asleep, or had a CPU: that much is taken out. */
static void
leave_out_sleep(struct samples *samples, uint64_t ns, uint64_t cpu_ns, uint64_t runq_ns)
{
    struct unqueued *from = &samples->unqueued;
    if (runq_ns == UNKNOWN_NS || from->runq_ns == UNKNOWN_NS) {
        return;
    }
    uint64_t most = clock_since(clock_since(ns, from->ns), clock_since(cpu_ns, from->cpu_ns));
    uint64_t excess = clock_since(clock_since(runq_ns, from->runq_ns), most);
    samples->overbooked_ns += excess;
    from->runq_ns += excess;
}

static bool
same(const struct sample *a, const struct sample *b)
{
    return a->stack == b->stack && a->state == b->state && a->syscall == b->syscall && a->holder == b->holder
           && a->holder_stack == b->holder_stack && a->fd == b->fd && strcmp(a->target, b->target) == 0;
}

/* The group of this sample, a new one if there is none and room for it. */
static struct group *
group_of(struct samples *samples, const struct sample *sample, uint64_t now)
{
    for (uint32_t i = 0; i < samples->count; i++) {
        if (same(&samples->groups[i].sample, sample)) {
            return &samples->groups[i];
        }
    }
    if (samples->count == GROUPS) {
        samples->lost++;
        return &samples->groups[GROUPS - 1];
    }
    struct group *group = &samples->groups[samples->count++];
    *group = (struct group){.sample = *sample, .first = now};
    return group;
}

/* How long has our own thread been asking for the GIL while the loop's thread held it (was seen with it before and after)? An
 * asking during which another thread, or none, was seen to hold it says nothing. */
static void
follow_ask(struct samples *samples, bool held, uint64_t t0, uint64_t now)
{
    struct gil_ask ask = gil_last_ask();
    if (ask.began < t0) {
        return;
    }
    if (!held) {
        samples->ask_not_loops = ask.began;
    }
    if (ask.began == samples->ask_not_loops) {
        return;
    }
    gil_follow_ask(&ask);
    if (ask.got == 0 && !ask.waiting) {
        return; /* it may wait for a CPU to take a GIL that is free */
    }
    uint64_t asked = clock_since(ask.got != 0 && ask.got < now ? ask.got : now, ask.began + ask.starved);
    if (samples->gil_asked_ns == UINT64_MAX || asked > samples->gil_asked_ns) {
        samples->gil_asked_ns = asked;
    }
}

/* How the holder of the sample before spent the time since: on a CPU, waiting for one, or asleep. Who still has the GIL and
 * could run spent all that it did not run waiting; of another it is known only once that wait is over, and booked. */
static void
follow_holder(const struct holder *holder, const struct holder *now, bool still)
{
    uint64_t elapsed = clock_since(now->ns, holder->ns), cpu = clock_since(now->cpu_ns, holder->cpu_ns);
    uint64_t off = clock_since(elapsed, cpu), queued = off;
    if (now->cpu_ns == 0 || holder->runq_ns == UNKNOWN_NS || now->runq_ns == UNKNOWN_NS) {
        return;
    }
    if (!still) {
        queued = clock_since(now->runq_ns, holder->runq_ns);
    }
    holder->group->followed_ns += elapsed;
    holder->group->starved_ns += queued < off ? queued : off;
}

static bool
is_runnable(pid_t tid)
{
    struct kept syscall = threads_open(tid, "syscall");
    struct os_state os = threads_look(&syscall);
    kept_close(&syscall);
    return os.running;
}

static struct holder
holder_now(pid_t tid, struct group *group, uint64_t now)
{
    return (struct holder){tid, group, now, clock_read_ns(threads_cpu_clock(tid)), threads_run_delay_of(tid)};
}

static void
follow_holders(struct samples *samples, const struct sample *sample, struct group *group, uint64_t now)
{
    struct holder *before = &samples->holder;
    if (before->tid != 0) {
        struct holder after = holder_now(before->tid, before->group, now);
        follow_holder(before, &after, sample->holder == before->tid && is_runnable(before->tid));
    }
    before->tid = 0;
    if (sample->holder != 0) {
        *before = holder_now(sample->holder, group, now);
    }
}

void
samples_take(struct samples *samples, struct slot *slot, uint64_t left, uint64_t t0)
{
    static struct marks marks; /* the watchdog's thread only */
    struct sample sample;
    uintptr_t tstate = GET(slot->tstate);
    uint64_t slices = threads_scheduled(&slot->schedstat).slices, looked = clock_ns();
    samples_observe(&sample, &slot->syscall, tstate);
    struct stack stack = stacks_read(tstate, slot->tid, slot->stack_base, &marks);
    uint64_t now = clock_ns(), cpu_ns = clock_read_ns(slot->cpu_clock);
    struct scheduled scheduled = threads_scheduled(&slot->schedstat);
    struct spent spent = spent_since(samples, now, cpu_ns, &scheduled);
    sample.stack = stack.reference;
    sample.identity = stack.identity;
    bool asleep = sample.state == STATE_KERNEL || sample.state == STATE_GIL;
    refine_running(&sample, samples, &spent);
    if (atomic_load_explicit(&slot->left, memory_order_acquire) != left) {
        return; /* the turn ended meanwhile: this may be of the next */
    }
    follow_wait(samples, now, cpu_ns, &scheduled);
    leave_out_sleep(samples, now, cpu_ns, scheduled.delay_ns);
    if (asleep && scheduled.slices == slices) {
        samples->unqueued = (struct unqueued){looked, cpu_ns, scheduled.delay_ns};
    }
    struct group *group = group_of(samples, &sample, now);
    group->count++;
    group->moved += samples->identity != 0 && samples->identity != sample.identity;
    group->holding += sample.holds_gil;
    group->gil_known += sample.gil_known;
    group->last = now;
    follow_holders(samples, &sample, group, now);
    trail_add(&samples->trail, (uint32_t)(group - samples->groups), now, &marks);
    /* Where it ran while it was looked at, its state may be that of another moment than its counters. */
    samples->latest = scheduled.slices == slices && same(&group->sample, &sample) ? group : NULL;
    samples->state = sample.state;
    samples->identity = sample.identity;
    samples->ns = now;
    samples->cpu_ns = cpu_ns;
    samples->scheduled = scheduled;
    follow_ask(samples, samples->held && sample.holds_gil, t0, now);
    samples->held = sample.holds_gil;
    if (sample.holds_gil) {
        gil_request_ask();
    }
}

void
samples_close(struct samples *samples, uint64_t t0, uint64_t t1, const struct ended_turn *turn)
{
    const struct scheduled scheduled = {.delay_ns = turn->runq_ns, .slices = turn->slices};
    follow_wait(samples, t1, turn->cpu_ns, &scheduled);
    leave_out_sleep(samples, t1, turn->cpu_ns, turn->runq_ns);
    follow_ask(samples, samples->held, t0, t1);
}

void
samples_announce_stacks(const struct samples *samples)
{
    for (uint32_t i = 0; i < samples->count; i++) {
        stacks_announce(samples->groups[i].sample.stack);
        stacks_announce(samples->groups[i].sample.holder_stack);
    }
}

static void
write_stack(struct line *line, const char *key, uint32_t reference)
{
    if (reference != NO_STACK) {
        line_key_unsigned(line, key, stacks_announce(reference));
    }
}

static void
write_holder(const struct group *group, struct line *line)
{
    const struct sample *sample = &group->sample;
    if (sample->holder != 0) {
        line_raw(line, ",\"holder\":{\"tid\":");
        line_unsigned(line, (uint64_t)sample->holder);
        write_stack(line, "stack", sample->holder_stack);
        line_key_unsigned(line, "followed_ns", group->followed_ns);
        line_key_unsigned(line, "starved_ns", group->starved_ns);
        line_raw(line, "}");
    }
}

static void
write_call(const struct sample *sample, struct line *line)
{
    char scratch[32];
    if (sample->syscall >= 0) {
        line_key_string(line, "sys", threads_syscall_name(sample->syscall, scratch));
    }
    else if (sample->state == STATE_KERNEL) {
        line_key_string(line, "sys", "page fault"); /* asleep, and not in a system call */
    }
    if (sample->fd >= 0) {
        line_key_unsigned(line, "fd", (uint64_t)sample->fd);
    }
    if (sample->target[0] != '\0') {
        line_key_string(line, "target", sample->target);
    }
}

static void
write_group(const struct group *group, struct line *line)
{
    line_raw(line, "{\"n\":");
    line_unsigned(line, group->count);
    line_key_unsigned(line, "first", group->first);
    line_key_unsigned(line, "last", group->last);
    write_stack(line, "stack", group->sample.stack);
    line_key_string(line, "state", samples_state_name(group->sample.state));
    if (group->gil_known != 0) {
        line_key_bool(line, "holds_gil", group->holding * 2 > group->gil_known);
    }
    line_key_unsigned(line, "moved", group->moved);
    write_call(&group->sample, line);
    write_holder(group, line);
    line_raw(line, "}");
}

void
samples_write(const struct samples *samples, uint64_t t0, struct line *line)
{
    line_key(line, "samples");
    line_raw(line, "[");
    for (uint32_t i = 0; i < samples->count; i++) {
        line_raw(line, i == 0 ? "" : ",");
        write_group(&samples->groups[i], line);
    }
    line_raw(line, "]");
    trail_write(&samples->trail, t0, line);
}

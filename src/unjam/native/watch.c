/* Following the turns of a loop, and telling of those that became stalls. */
#define _GNU_SOURCE
#include "watch.h"

#include <string.h>

#include "cgroup.h"
#include "clock.h"
#include "naming.h"
#include "steps.h"

/* A long stall is sampled ever more rarely: what it is, is known by then. Nanoseconds. */
static const uint64_t OFTEN = 10000000, RARER = 50000000, RARE = 500000000;
static const uint64_t OFTEN_FROM = 100000000, RARER_FROM = 1000000000, RARE_FROM = 10000000000;

/* Two looks of a watchdog that is given its CPU are not farther apart: what is less sure than this is not known. */
static const uint64_t UNSURE = 25000000;

/* A loop is calm when no turn was long for so long. */
static const uint64_t CALM_AFTER = 1000000000;

/* The present turn of a calm loop is younger than this part of the threshold: nearly all turns end before. */
enum { YOUNG_PART = 10 };

/* The line of a stall at the threshold is for who listens, and for the recording of a process that is killed within the next second: then
 * the stall is over or has another. It is half of all that a service with many stalls writes, so that after so many of them only one
 * a second is written. */
enum { EARLY_LINES = 300 };
static const uint64_t EARLY_EVERY = 1000000000;

/* A stall is told of again when it has lasted so long, and then once a second, or where it has grown by such a part. */
static const uint64_t AGAIN_FROM = 1000000000;
enum { AGAIN_PART = 4 };

/* Between two such lines it is said once a second that it goes on: of a process that is killed no more than that is missing. */
static const uint64_t STILL_EVERY = 1000000000;

static struct watch watches[SLOTS];
static uint64_t early_lines; /* how many would have been written by now, one each EARLY_EVERY, counted in nanoseconds from the first */
static char line_text[128 * 1024];

static struct watch *
watch_of(const struct slot *slot)
{
    return &watches[slot - slots];
}

bool
watch_any_samples(void)
{
    int end = atomic_load(&slots_end);
    for (int i = 0; i < end; i++) {
        if (watches[i].samples.count != 0) {
            return true;
        }
    }
    return false;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- what was used before the turn, and in it ---- */

/* How far the counters are now; the unfinished turn that began at `left` (0: none) counts as time away. The thread has run since the look at
 * `before`. */
static struct reading
read_counters(const struct slot *slot, uint64_t left, uint64_t before)
{
    struct reading reading = {
        .ns = clock_ns(),
        .ran_ns = left == 0 ? before : clock_at(left),
        .cpu_ns = clock_read_ns(slot->cpu_clock),
        .runq_ns = threads_run_delay(&slot->schedstat),
        .throttled_ns = cgroup_throttled(),
        .away_ns = GET(slot->away_ns),
        .turns = GET(slot->turns),
        .runs = GET(slot->runs),
    };
    if (left != 0) {
        reading.away_ns += clock_since(reading.ns, clock_at(left));
    }
    return reading;
}

/* What a thread `waited` for a CPU after the beginning of a turn, as it seems, it may have waited before it as far as there was `time`: a
 * loop that sleeps in its select is not looked at, and who looks may be given no CPU either. Between two looks in time it is little. */
static void
leave_open(struct reading *beginning, uint64_t waited, uint64_t time)
{
    uint64_t unsure = smaller(waited, time);
    if (unsure > UNSURE) {
        beginning->runq_ns += unsure;
        beginning->unsure_ns = unsure;
    }
}

/* The counters at the beginning `t0` of a turn, from the last look before it and a look in it: in the time away between the last
 * look and the turn (`away_ns`: all of it before the turn) the thread was on a CPU as far as CPU time went by, then on a run
 * queue. What it waited for a CPU besides that and longer than the turn has lasted, it waited when its select was over. Off by at most
 * what short turns waited since the last look. Of the rest, as much as there was other time before the turn is unsure. */
static struct reading
at_beginning(const struct reading *last, const struct reading *now, uint64_t away_ns, uint64_t t0)
{
    struct reading base = *last;
    uint64_t away = clock_since(away_ns, last->away_ns);
    uint64_t cpu = smaller(clock_since(now->cpu_ns, last->cpu_ns), away);
    base.cpu_ns += cpu;
    if (last->runq_ns != UNKNOWN_NS && now->runq_ns != UNKNOWN_NS) {
        uint64_t left = clock_since(clock_since(now->ns, t0), clock_since(now->cpu_ns, base.cpu_ns));
        base.runq_ns += smaller(clock_since(now->runq_ns, last->runq_ns), away - cpu);
        uint64_t selecting = clock_since(clock_since(now->runq_ns, base.runq_ns), left);
        base.runq_ns += selecting;
        leave_open(&base, clock_since(now->runq_ns, base.runq_ns), clock_since(clock_since(t0, last->ran_ns), away + selecting));
    }
    return base;
}

void
watch_begin(const struct slot *slot)
{
    struct watch *watch = watch_of(slot);
    memset(watch, 0, offsetof(struct watch, samples));
    samples_clear(&watch->samples);
    watch->last = read_counters(slot, GET(slot->left), 0);
}

static uint64_t
used(uint64_t now, uint64_t base, uint64_t length)
{
    return now == UNKNOWN_NS || base == UNKNOWN_NS ? UNKNOWN_NS : smaller(clock_since(now, base), length);
}

static uint64_t
overlap(const struct gap *gap, uint64_t from, uint64_t to)
{
    uint64_t first = from > gap->from ? from : gap->from, last = smaller(to, gap->to);
    return smaller(clock_since(last, first), gap->ns);
}

/* ---- the line ---- */

/* The state of a turn as far as a line tells it; times in nanoseconds. */
struct telling {
    uint64_t t1; /* UNKNOWN_NS: goes on */
    uint64_t length, steps, longest_step;
    uint64_t cpu_ns, runq_ns;
};

/* Whether an early line is written now. */
static bool
early_line_is_due(uint64_t now)
{
    uint64_t least = clock_since(now, EARLY_LINES * EARLY_EVERY);
    uint64_t from = early_lines > least ? early_lines : least;
    if (from + EARLY_EVERY > now) {
        return false;
    }
    early_lines = from + EARLY_EVERY;
    return true;
}

static void
send_stall(const struct slot *slot, struct watch *watch, const struct telling *telling, bool write)
{
    samples_announce_stacks(&watch->samples);
    struct line line = line_begin(line_text, sizeof line_text, "stall");
    line_key_unsigned(&line, "id", watch->stall);
    line_key_signed(&line, "loop", slot->loop);
    line_key_unsigned(&line, "t0", watch->t0);
    line_key_measured(&line, "t1", telling->t1);
    line_key_measured(&line, "steps", steps_seen_on(slot) ? telling->steps : UNKNOWN_NS);
    line_key_measured(&line, "longest_step_ns", steps_seen_on(slot) ? telling->longest_step : UNKNOWN_NS);
    line_key_measured(&line, "cpu_ns", used(telling->cpu_ns, watch->base.cpu_ns, telling->length));
    uint64_t runq = telling->runq_ns == UNKNOWN_NS ? UNKNOWN_NS : clock_since(telling->runq_ns, watch->samples.overbooked_ns);
    line_key_measured(&line, "runq_ns", used(runq, watch->base.runq_ns, telling->length));
    line_key_measured(&line, "throttled_ns", used(cgroup_throttled(), watch->base.throttled_ns, telling->length));
    if (watch->base.unsure_ns != 0) {
        line_key_unsigned(&line, "runq_unsure_ns", watch->base.unsure_ns);
    }
    line_key_unsigned(&line, "suspended_ns", watch->suspended_ns);
    line_key_measured(&line, "gil_asked_ns", watch->samples.gil_asked_ns);
    line_key_unsigned(&line, "samples_lost", watch->samples.lost);
    samples_write(&watch->samples, watch->t0, &line);
    if (write) {
        line_send(&line);
    }
    else {
        line_tell(&line);
    }
}

/* ---- turns ---- */

static void
forget_turn(struct watch *watch)
{
    watch->left = 0;
    watch->stall = 0;
    watch->suspended_ns = 0;
    samples_clear(&watch->samples);
}

/* The same where the loop has rested since the last look: what the thread used meanwhile is no turn's. By the first look in a turn
 * (`now`), where that came soon; else, and of a turn that came and went before any look, it is not known. */
static struct reading
after_rest(const struct reading *last, const struct reading *now, uint64_t t0, bool looked)
{
    struct reading base = *last;
    base.cpu_ns = base.runq_ns = UNKNOWN_NS;
    if (!looked) {
        return base;
    }
    uint64_t lasted = clock_since(now->ns, t0), before = clock_since(t0, last->ns);
    uint64_t all = clock_since(now->cpu_ns, last->cpu_ns), cpu = smaller(all, lasted);
    if (clock_since(cpu, clock_since(all, before)) > UNSURE) {
        return base;
    }
    base.cpu_ns = now->cpu_ns - cpu;
    if (last->runq_ns != UNKNOWN_NS && now->runq_ns != UNKNOWN_NS) {
        uint64_t queued = clock_since(now->runq_ns, last->runq_ns), most = smaller(queued, lasted - cpu);
        base.runq_ns = now->runq_ns - most;
        leave_open(&base, most, clock_since(clock_since(t0, last->ran_ns), queued - most));
    }
    return base;
}

static void
begin_turn(struct watch *watch, uint64_t left, const struct reading *now, uint64_t away_ns, bool looked)
{
    forget_turn(watch);
    naming_turn_begins();
    watch->left = left;
    watch->t0 = clock_at(left);
    watch->next_sample = watch->t0 + GET(threshold_ns) / 4;
    watch->next_line = watch->t0 + GET(threshold_ns);
    watch->base = now->runs == watch->last.runs ? at_beginning(&watch->last, now, away_ns, watch->t0)
                                                : after_rest(&watch->last, now, watch->t0, looked);
    if (watch->base.cpu_ns != UNKNOWN_NS) {
        samples_begin(&watch->samples, watch->t0, watch->base.cpu_ns, watch->base.runq_ns);
    }
    else {
        samples_begin(&watch->samples, now->ns, now->cpu_ns, now->runq_ns);
    }
}

static void
finish_turn(struct slot *slot, struct watch *watch, const struct ended_turn *turn, const struct gap *gap)
{
    uint64_t t1 = clock_at(turn->entered);
    if (turn->left != watch->left) { /* it came and went between two looks */
        const struct reading end = {.ns = t1, .cpu_ns = turn->cpu_ns, .runq_ns = turn->runq_ns, .runs = GET(slot->runs)};
        begin_turn(watch, turn->left, &end, turn->away_ns, false);
    }
    watch->suspended_ns += overlap(gap, watch->t0, t1);
    watch->stall = turn->stall;
    samples_close(&watch->samples, watch->t0, t1, turn);
    struct telling telling = {
        .t1 = t1,
        .length = clock_since(t1, watch->t0),
        .steps = turn->steps,
        .longest_step = clock_span_ns(turn->longest_step),
        .cpu_ns = turn->cpu_ns,
        .runq_ns = turn->runq_ns,
    };
    send_stall(slot, watch, &telling, true);
    watch->finished = turn->left;
    forget_turn(watch);
}

static void
finish_ended(struct slot *slot, struct watch *watch, const struct gap *gap)
{
    uint32_t tail = GET(slot->ended_tail);
    while (tail != atomic_load_explicit(&slot->ended_head, memory_order_acquire)) {
        finish_turn(slot, watch, &slot->ended[tail % ENDED], gap);
        atomic_store_explicit(&slot->ended_tail, ++tail, memory_order_release);
    }
}

/* The turn passed the threshold, or its line is due again, and goes on; or somebody has asked. */
static void
tell_open_stall(struct slot *slot, struct watch *watch, uint64_t now, bool asked)
{
    uint32_t stall = slot_stall(slot, GET(slot->turns) + 1);
    if (stall == 0 || GET(slot->left) != watch->left) {
        return; /* it has just ended: its record is in the queue */
    }
    watch->stall = stall;
    uint64_t began = GET(slot->step_began), running = began == 0 ? 0 : clock_since(now, clock_at(began));
    uint64_t longest = clock_span_ns(GET(slot->turn_longest_step)), age = clock_since(now, watch->t0);
    struct telling telling = {
        .t1 = UNKNOWN_NS,
        .length = age,
        .steps = GET(slot->steps) - GET(slot->turn_first_step),
        .longest_step = running > longest ? running : longest,
        .cpu_ns = clock_read_ns(slot->cpu_clock),
        .runq_ns = threads_run_delay(&slot->schedstat),
    };
    send_stall(slot, watch, &telling, asked || age >= AGAIN_FROM || early_line_is_due(now));
    uint64_t part = age / AGAIN_PART;
    watch->next_line = now + (age < AGAIN_FROM ? AGAIN_FROM - age : part > AGAIN_FROM ? part : AGAIN_FROM);
    watch->next_still = now + STILL_EVERY;
}

static void
tell_it_goes_on(struct watch *watch, uint64_t now)
{
    struct line line = line_begin(line_text, sizeof line_text, "still");
    line_key_unsigned(&line, "stall", watch->stall);
    line_send(&line);
    watch->next_still = now + STILL_EVERY;
}

void
watch_tell_stop(const struct gap *gap)
{
    struct line line = line_begin(line_text, sizeof line_text, "stopped");
    line_key_unsigned(&line, "t0", clock_since(gap->to, gap->ns));
    line_key_unsigned(&line, "t1", gap->to);
    line_send(&line);
}

static uint64_t
sample_interval(uint64_t age)
{
    if (age < OFTEN_FROM) {
        return 0; /* every tick */
    }
    return age < RARER_FROM ? OFTEN : age < RARE_FROM ? RARER : RARE;
}

static void
follow_turn(struct slot *slot, struct watch *watch)
{
    uint64_t now = clock_ns();
    if (now >= watch->next_sample) {
        samples_take(&watch->samples, slot, watch->left, watch->t0);
        /* A tenth less, or a tick that comes a little early would put the sample off to the next. */
        watch->next_sample = now + sample_interval(clock_since(now, watch->t0)) / 10 * 9;
    }
    if (now >= watch->next_line) {
        tell_open_stall(slot, watch, now, false);
    }
    else if (watch->stall != 0 && now >= watch->next_still && clock_since(watch->next_line, now) >= STILL_EVERY / 8) {
        tell_it_goes_on(watch, now);
    }
}

bool
watch_look(struct slot *slot, const struct gap *gap)
{
    struct watch *watch = watch_of(slot);
    uint64_t turns = watch->last.turns, before = watch->looked_ns;
    watch->looked_ns = gap->to;
    uint64_t left = atomic_load_explicit(&slot->left, memory_order_acquire);
    finish_ended(slot, watch, gap);
    if (left == watch->finished) {
        left = 0;
    }
    if (left != 0 && left == watch->left) {
        watch->suspended_ns += overlap(gap, watch->t0, gap->to);
        follow_turn(slot, watch);
        watch->gone = clock_read_ns(slot->cpu_clock) == 0;
        return true;
    }
    if (watch->left != 0) {
        forget_turn(watch);
    }
    if (left == 0 && watch->last.ns != 0 && turns == GET(slot->turns)) {
        return false;
    }
    struct reading now = read_counters(slot, left, before);
    if (left != 0) {
        begin_turn(watch, left, &now, GET(slot->away_ns), true);
        watch->suspended_ns = overlap(gap, watch->t0, gap->to);
        follow_turn(slot, watch);
    }
    watch->last = now;
    watch->gone = now.cpu_ns == 0;
    return true;
}

bool
watch_is_calm(const struct slot *slot, uint64_t now)
{
    uint64_t left = GET(slot->left), last = GET(slot->long_turn);
    bool young = left == 0 || clock_since(now, clock_at(left)) < GET(threshold_ns) / YOUNG_PART;
    return young && (last == 0 || clock_since(now, clock_at(last)) > CALM_AFTER);
}

bool
watch_is_gone(const struct slot *slot)
{
    return watch_of(slot)->gone;
}

bool
watch_has_more(const struct slot *slot)
{
    uint64_t left = GET(slot->left);
    bool open = left != 0 && clock_since(clock_ns(), clock_at(left)) >= GET(threshold_ns);
    return open || GET(slot->ended_head) != GET(slot->ended_tail);
}

void
watch_flush(struct slot *slot)
{
    struct watch *watch = watch_of(slot);
    uint64_t now = clock_ns();
    if (watch->left != 0 && clock_since(now, watch->t0) >= GET(threshold_ns)) {
        tell_open_stall(slot, watch, now, true);
    }
}

/* A kernel whose asynchronous form misbehaves in task `at`, in the way that `fault` says, at its second poll. The other
 * tasks wait for `wait_us` and give their number. The plain form gives the number at once. */
#define _GNU_SOURCE
#include "gild_kernel.h"
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct restless { const gild_host *host; int64_t tasks, at; uint64_t wait_ns; char fault[32]; } restless;

static gild_status new_number(int64_t number, void **value) {
    int64_t *made = malloc(sizeof *made);
    if (!made) return GILD_E_NOMEM;
    *made = number;
    *value = made;
    return GILD_OK;
}

static gild_status encode(const void *value, const gild_writer *w) { return w->write(w->ctx, value, sizeof(int64_t)); }

static gild_status decode(gild_bytes src, void **value) {
    int64_t number;
    if (src.len != sizeof number) return GILD_E_DECODE;
    memcpy(&number, src.ptr, sizeof number);
    return new_number(number, value);
}

static const gild_type NUMBER = { sizeof NUMBER, GILD_TYPE_SHARED, "gild.tests.number/1", encode, decode, free };

static gild_status create(const gild_host *host, const gild_scalar *args, void **self) {
    restless *it = calloc(1, sizeof *it);
    if (!it) return GILD_E_NOMEM;
    it->host = host;
    it->tasks = args[0].i64;
    it->at = args[1].i64;
    it->wait_ns = (uint64_t)args[2].i64 * 1000;
    strncpy(it->fault, args[3].str, sizeof it->fault - 1);
    *self = it;
    return GILD_OK;
}

static gild_status plan(void *self, gild_plan *tasks) {
    const restless *it = self;
    gild_status status = GILD_OK;
    for (int64_t i = 0; i < it->tasks && status >= GILD_OK; i++) {
        gild_value input = { &NUMBER, NULL };
        status = new_number(i, &input.ptr);
        if (status >= GILD_OK) status = it->host->emit(tasks, input, 1);
    }
    return status;
}

static gild_status give(int64_t number, gild_value *out) {
    gild_value result = { &NUMBER, NULL };
    gild_status status = new_number(number, &result.ptr);
    if (status >= GILD_OK) *out = result;
    return status;
}

static gild_status run(void *self, gild_task *task, const gild_value *in, gild_value *out) {
    (void)self;
    (void)task;
    return give(*(const int64_t *)in->ptr, out);
}

typedef struct operation { const restless *it; int64_t number; uint64_t deadline_ns; int polls; } operation;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static gild_status start(void *self, gild_task *task, const gild_value *in, void **op) {
    operation *made = malloc(sizeof *made);
    (void)task;
    if (!made) return GILD_E_NOMEM;
    *made = (operation){ self, *(const int64_t *)in->ptr, now_ns() + ((const restless *)self)->wait_ns, 0 };
    *op = made;
    return GILD_OK;
}

static gild_status pending(gild_status registered) { return registered < GILD_OK ? registered : GILD_PENDING; }

static gild_status misbehave(const operation *it, gild_task *task, const gild_waits *waits) {
    const char *fault = it->it->fault;
    volatile int forever = 1;
    if (!strcmp(fault, "no-wait")) return GILD_PENDING;
    if (!strcmp(fault, "closed-fd")) return pending(waits->fd(task, 1000, POLLIN));
    if (!strcmp(fault, "negative-fd")) return pending(waits->fd(task, -1, POLLIN));
    if (!strcmp(fault, "odd-events")) return pending(waits->fd(task, 0, POLLIN | POLLNVAL));
    if (!strcmp(fault, "hang")) return pending(waits->timer(task, UINT64_MAX));
    if (!strcmp(fault, "endless")) while (forever) {}
    if (!strcmp(fault, "endless-polling"))
        for (;;) {
            gild_status status = gild_poll(it->it->host, task);
            if (status < GILD_OK) return status;
        }
    if (!strcmp(fault, "livelock")) return pending(waits->timer(task, 0));
    if (!strcmp(fault, "segv")) raise(SIGSEGV);
    return it->it->host->fail(GILD_E_IO, "asked to fail", 13);
}

static gild_status poll_operation(void *op, gild_task *task, const gild_waits *waits, gild_value *out) {
    operation *it = op;
    const int is_first = it->polls++ == 0;
    if (!is_first && it->number == it->it->at && strcmp(it->it->fault, "none")) return misbehave(it, task, waits);
    if (is_first || now_ns() < it->deadline_ns)
        return pending(waits->timer(task, it->deadline_ns));
    return give(it->number, out);
}

static const gild_async FORM = { sizeof FORM, 0, start, poll_operation, free };

static const void *extension(const char *id) { return strcmp(id, GILD_EXT_ASYNC) == 0 ? &FORM : NULL; }

static const char FAULTS[] =
    "none|no-wait|closed-fd|negative-fd|odd-events|hang|endless|endless-polling|livelock|segv|error";
static const gild_param PARAMS[] = {
    { "tasks", "how many tasks", NULL, GILD_I64, 0, { .i64 = 20 }, { .i64 = 1 }, { .i64 = 1000000 } },
    { "at", "the task that misbehaves", NULL, GILD_I64, 0, { .i64 = 3 }, { .i64 = 0 }, { .i64 = 1000000 } },
    { "wait_us", "how long each waits", "us", GILD_I64, 0, { .i64 = 1000 }, { .i64 = 0 }, { .i64 = 60000000 } },
    { "fault", "how it misbehaves", NULL, GILD_STR, 0, { .str = "none" }, { .str = FAULTS }, { .str = NULL } },
};
static const gild_type *const TYPES[] = { &NUMBER, NULL };
static const gild_kernel RESTLESS = {
    sizeof RESTLESS, GILD_KERNEL_SHARED | GILD_KERNEL_DETERMINISTIC | GILD_KERNEL_FORK_SAFE,
    "restless", "waits, and misbehaves where it is told to", PARAMS, 4, NULL, TYPES,
    create, plan, run, NULL, free, extension
};
static const gild_kernel *const KERNELS[] = { &RESTLESS, NULL };
static const gild_plugin PLUGIN = {
    GILD_ABI_MAJOR, GILD_ABI_MINOR, 0, sizeof PLUGIN, "restless", "1.0.0", "MIT", KERNELS
};

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

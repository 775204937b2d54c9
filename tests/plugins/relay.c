/* A kernel with both forms, in plain C: task i waits for a while, sends itself i * i through a pipe, and reads it.
 * Its asynchronous form waits for a timer and for a descriptor, and gives way to other tasks meanwhile. */
#define _GNU_SOURCE
#include "gild_kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct relay { const gild_host *host; int64_t tasks; uint64_t wait_ns; } relay;

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
    relay *it = malloc(sizeof *it);
    if (!it) return GILD_E_NOMEM;
    *it = (relay){ host, args[0].i64, (uint64_t)args[1].i64 * 1000 };
    *self = it;
    return GILD_OK;
}

static gild_status plan(void *self, gild_plan *tasks) {
    const relay *it = self;
    gild_status status = GILD_OK;
    for (int64_t i = 0; i < it->tasks && status >= GILD_OK; i++) {
        gild_value input = { &NUMBER, NULL };
        status = new_number(i, &input.ptr);
        if (status >= GILD_OK) status = it->host->emit(tasks, input, 1);
    }
    return status;
}

static gild_status failed(const relay *it, const char *what) {
    return it->host->fail(GILD_E_IO, what, strlen(what));
}

/* The plain form: the lock is given away while the task waits. */
static gild_status run(void *self, gild_task *task, const gild_value *in, gild_value *out) {
    const relay *it = self;
    const int64_t number = *(const int64_t *)in->ptr;
    const struct timespec wait = { (time_t)(it->wait_ns / 1000000000), (long)(it->wait_ns % 1000000000) };
    it->host->release(task);
    nanosleep(&wait, NULL);
    gild_status status = it->host->acquire(task);
    gild_value result = { &NUMBER, NULL };
    if (status >= GILD_OK) status = new_number(number * number, &result.ptr);
    if (status >= GILD_OK) *out = result;
    return status;
}

/* The asynchronous form: what a task knows between two polls. */
typedef struct operation { const relay *it; int64_t number; uint64_t deadline_ns; int is_sent, pipe[2]; } operation;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static gild_status start(void *self, gild_task *task, const gild_value *in, void **op) {
    const relay *it = self;
    operation *made = malloc(sizeof *made);
    (void)task;
    if (!made) return GILD_E_NOMEM;
    *made = (operation){ it, *(const int64_t *)in->ptr, now_ns() + it->wait_ns, 0, { -1, -1 } };
    if (pipe2(made->pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(made);
        return failed(it, "a pipe cannot be made");
    }
    *op = made; /* moves to the host, which ends it with drop */
    return GILD_OK;
}

/* A wait that could be registered makes the poll pending. */
static gild_status pending(gild_status registered) { return registered < GILD_OK ? registered : GILD_PENDING; }

static gild_status poll_operation(void *op, gild_task *task, const gild_waits *waits, gild_value *out) {
    operation *it = op;
    int64_t number = it->number * it->number;
    if (now_ns() < it->deadline_ns) return pending(waits->timer(task, it->deadline_ns));
    if (!it->is_sent) {
        if (write(it->pipe[1], &number, sizeof number) != sizeof number) return failed(it->it, "the pipe takes no number");
        it->is_sent = 1;
        return pending(waits->fd(task, it->pipe[0], POLLIN));
    }
    if (read(it->pipe[0], &number, sizeof number) != sizeof number) {
        if (errno != EAGAIN) return failed(it->it, "the pipe gives no number back");
        return pending(waits->fd(task, it->pipe[0], POLLIN)); /* polled for nothing */
    }
    gild_value result = { &NUMBER, NULL };
    gild_status status = new_number(number, &result.ptr);
    if (status >= GILD_OK) *out = result;
    return status;
}

static void drop_operation(void *op) {
    operation *it = op;
    close(it->pipe[0]);
    close(it->pipe[1]);
    free(it);
}

static const gild_async FORM = { sizeof FORM, 0, start, poll_operation, drop_operation };

static const void *extension(const char *id) { return strcmp(id, GILD_EXT_ASYNC) == 0 ? &FORM : NULL; }

static gild_status verify(void *self, const gild_value *outs, size_t n) {
    const relay *it = self;
    for (size_t i = 0; i < n; i++)
        if (*(const int64_t *)outs[i].ptr != (int64_t)(i * i))
            return it->host->fail(GILD_E_MISMATCH, "a result is not a square", 24);
    return GILD_OK;
}

static const gild_param PARAMS[] = {
    { "tasks", "how many tasks", NULL, GILD_I64, 0, { .i64 = 100 }, { .i64 = 1 }, { .i64 = 1000000 } },
    { "wait_us", "how long each waits", "us", GILD_I64, 0, { .i64 = 2000 }, { .i64 = 0 }, { .i64 = 60000000 } },
};
static const gild_type *const TYPES[] = { &NUMBER, NULL };
static const gild_kernel RELAY = {
    sizeof RELAY, GILD_KERNEL_SHARED | GILD_KERNEL_DETERMINISTIC | GILD_KERNEL_FORK_SAFE,
    "relay", "waits, and sends itself a number", PARAMS, 2, NULL, TYPES,
    create, plan, run, verify, free, extension
};
static const gild_kernel *const KERNELS[] = { &RELAY, NULL };
static const gild_plugin PLUGIN = {
    GILD_ABI_MAJOR, GILD_ABI_MINOR, 0, sizeof PLUGIN, "relay", "1.0.0", "MIT", KERNELS
};

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

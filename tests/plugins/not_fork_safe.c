/* A kernel that works, one task at a time per instance, and in no forked child: it promises nothing but equal results.
 * Task i gives i * i. An instance notices when it is used by two threads at once, or in another process than its own. */
#define _POSIX_C_SOURCE 200809L
#include "gild_kernel.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct timid { const gild_host *host; int64_t tasks; pid_t home; atomic_int users; } timid;

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

static const gild_type NUMBER = { sizeof NUMBER, 0, "gild.tests.number/1", encode, decode, free };

static gild_status create(const gild_host *host, const gild_scalar *args, void **self) {
    timid *it = malloc(sizeof *it);
    if (!it) return GILD_E_NOMEM;
    it->host = host;
    it->tasks = args[0].i64;
    it->home = getpid();
    atomic_init(&it->users, 0);
    *self = it;
    return GILD_OK;
}

static gild_status plan(void *self, gild_plan *tasks) {
    const timid *it = self;
    gild_status status = GILD_OK;
    for (int64_t i = 0; i < it->tasks && status >= GILD_OK; i++) {
        gild_value input = { &NUMBER, NULL };
        status = new_number(i, &input.ptr);
        if (status >= GILD_OK) status = it->host->emit(tasks, input, 1);
    }
    return status;
}

static gild_status complain(const gild_host *host, const char *text) {
    return host->fail(GILD_E_INTERNAL, text, strlen(text));
}

static gild_status compute(timid *it, gild_task *task, int64_t number, gild_value *out) {
    gild_status status = gild_poll(it->host, task);
    if (status >= GILD_OK) status = new_number(number * number, &out->ptr);
    if (status >= GILD_OK) out->type = &NUMBER;
    return status;
}

static gild_status run(void *self, gild_task *task, const gild_value *in, gild_value *out) {
    timid *it = self;
    gild_status status;
    if (it->home != getpid()) return complain(it->host, "the instance was made in another process");
    status = atomic_fetch_add(&it->users, 1) > 0 ? complain(it->host, "the instance is used by two threads at once")
                                                 : compute(it, task, *(const int64_t *)in->ptr, out);
    atomic_fetch_sub(&it->users, 1);
    return status;
}

static gild_status verify(void *self, const gild_value *outs, size_t n) {
    const timid *it = self;
    for (size_t i = 0; i < n; i++)
        if (*(const int64_t *)outs[i].ptr != (int64_t)(i * i))
            return it->host->fail(GILD_E_MISMATCH, "a result is not a square", 24);
    return GILD_OK;
}

static const gild_param PARAMS[] = {
    { "tasks", "how many tasks", NULL, GILD_I64, 0, { .i64 = 10 }, { .i64 = 1 }, { .i64 = 1000000 } },
};
static const gild_type *const TYPES[] = { &NUMBER, NULL };
static const gild_kernel TIMID = {
    sizeof TIMID, GILD_KERNEL_DETERMINISTIC, "timid", "works alone and at home", PARAMS, 1, NULL, TYPES,
    create, plan, run, verify, free, NULL
};
static const gild_kernel *const KERNELS[] = { &TIMID, NULL };
static const gild_plugin PLUGIN = {
    GILD_ABI_MAJOR, GILD_ABI_MINOR, 0, sizeof PLUGIN, "not-fork-safe", "1.0.0", "MIT", KERNELS
};

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

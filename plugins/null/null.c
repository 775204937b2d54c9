/* null.c - a kernel that does nothing: what a trial of it costs is the price of the harness.
 * The whole contract is in gild_kernel.h. Build without cargo:
 * cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -Wl,-z,defs,-z,nodelete -I ../abi/include null.c -o libnull.so */
#include "gild_kernel.h"
#include <stdlib.h>
#include <string.h>

/* Inputs are NULL; a result is NULL too, unless it has a payload. */
typedef struct payload { size_t len; uint8_t bytes[]; } payload;
typedef struct null_kernel { const gild_host *host; int64_t tasks, payload_bytes; } null_kernel;

static gild_status new_payload(size_t len, void **value) {
    payload *made = len ? calloc(1, sizeof *made + len) : NULL;
    if (len && !made) return GILD_E_NOMEM;
    if (made) made->len = len;
    *value = made;
    return GILD_OK;
}

static gild_status encode(const void *value, const gild_writer *w) {
    const payload *it = value;
    return it ? w->write(w->ctx, it->bytes, it->len) : GILD_OK;
}

static gild_status decode(gild_bytes src, void **value) {
    gild_status status = new_payload(src.len, value);
    if (status == GILD_OK && src.len) memcpy(((payload *)*value)->bytes, src.ptr, src.len);
    return status;
}

static const gild_type BYTES = { sizeof BYTES, GILD_TYPE_SHARED, "gild.null.bytes/1", encode, decode, free };

static gild_status create(const gild_host *host, const gild_scalar *args, void **self) {
    null_kernel *it = malloc(sizeof *it);
    if (!it) return GILD_E_NOMEM;
    *it = (null_kernel){ host, args[0].i64, args[1].i64 };
    *self = it;
    return GILD_OK;
}

static gild_status plan(void *self, gild_plan *tasks) {
    const null_kernel *it = self;
    gild_status status = GILD_OK;
    for (int64_t i = 0; i < it->tasks && status >= GILD_OK; i++)
        status = it->host->emit(tasks, (gild_value){ &BYTES, NULL }, 1);
    return status;
}

static gild_status run(void *self, gild_task *task, const gild_value *in, gild_value *out) {
    void *result;
    gild_status status = new_payload((size_t)((const null_kernel *)self)->payload_bytes, &result);
    (void)task, (void)in;
    if (status == GILD_OK) *out = (gild_value){ &BYTES, result };
    return status;
}

static const gild_param PARAMS[] = {
    { "tasks", "how many tasks", NULL, GILD_I64, 0, { .i64 = 1000 }, { .i64 = 1 }, { .i64 = 10000000 } },
    { "payload", "size of every result", "bytes", GILD_I64, 0, { .i64 = 0 }, { .i64 = 0 }, { .i64 = 64 << 20 } },
};
static const gild_type *const TYPES[] = { &BYTES, NULL };
static const gild_kernel NULL_KERNEL = {
    sizeof NULL_KERNEL, GILD_KERNEL_SHARED | GILD_KERNEL_DETERMINISTIC | GILD_KERNEL_FORK_SAFE,
    "null", "does nothing: the price of the harness", PARAMS, sizeof PARAMS / sizeof PARAMS[0], NULL, TYPES,
    create, plan, run, NULL, free, NULL
};
static const gild_kernel *const KERNELS[] = { &NULL_KERNEL, NULL };
static const gild_plugin PLUGIN = {
    GILD_ABI_MAJOR, GILD_ABI_MINOR, 0, sizeof PLUGIN, "gild-null", "0.1.0", "MIT OR Apache-2.0", KERNELS
};

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

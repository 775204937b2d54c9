/* gild_kernel.h - kernel plugin ABI, major 1. The only file a plugin author needs. Linux, 64-bit.
 * Growth:  a struct with a `size` field (its sizeof on the author's side) gains fields only at its end, travels
 *          only by pointer, and is never embedded or kept in an array by value. "Closed" structs never change
 *          within a major. GILD_HAS tests an optional or newer field.
 * Memory:  nobody frees the other side's memory. Metadata is static. A value dies by its type's drop.
 * Control: no call unwinds, longjmps, exits or forks out of itself. Strings are UTF-8.
 * Threads: [coordinator] one thread at a time per instance. [worker] a task's thread; concurrent on one instance
 *          only with GILD_KERNEL_SHARED. [any] any thread. */
#ifndef GILD_KERNEL_H
#define GILD_KERNEL_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define GILD_ABI_MAJOR 1u
#define GILD_ABI_MINOR 0u
#define GILD_EXPORT __attribute__((visibility("default")))
#define GILD_HAS(T, p, f) ((p)->size >= offsetof(T, f) + sizeof((p)->f) && (p)->f)
typedef int32_t gild_status;
enum {
    GILD_OK = 0, GILD_PENDING = 1, /* PENDING: only from gild_async.poll */
    GILD_E_CANCELLED = -1, GILD_E_PARAM = -2, GILD_E_DECODE = -3, GILD_E_IO = -4, GILD_E_NOMEM = -5,
    GILD_E_MISMATCH = -6, GILD_E_UNSUPPORTED = -7, GILD_E_PANIC = -8, GILD_E_INTERNAL = -9
};

/* Parameters (closed). Bounds are inclusive; the choices of a GILD_STR stand in min.str as "a|b|c". */
enum { GILD_I64 = 1, GILD_F64 = 2, GILD_STR = 3 };
typedef union gild_scalar { int64_t i64; double f64; const char *str; } gild_scalar;
typedef struct gild_param {
    const char *name, *summary, *unit;
    uint32_t kind, reserved;
    gild_scalar preset, min, max;
} gild_param;

/* Values: typed and opaque. Thread mode hands `ptr` over; process mode pays for encode, copy and decode. */
typedef struct gild_bytes { const uint8_t *ptr; size_t len; } gild_bytes; /* closed */
typedef struct gild_writer { void *ctx; gild_status (*write)(void *ctx, const void *src, size_t len); } gild_writer;
enum { GILD_TYPE_SHARED = 1 << 0 }; /* several workers may read one value at once */
typedef struct gild_type {
    uint32_t size, flags;
    const char *id; /* "acme.bigint/1", the identity between processes; raise the revision with the bytes */
    gild_status (*encode)(const void *value, const gild_writer *w); /* equal values, equal bytes [worker] */
    gild_status (*decode)(gild_bytes src, void **value);            /* src may be hostile        [worker] */
    void (*drop)(void *value);                                      /* never fails               [any]    */
} gild_type;
typedef struct gild_value { const gild_type *type; void *ptr; } gild_value; /* closed; moves unless const */

/* Host: valid from create to destroy. */
typedef struct gild_plan gild_plan;
typedef struct gild_task { const uint32_t *attention; } gild_task; /* what follows is the host's own */
enum { GILD_DEBUG = 0, GILD_INFO = 1, GILD_WARN = 2, GILD_ERROR = 3 };
typedef struct gild_host {
    uint32_t size, abi_minor;
    const char *name, *version;
    void (*log)(uint32_t level, const char *msg, size_t len);                             /* [any] */
    /* Names the error of the plugin call running on this thread and returns `code`.         [coordinator, worker] */
    gild_status (*fail)(gild_status code, const char *msg, size_t len);
    gild_status (*emit)(gild_plan *plan, gild_value input, uint64_t weight); /* moves input, even on failure */
    gild_status (*checkpoint)(gild_task *task);           /* may hand the GIL over; reports cancel  [worker] */
    void (*release)(gild_task *task);                     /* drop the GIL before blocking; no nesting        */
    gild_status (*acquire)(gild_task *task);              /* take it back: once per release, even on errors  */
    void (*phase_enter)(gild_task *task, uint32_t phase); /* index into gild_kernel.phases; a stack          */
    void (*phase_exit)(gild_task *task, uint32_t phase);
    const void *(*extension)(const char *id);             /* NULL when unknown                      [any]    */
} gild_host;
/* Safe point for hot loops: one relaxed load unless the host wants something. [worker] */
static inline gild_status gild_poll(const gild_host *host, gild_task *task) {
    return __atomic_load_n(task->attention, __ATOMIC_RELAXED) ? host->checkpoint(task) : GILD_OK;
}

enum {
    GILD_KERNEL_SHARED = 1 << 0,        /* run may be concurrent on one instance */
    GILD_KERNEL_DETERMINISTIC = 1 << 1, /* equal arguments and input give equal output bytes */
    GILD_KERNEL_FORK_SAFE = 1 << 2      /* also works in a child forked after loading, without exec */
};
typedef struct gild_kernel {
    uint32_t size, flags;
    const char *name, *summary; /* name: [a-z][a-z0-9_-]*, unique in the library */
    const gild_param *params; size_t n_params;
    const char *const *phases;     /* NULL-terminated, or NULL */
    const gild_type *const *types; /* NULL-terminated: every type that plan or run produces */
    gild_status (*create)(const gild_host *host, const gild_scalar *args, void **self);     /* [coordinator] */
    gild_status (*plan)(void *self, gild_plan *plan);                                       /* [coordinator] */
    gild_status (*run)(void *self, gild_task *task, const gild_value *in, gild_value *out); /* [worker] */
    gild_status (*verify)(void *self, const gild_value *outs, size_t n); /* optional; task order [coordinator] */
    void (*destroy)(void *self);                                                            /* [coordinator] */
    const void *(*extension)(const char *id);                            /* optional             [any]   */
} gild_kernel;

/* Optional readiness interface. poll registers at least one wait before it returns GILD_PENDING. [worker] */
#define GILD_EXT_ASYNC "gild.async/1"
typedef struct gild_waits {
    uint32_t size, reserved;
    gild_status (*fd)(gild_task *task, int32_t fd, uint32_t events); /* poll(2) bits; one-shot */
    gild_status (*timer)(gild_task *task, uint64_t deadline_ns);     /* CLOCK_MONOTONIC        */
} gild_waits;
typedef struct gild_async {
    uint32_t size, flags;
    gild_status (*start)(void *self, gild_task *task, const gild_value *in, void **op);
    gild_status (*poll)(void *op, gild_task *task, const gild_waits *waits, gild_value *out);
    void (*drop)(void *op); /* also cancels */
} gild_async;

typedef struct gild_plugin {
    uint32_t abi_major, abi_minor, abi_minor_min, size; /* these 16 bytes are frozen for every major */
    const char *name, *version, *license;
    const gild_kernel *const *kernels; /* NULL-terminated */
} gild_plugin;
/* The one exported symbol. Pure and quick: no thread, file, environment, output or allocation. [any] */
GILD_EXPORT const gild_plugin *gild_plugin_v1(void);
#ifdef __cplusplus
}
#endif
#endif

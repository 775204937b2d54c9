/* gild_kernel.h - kernel plugin ABI, major 1. The only file a plugin author needs. Linux, 64-bit.
 *
 * This file is the specification: what is not promised here is not promised.
 *
 * Growth:  a struct with a `size` field (its sizeof on the author's side) gains fields only at its end, travels
 *          only by pointer, and is never embedded or kept in an array by value. "Closed" structs never change
 *          within a major. GILD_HAS tests an optional or newer field.
 * Memory:  nobody frees the other side's memory. Metadata (gild_plugin and all that can be reached from it) is
 *          static: constant, and valid until the process ends. A value dies by its type's drop.
 * Errors:  a negative gild_status is an error, any other a success. On an error nothing has been stored through
 *          an out pointer, and nothing has changed owner unless it is said to.
 * Control: no call unwinds, longjmps, exits or forks out of itself. Signals, locale, environment, working
 *          directory, standard streams and floating-point mode of the process belong to the host.
 * Strings: UTF-8. `const char *` alone is NUL-terminated; with a length beside it, it need not be.
 * Units:   time is in nanoseconds and sizes are in bytes; names say so (`_ns`) where there is a choice.
 * Threads: above each function stands who may call it:
 *          [coordinator] one thread at a time per instance; not always the same thread.
 *          [worker] the thread that runs a task; several at once on one instance only with GILD_KERNEL_SHARED.
 *          [any] any thread, several at once.
 *
 * Life of a trial, as a kernel sees it:
 *
 *   coordinator   create, plan (emits the inputs) ................................. verify (outputs), destroy
 *   worker        [create, decode input, in a process of its own]   run   [encode output]
 *
 * A worker process creates its own instance from the same arguments; an instance never travels. A library is
 * never unloaded. */
#ifndef GILD_KERNEL_H
#define GILD_KERNEL_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The version that this header describes. The major is part of the entry function's name and grows only when
 * something is taken away or changes its meaning; the minor grows when something is added. */
#define GILD_ABI_MAJOR 1u
#define GILD_ABI_MINOR 0u

/* Marks the one function that a library exports; build everything else with -fvisibility=hidden. */
#define GILD_EXPORT __attribute__((visibility("default")))

/* Whether field f of the struct T at p is there and is not NULL. For tables from the other side, which may have
 * been built against an older minor. */
#define GILD_HAS(T, p, f) ((p)->size >= offsetof(T, f) + sizeof((p)->f) && (p)->f)

/* How a call ended. Codes other than these may be passed on but not made up. */
typedef int32_t gild_status;
enum {
    GILD_OK = 0,
    GILD_PENDING = 1,        /* not ready yet: only from gild_async.poll */
    GILD_E_CANCELLED = -1,   /* the host wants the task to end: undo, and return this code upwards */
    GILD_E_PARAM = -2,       /* an argument, or a combination of arguments, makes no sense */
    GILD_E_DECODE = -3,      /* bytes are not a value of the type */
    GILD_E_IO = -4,          /* the world outside failed: file, network, the host's writer */
    GILD_E_NOMEM = -5,       /* no memory */
    GILD_E_MISMATCH = -6,    /* not what was expected: a result, a type, a version */
    GILD_E_UNSUPPORTED = -7, /* not on this machine, or not by this library */
    GILD_E_PANIC = -8,       /* a panic or an exception was caught at the library's door */
    GILD_E_INTERNAL = -9     /* everything else */
};

/* Parameters */

/* What a parameter holds. A kind that a host does not know makes it refuse the kernel. */
enum { GILD_I64 = 1, GILD_F64 = 2, GILD_STR = 3 };

/* A parameter's value; which member counts, the parameter's kind says. Closed. */
typedef union gild_scalar { int64_t i64; double f64; const char *str; } gild_scalar;

/* One parameter of a kernel. Closed; static.
 * The host has checked every argument against it before create: kind, bounds, choices. */
typedef struct gild_param {
    const char *name;       /* [a-z][a-z0-9_-]*, unique in the kernel */
    const char *summary;    /* one line for people */
    const char *unit;       /* "bytes", "ms", ..., or NULL: a plain number or text */
    uint32_t kind;          /* GILD_I64, GILD_F64 or GILD_STR */
    uint32_t reserved;      /* 0 */
    gild_scalar preset;     /* the value if none is given; within the bounds, never NULL */
    gild_scalar min, max;   /* inclusive bounds of a number, never NaN. GILD_STR: the choices stand in min.str as
                               "a|b|c", NULL means any text; max.str is NULL */
} gild_param;

/* Values: what goes into a task and what comes out of it */

/* Borrowed bytes, not aligned; ptr may be NULL when len is 0. Closed. */
typedef struct gild_bytes { const uint8_t *ptr; size_t len; } gild_bytes;

/* Takes encoded bytes. The host's, valid during the call that it was given to. Closed.
 * write copies len bytes from src; it may be called any number of times. When it fails, stop and return its status.
 * [the thread that got the writer] */
typedef struct gild_writer { void *ctx; gild_status (*write)(void *ctx, const void *src, size_t len); } gild_writer;

/* Flags of a type. Unknown flags are ignored. */
enum { GILD_TYPE_SHARED = 1 << 0 }; /* several workers may read one value at once */

/* A type of values. Static.
 * Two types are the same if their ids are equal; the address says nothing. In one process the host gives a value
 * only to the library that made it; to another process it sends the id and the bytes. */
typedef struct gild_type {
    uint32_t size, flags;
    /* "acme.bigint/1": the identity between processes. Raise the revision when the bytes change meaning. */
    const char *id;
    /* Writes the value's bytes. Equal values give equal bytes: results are compared by them. Does not change the
     * value. [worker, coordinator] */
    gild_status (*encode)(const void *value, const gild_writer *w);
    /* Makes a value from bytes and moves it to the caller. src may be hostile: cut short, altered, random. Answers
     * GILD_E_DECODE rather than guess, uses memory in proportion to src.len, keeps no pointer into src, and takes
     * exactly what encode wrote, to the last byte. [worker, coordinator] */
    gild_status (*decode)(gild_bytes src, void **value);
    /* Ends a value's life. Never fails. The thread need not be the one that made it. [any] */
    void (*drop)(void *value);
} gild_type;

/* A value with its type. Moves with its owner, except where it is reached through a const pointer: then it is
 * borrowed for the call. `ptr` is the library's own and may be NULL: a value is there when its type is. Closed. */
typedef struct gild_value { const gild_type *type; void *ptr; } gild_value;

/* The host */

/* The list of tasks that plan fills. Opaque; valid during plan. */
typedef struct gild_plan gild_plan;

/* One running task. The host's; valid during the run (or async call) that it was given to, on that thread only.
 * The pointer `attention` does not change in that time; the word behind it does, at any moment: read it atomically.
 * It is not 0 when the host wants a checkpoint: to hand over the lock, to cancel, or to count safe points. */
typedef struct gild_task { const uint32_t *attention; } gild_task; /* what follows is the host's own */

/* Levels of log. */
enum { GILD_DEBUG = 0, GILD_INFO = 1, GILD_WARN = 2, GILD_ERROR = 3 };

/* What the host offers. Valid from the create that it was given to until the destroy of that instance ends; `log`
 * and `fail`, once known, may be called until the process ends, because values are encoded, decoded and dropped
 * without an instance. No function of v1.0 is NULL. */
typedef struct gild_host {
    uint32_t size, abi_minor;
    const char *name, *version; /* for people and bug reports; do not decide by them */
    /* Says something to the person who runs the kernel. One message, no line feed at its end; copied. [any] */
    void (*log)(uint32_t level, const char *msg, size_t len);
    /* Names the error of the plugin call running on this thread and returns `code`, so that a call can end with
     * `return host->fail(...)`. The text is copied; the last one before the call returns counts, and only if the
     * call fails. [coordinator, worker] */
    gild_status (*fail)(gild_status code, const char *msg, size_t len);
    /* Adds a task: the first is task 0. Moves `input` to the host, even on failure. `weight` is the task's
     * expected cost in any unit, at least 1; only the ratios matter. When it fails, plan stops and returns its
     * status. [coordinator, in plan] */
    gild_status (*emit)(gild_plan *plan, gild_value input, uint64_t weight);
    /* The slow half of gild_poll. May hand the lock to another worker and wait to get it back. When it fails, the
     * task ends and run returns its status. [worker] */
    gild_status (*checkpoint)(gild_task *task);
    /* Gives the lock away before something that blocks (read, sleep, wait). Until acquire, the kernel touches
     * neither the task nor anything that the lock guards, and calls nothing of the host but log. Does not nest.
     * [worker] */
    void (*release)(gild_task *task);
    /* Takes the lock back; exactly once per release, on every way out. The lock is held afterwards even if the
     * status is an error (then the task ends and run returns it). [worker] */
    gild_status (*acquire)(gild_task *task);
    /* Opens and closes a phase of the kernel's own for the report. `phase` is an index into gild_kernel.phases.
     * Phases form a stack: exit closes the one entered last. The host closes what a failed run left open.
     * [worker, holding the lock] */
    void (*phase_enter)(gild_task *task, uint32_t phase);
    void (*phase_exit)(gild_task *task, uint32_t phase);
    /* A table for what not every kernel needs, or NULL when the host does not know it. Static. [any] */
    const void *(*extension)(const char *id);
} gild_host;

/* Safe point for hot loops: one relaxed load unless the host wants something. Long tasks come by here at least every
 * millisecond or so: between two safe points nobody else gets the lock, and the task cannot be cancelled. [worker] */
static inline gild_status gild_poll(const gild_host *host, gild_task *task) {
    return __atomic_load_n(task->attention, __ATOMIC_RELAXED) ? host->checkpoint(task) : GILD_OK;
}

/* The kernel */

/* Flags of a kernel: promises to the host. Unknown flags are ignored. */
enum {
    GILD_KERNEL_SHARED = 1 << 0,        /* run may be concurrent on one instance */
    GILD_KERNEL_DETERMINISTIC = 1 << 1, /* equal arguments and input give equal output bytes */
    GILD_KERNEL_FORK_SAFE = 1 << 2      /* also works in a child forked after loading, without exec */
};

/* One kernel. Static. An instance (`self`) is a function of its arguments: two made from equal arguments plan equal
 * tasks and compute alike, in whatever process. Inputs are never changed by a run, and one input may be run many
 * times: warm-up, repetitions, other execution models. */
typedef struct gild_kernel {
    uint32_t size, flags;
    const char *name, *summary;    /* name: [a-z][a-z0-9_-]*, unique in the library; summary: one line */
    const gild_param *params;      /* n_params of them; may be NULL when there are none */
    size_t n_params;
    const char *const *phases;     /* NULL-terminated, or NULL */
    const gild_type *const *types; /* NULL-terminated: every type that plan or run produces, each id once */
    /* Makes an instance and moves it to the host. `args` has n_params elements in the order of params; they and
     * their strings are valid during the call only. [coordinator] */
    gild_status (*create)(const gild_host *host, const gild_scalar *args, void **self);
    /* Emits every task, at least one, in the same order every time. [coordinator] */
    gild_status (*plan)(void *self, gild_plan *plan);
    /* Runs one task. Holds the lock on entry and on return. Borrows *in; on success stores a value in *out, which
     * moves to the host. [worker] */
    gild_status (*run)(void *self, gild_task *task, const gild_value *in, gild_value *out);
    /* Checks the results against what is known about them. Borrows the n outputs, in task order. GILD_E_MISMATCH: a
     * result is wrong. Optional: NULL when nothing is known. [coordinator] */
    gild_status (*verify)(void *self, const gild_value *outs, size_t n);
    /* Ends an instance, after all its calls have returned. Values may outlive it. [coordinator] */
    void (*destroy)(void *self);
    /* A table for what not every kernel has, or NULL when it does not know the id. Static. Optional. [any] */
    const void *(*extension)(const char *id);
} gild_kernel;

/* Optional asynchronous form of a kernel: an extension for the event loop */

/* A kernel that answers this id can run many tasks on one thread: each as an operation that goes on as far as possible
 * whenever a file descriptor is ready or a time has come. `run` stays mandatory, and gives equal results. Of a kernel
 * that does not answer it the loop calls `run`, one task after the other: each blocks the loop to its end.
 *
 *   start -> poll -> GILD_PENDING -> poll -> ... -> poll -> GILD_OK or an error -> drop
 *                        ^ a wait has fired, or nothing has happened at all
 *
 * Threads: start, poll and drop of all operations of an instance are called on one thread, one at a time, and `run` is
 *          not called meanwhile. No call waits for anything: what would block is waited for.
 * Waits:   what a poll registers is one-shot and holds until the operation is polled again, which makes all of it void,
 *          whatever has fired. An operation is not told what has fired: it tries, and waits again if need be. A poll
 *          that returns GILD_PENDING and has registered nothing fails the task: nobody would ever poll it again.
 *          Waits of a poll that returns anything else are void.
 * Task:    the pointer holds during the call that it is given to, and may be another one each time. Safe points and
 *          phases are as in `run`. Phases that are open when a call returns are closed by the host, and the next poll
 *          enters its own: while an operation waits it is in no phase.
 * Lock:    there is none to give away. Between release and acquire the loop, with all of its operations, stands still;
 *          the time is accounted as waiting. That is for what can be waited for in no other way (resolving a name). */
#define GILD_EXT_ASYNC "gild.async/1"

/* What an operation can wait for. The host's; valid during the poll that it was given to. [worker, in poll] */
typedef struct gild_waits {
    uint32_t size, reserved;
    /* Polls the operation again when `fd` is ready for one of `events`: POLLIN, POLLOUT, POLLPRI and POLLRDHUP of
     * poll(2), at least one; POLLERR and POLLHUP always count. fd stays the kernel's, and open until the next poll or
     * drop; several operations may wait for one. A regular file is always ready. GILD_E_PARAM: fd is negative, or
     * events has none of these bits or others. A descriptor that is not open fails the task when poll has returned. */
    gild_status (*fd)(gild_task *task, int32_t fd, uint32_t events);
    /* Polls the operation again at `deadline_ns` of CLOCK_MONOTONIC or later, never earlier. If that has passed: as
     * soon as every other operation that is ready has been polled. */
    gild_status (*timer)(gild_task *task, uint64_t deadline_ns);
} gild_waits;

/* The kernel's, answered to GILD_EXT_ASYNC. Static; no function is NULL. */
typedef struct gild_async {
    uint32_t size, flags; /* flags: 0 */
    /* Makes an operation of a task and moves it to the host. Borrows *in and self, which both outlive the operation. It
     * need not do anything yet: poll follows. [worker] */
    gild_status (*start)(void *self, gild_task *task, const gild_value *in, void **op);
    /* Goes on as far as possible. GILD_OK: a value has been stored in *out, which moves to the host. GILD_PENDING: at
     * least one wait has been registered. An error: the task has failed. Only drop follows, except after GILD_PENDING.
     * Must bear being called when nothing has happened. [worker] */
    gild_status (*poll)(void *op, gild_task *task, const gild_waits *waits, gild_value *out);
    /* Ends an operation and closes what it has opened; exactly once for each start that succeeded, in any state: one
     * that is not done is cancelled by it. Calls nothing of the host but log. Never fails. [worker] */
    void (*drop)(void *op);
} gild_async;

/* Optional task classes: a host extension */

#define GILD_EXT_CLASSES "gild.classes/1"

/* Static; the host's. For plans whose tasks are of several classes: the host then tells how long the tasks of each class
 * took. A host that does not have it (extension answers NULL) is told nothing, and gets its tasks by emit. */
typedef struct gild_classes {
    uint32_t size, reserved;
    /* As gild_host.emit, and names the class that the task is of: [a-z][a-z0-9_-]*, at most 31 bytes; copied. A plan has
     * at most 16 classes; one more, or a wrong name, is GILD_E_PARAM. Tasks of no class may be among the others.
     * [coordinator, in plan] */
    gild_status (*emit_as)(gild_plan *plan, gild_value input, uint64_t weight, const char *name);
} gild_classes;

/* The library */

/* Static. A host loads a library when the majors are equal and abi_minor_min is not above its own minor. */
typedef struct gild_plugin {
    uint32_t abi_major, abi_minor, abi_minor_min, size; /* these 16 bytes are frozen for every major */
    const char *name, *version;        /* of the library; version: semantic versioning */
    const char *license;               /* SPDX expression, or "" */
    const gild_kernel *const *kernels; /* NULL-terminated, at least one */
} gild_plugin;

/* The one exported symbol. Pure and quick: no thread, file, environment, output or allocation. Answers the same
 * pointer every time. [any] */
GILD_EXPORT const gild_plugin *gild_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif

/* Sorts its tasks into classes c0, c1, …, one task each, or into one with a name of the user's own. */
#include "gild_kernel.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sorter { const gild_host *host; int64_t classes; char name[256]; } sorter;

static gild_status encode(const void *value, const gild_writer *w) { (void)value, (void)w; return GILD_OK; }
static gild_status decode(gild_bytes src, void **value) { *value = NULL; return src.len ? GILD_E_DECODE : GILD_OK; }
static void drop(void *value) { (void)value; }
static const gild_type NOTHING = { sizeof NOTHING, GILD_TYPE_SHARED, "gild.tests.nothing/1", encode, decode, drop };

static gild_status create(const gild_host *host, const gild_scalar *args, void **self) {
    sorter *it = calloc(1, sizeof *it);
    if (!it) return GILD_E_NOMEM;
    it->host = host;
    it->classes = args[0].i64;
    snprintf(it->name, sizeof it->name, "%s", args[1].str);
    *self = it;
    return GILD_OK;
}

static gild_status plan(void *self, gild_plan *tasks) {
    const sorter *it = self;
    const gild_value nothing = { &NOTHING, NULL };
    const gild_classes *classes = it->host->extension(GILD_EXT_CLASSES);
    if (it->host->extension("gild.no-such-thing/1") || it->host->extension(NULL)) return GILD_E_MISMATCH;
    if (!classes || !GILD_HAS(gild_classes, classes, emit_as)) return GILD_E_UNSUPPORTED;
    gild_status status = it->host->emit(tasks, nothing, 1); /* of no class */
    for (int64_t i = 0; i < it->classes && status >= GILD_OK; i++) {
        char name[8];
        snprintf(name, sizeof name, "c%d", (int)i);
        status = classes->emit_as(tasks, nothing, 1, strcmp(it->name, "count") ? it->name : name);
    }
    return status;
}

static gild_status run(void *self, gild_task *task, const gild_value *in, gild_value *out) {
    (void)self, (void)task, (void)in;
    *out = (gild_value){ &NOTHING, NULL };
    return GILD_OK;
}

static const gild_param PARAMS[] = {
    { "classes", "how many tasks of a class", NULL, GILD_I64, 0, { .i64 = 3 }, { .i64 = 0 }, { .i64 = 100 } },
    { "name", "name of all classes; count: c0, c1, ...", NULL, GILD_STR, 0, { .str = "count" }, { .str = NULL }, { .str = NULL } },
};
static const gild_type *const TYPES[] = { &NOTHING, NULL };
static const gild_kernel SORTER = {
    sizeof SORTER, GILD_KERNEL_SHARED | GILD_KERNEL_DETERMINISTIC | GILD_KERNEL_FORK_SAFE,
    "classes", "sorts its tasks", PARAMS, sizeof PARAMS / sizeof PARAMS[0], NULL, TYPES,
    create, plan, run, NULL, free, NULL
};
static const gild_kernel *const KERNELS[] = { &SORTER, NULL };
static const gild_plugin PLUGIN = {
    GILD_ABI_MAJOR, GILD_ABI_MINOR, 0, sizeof PLUGIN, "gild-tests-classes", "1.0.0", "MIT", KERNELS
};

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

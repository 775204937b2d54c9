/* A library that is right in everything, and empty. */
#include "gild_kernel.h"

static const gild_kernel *const KERNELS[] = { NULL };
static const gild_plugin PLUGIN = {
    GILD_ABI_MAJOR, GILD_ABI_MINOR, 0, sizeof PLUGIN, "no-kernels", "1.0.0", "MIT", KERNELS
};

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

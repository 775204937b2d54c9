/* A library that needs something of minor version 9: refused for its version. */
#include "gild_kernel.h"

static const gild_kernel *const KERNELS[] = { NULL };
static const gild_plugin PLUGIN = {
    GILD_ABI_MAJOR, 9, 9, sizeof PLUGIN, "needs-newer-minor", "1.0.0", "MIT", KERNELS
};

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

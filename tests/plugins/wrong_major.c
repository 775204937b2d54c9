/* A library of a later major that still uses the old symbol: refused for its version, and nothing else is looked at. */
#include "gild_kernel.h"

static const gild_plugin PLUGIN = { 2, 0, 0, sizeof PLUGIN, "wrong-major", "1.0.0", "MIT", NULL };

const gild_plugin *gild_plugin_v1(void) { return &PLUGIN; }

/* A library that is no plugin and does not say that it is one. */
int gild_tests_answer(void);

__attribute__((visibility("default"))) int gild_tests_answer(void) { return 42; }

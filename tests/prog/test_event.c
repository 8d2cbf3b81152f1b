#include "tests/prog/tests.h"
#include <stddef.h>
const struct test event_tests[] = {{NULL, NULL}};

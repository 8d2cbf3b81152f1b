#include "tests/prog/tests.h"
#include <stddef.h>
const struct test lifecycle_tests[] = {{NULL, NULL}};

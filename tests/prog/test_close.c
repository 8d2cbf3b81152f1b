#include "tests/prog/tests.h"
#include <stddef.h>
const struct test close_tests[] = {{NULL, NULL}};

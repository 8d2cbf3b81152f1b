#include "tests/prog/tests.h"
#include <stddef.h>
const struct test table_tests[] = {{NULL, NULL}};

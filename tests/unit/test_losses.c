// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What was told of losses, over restarts: nothing twice, nothing never. */
#include "daemon/losses.h"
#include "base/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

struct fixture {
	char dir[40];
	char *state, *pins, *pin;
	struct aeg_config config;
};

static int setup(void **state)
{
	struct fixture *fixture = aeg_xcalloc(1, sizeof(*fixture));
	AEG_AUTO_FREE char *maps = NULL;

	*state = fixture;
	strcpy(fixture->dir, "/tmp/aegress-losses-XXXXXX");
	if (!mkdtemp(fixture->dir))
		return -1;
	fixture->state = aeg_xasprintf("%s/state", fixture->dir);
	fixture->pins = aeg_xasprintf("%s/pins", fixture->dir);
	maps = aeg_xasprintf("%s/maps", fixture->pins);
	fixture->pin = aeg_xasprintf("%s/errors", maps);
	fixture->config.state_dir = fixture->state;
	fixture->config.pin_dir = fixture->pins;
	return aeg_mkdir_p(fixture->state, 0700) || aeg_mkdir_p(maps, 0700) ||
	       aeg_file_replace(fixture->pin, "", 0, 0600);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	AEG_AUTO_FREE char *command = aeg_xasprintf("rm -rf '%s'", fixture->dir);

	free(fixture->state);
	free(fixture->pins);
	free(fixture->pin);
	free(fixture);
	return system(command);
}

/* One daemon's life: what it tells when the kernel's counters are so. */
static void assert_told(const struct fixture *fixture, uint64_t events, uint64_t denials,
			uint64_t told_events, uint64_t told_denials)
{
	struct aeg_losses losses;

	aeg_losses_open(&losses, &fixture->config);
	assert_int_equal(aeg_losses_tell(&losses, AEG_LOST_EVENTS, events), told_events);
	assert_int_equal(aeg_losses_tell(&losses, AEG_LOST_DENIALS, denials), told_denials);
	assert_int_equal(aeg_losses_tell(&losses, AEG_LOST_DENIALS, denials), 0);
	aeg_losses_save(&losses);
	assert_false(losses.changed);
	aeg_losses_done(&losses);
}

static void test_over_restarts(void **state)
{
	assert_told(*state, 0, 3, 0, 3);
	assert_told(*state, 0, 3, 0, 0);
	assert_told(*state, 5, 10, 5, 7);
	assert_told(*state, 5, 10, 0, 0);
}

/* Killed between telling and saving: told again, never forgotten. */
static void test_killed(void **state)
{
	const struct fixture *fixture = *state;
	struct aeg_losses losses;

	assert_told(fixture, 1, 1, 1, 1);
	aeg_losses_open(&losses, &fixture->config);
	assert_int_equal(aeg_losses_tell(&losses, AEG_LOST_EVENTS, 9), 8);
	aeg_losses_done(&losses);
	assert_told(fixture, 9, 1, 8, 0);
}

/* Counters begin at 0 with new pins, and may have grown beyond the old ones since. */
static void test_new_pins(void **state)
{
	const struct fixture *fixture = *state;
	AEG_AUTO_FREE char *other = aeg_xasprintf("%s.other", fixture->pin);

	assert_told(fixture, 4, 4, 4, 4);
	assert_int_equal(aeg_file_replace(other, "", 0, 0600), 0);
	assert_int_equal(rename(other, fixture->pin), 0);
	assert_told(fixture, 6, 0, 6, 0);
}

static void test_counters_went_back(void **state)
{
	assert_told(*state, 4, 4, 4, 4);
	assert_told(*state, 1, 4, 1, 0);
}

static void test_garbage(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"pins\":3}",
		"{\"pins\":\"x\",\"events\":-1,\"denials\":0}",
		"{\"pins\":\"x\",\"events\":1e9,\"denials\":0}",
	};
	const struct fixture *fixture = *state;
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/losses.json", fixture->state);

	for (size_t i = 0; i < AEG_ARRAY_SIZE(texts); i++) {
		assert_int_equal(aeg_file_replace(path, texts[i], strlen(texts[i]), 0600), 0);
		assert_told(fixture, 2, 1, 2, 1);
	}
}

/* A state directory that is gone stops nothing. */
static void test_no_place(void **state)
{
	const struct fixture *fixture = *state;
	struct aeg_losses losses;

	assert_int_equal(rmdir(fixture->state), 0);
	aeg_losses_open(&losses, &fixture->config);
	assert_int_equal(aeg_losses_tell(&losses, AEG_LOST_EVENTS, 2), 2);
	aeg_losses_save(&losses);
	assert_true(losses.changed);
	assert_int_equal(aeg_mkdir_p(fixture->state, 0700), 0);
	aeg_losses_save(&losses);
	assert_false(losses.changed);
	aeg_losses_done(&losses);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_over_restarts),      TEST(test_killed),  TEST(test_new_pins),
		TEST(test_counters_went_back), TEST(test_garbage), TEST(test_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

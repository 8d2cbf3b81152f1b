// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Without gmtime() and strftime(): they take longer than all the rest of a flow record. */
#include "base/timestamp.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NS_PER_SEC 1000000000u
#define SECONDS_PER_DAY 86400u
#define DAYS_TO_EPOCH 719468 /* from the first of March of the year 0 */
#define DAYS_PER_ERA 146097  /* 400 years: then the calendar repeats */

struct date {
	uint64_t year;
	unsigned int month, day;
};

/* Years that begin in March have their leap day at the end: what is before it needs no exception. */
static struct date date_of(uint64_t days)
{
	uint64_t era, day_of_era, year, day, month;

	days += DAYS_TO_EPOCH;
	era = days / DAYS_PER_ERA;
	day_of_era = days % DAYS_PER_ERA;
	year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day = day_of_era - (365 * year + year / 4 - year / 100);
	month = (5 * day + 2) / 153; /* 0: March */
	return (struct date){
		.year = era * 400 + year + (month >= 10),
		.month = (unsigned int)(month < 10 ? month + 3 : month - 9),
		.day = (unsigned int)(day - (153 * month + 2) / 5 + 1),
	};
}

/* Exactly so many digits, and what follows them. */
static char *put(char *at, uint64_t value, unsigned int digits, char after)
{
	for (unsigned int i = digits; i > 0; i--) {
		at[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	at[digits] = after;
	return at + digits + 1;
}

void aeg_time_format(uint64_t ns, char ret[AEG_TIME_TEXT])
{
	uint64_t seconds = ns / NS_PER_SEC, of_day = seconds % SECONDS_PER_DAY;
	struct date date = date_of(seconds / SECONDS_PER_DAY);
	char *at = ret;

	at = put(at, date.year, 4, '-'); /* 64 bits of nanoseconds end in 2554 */
	at = put(at, date.month, 2, '-');
	at = put(at, date.day, 2, 'T');
	at = put(at, of_day / 3600, 2, ':');
	at = put(at, of_day / 60 % 60, 2, ':');
	at = put(at, of_day % 60, 2, '.');
	at = put(at, ns % NS_PER_SEC, 9, 'Z');
	*at = '\0';
}

/* ".123456789": what is beyond nanoseconds is cut off. Returns what follows. */
static const char *parse_fraction(const char *at, uint64_t *ret_ns)
{
	uint64_t scale = NS_PER_SEC;

	*ret_ns = 0;
	if (*at != '.')
		return at;
	for (at++; *at >= '0' && *at <= '9'; at++) {
		scale /= 10;
		*ret_ns += (uint64_t)(*at - '0') * scale;
	}
	return at;
}

/* Up to the seconds, which are followed by *ret_rest. */
static int parse_seconds(const char *text, uint64_t *ret_s, const char **ret_rest)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t seconds;

	if (!rest)
		return -EINVAL;
	seconds = timegm(&tm);
	if (seconds < 0)
		return -EINVAL;
	*ret_s = (uint64_t)seconds;
	*ret_rest = rest;
	return 0;
}

int aeg_time_parse(const char *text, uint64_t *ret_ns)
{
	uint64_t seconds, fraction;
	const char *rest;
	int err = parse_seconds(text, &seconds, &rest);

	if (err)
		return err;
	rest = parse_fraction(rest, &fraction);
	if (strcmp(rest, "Z") != 0 || seconds >= UINT64_MAX / NS_PER_SEC)
		return -EINVAL;
	*ret_ns = seconds * NS_PER_SEC + fraction;
	return 0;
}

int aeg_time_parse_s(const char *text, uint64_t *ret_s)
{
	uint64_t seconds;
	const char *rest;
	int err = parse_seconds(text, &seconds, &rest);

	if (err)
		return err;
	if (strcmp(rest, "Z") != 0)
		return -EINVAL;
	*ret_s = seconds;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * {"pins":"BOOT-INODE","events":0,"denials":12}. Written in place of the old one, but never synced: it is
 * worth nothing after a crash of the machine, which takes the pins along.
 */
#include "daemon/losses.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* The inode of a pin is new with every pin that is made. */
static char *pins_word(const char *pin_dir)
{
	AEG_AUTO_FREE char *boot = NULL;
	AEG_AUTO_FREE char *path = aeg_xasprintf("%s/maps/errors", pin_dir);
	struct stat st = {0};
	size_t len;

	if (stat(path, &st) < 0 || aeg_file_read(BOOT_ID, FILE_MAX, &boot, &len) < 0)
		return NULL;
	return aeg_xasprintf("%.*s-%llu", (int)strcspn(boot, "\n"), boot,
			     (unsigned long long)st.st_ino);
}

static void parse(struct aeg_losses *losses, const char *text, size_t len)
{
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_int_t events = 0, denials = 0;
	const char *pins = "";

	if (json_unpack(json, "{s:s, s:I, s:I}", "pins", &pins, "events", &events, "denials",
			&denials) == 0 &&
	    losses->pins && aeg_streq(pins, losses->pins) && events >= 0 && denials >= 0) {
		losses->told[AEG_LOST_EVENTS] = (uint64_t)events;
		losses->told[AEG_LOST_DENIALS] = (uint64_t)denials;
	}
	json_decref(json);
}

void aeg_losses_open(struct aeg_losses *losses, const struct aeg_config *config)
{
	AEG_AUTO_FREE char *text = NULL;
	size_t len;

	*losses = (struct aeg_losses){
		.path = aeg_xasprintf("%s/losses.json", config->state_dir),
		.pins = pins_word(config->pin_dir),
		.changed = true, /* so that the file is there from now on */
	};
	if (aeg_file_read(losses->path, FILE_MAX, &text, &len) == 0)
		parse(losses, text, len);
}

uint64_t aeg_losses_tell(struct aeg_losses *losses, enum aeg_lost_where where, uint64_t now)
{
	uint64_t before = losses->told[where] <= now ? losses->told[where] : 0;

	losses->changed |= now != losses->told[where];
	losses->told[where] = now;
	return now - before;
}

static int write_new(const char *path, const char *data, size_t len)
{
	AEG_AUTO_CLOSE int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : aeg_write_all(fd, data, len);
}

void aeg_losses_save(struct aeg_losses *losses)
{
	AEG_CLEANUP(aeg_buf_done) struct aeg_buf text = {0};
	AEG_AUTO_FREE char *temporary = aeg_xasprintf("%s.new", losses->path);
	struct aeg_json json;

	if (!losses->changed || !losses->pins)
		return;
	aeg_json_begin(&json, &text);
	aeg_json_object(&json, NULL);
	aeg_json_str(&json, "pins", losses->pins);
	aeg_json_u64(&json, "events", losses->told[AEG_LOST_EVENTS]);
	aeg_json_u64(&json, "denials", losses->told[AEG_LOST_DENIALS]);
	aeg_json_object_end(&json);
	aeg_buf_putc(&text, '\n');
	if (!write_new(temporary, text.data, text.len) && !rename(temporary, losses->path))
		losses->changed = false;
}

void aeg_losses_done(struct aeg_losses *losses)
{
	free(losses->path);
	free(losses->pins);
	*losses = (struct aeg_losses){0};
}

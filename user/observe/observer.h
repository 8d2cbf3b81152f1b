/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Those who are told what happened: one struct each, called in the order in which they were added.
 * A flow and the names in it are borrowed for the time of the call. Nobody may block.
 */
#ifndef AEG_OBSERVE_OBSERVER_H
#define AEG_OBSERVE_OBSERVER_H

#include "observe/flow.h"

struct aeg_observer { /* NULL: not interested */
	/* Every event of the kernel as it came, before repeats are folded; it has no number yet. */
	void (*event)(void *arg, const struct aeg_flow *flow);
	/* Every record: numbered, repeats folded into one (count), losses among them (lost). */
	void (*record)(void *arg, const struct aeg_flow *flow);
	/* The kernel is about to forget the events so far: what must survive a crash is written now. */
	void (*settle)(void *arg);
	/* Everything that was waiting has been handed over: time to write out what was gathered. */
	void (*drained)(void *arg);
	void *arg;
};

#endif

// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What a JavaScript error says, with all its causes: fetch() hides the errno in them.
exports.chain = (error) => {
	const texts = [];
	for (; error; error = error.cause) {
		texts.push(`${error.name}: ${error.message}`);
		for (const inner of error.errors ?? [])
			texts.push(`${inner.name}: ${inner.message}`);
	}
	return texts;
};

// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// One HTTPS request of Node's own fetch. Prints the JSON line of hf.py. Usage: node get.cjs HOST PATH
const { chain } = require("./chain.cjs");

const [host, path] = process.argv.slice(2);
const start = performance.now();
fetch(`https://${host}${path}`)
	.then((response) => ({ status: response.status }), (error) => ({ error: chain(error) }))
	.then((outcome) => {
		console.log(JSON.stringify({ ...outcome, seconds: (performance.now() - start) / 1000 }));
		process.exit(0);
	});

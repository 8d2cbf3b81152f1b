// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// One call of the real @huggingface/hub and @huggingface/inference; the answer is hf.py's.
// Usage: node hf.cjs DIRECTORY-OF-NODE_MODULES info | list | download FILE | chat [PROVIDER]
const { createHash } = require("crypto");
const { createRequire } = require("module");
const { chain } = require("./chain.cjs");

const [directory, verb, what] = process.argv.slice(2);
const library = createRequire(directory + "/")(verb === "chat" ? "@huggingface/inference" : "@huggingface/hub");
const REPO = "acme/tiny";

const verbs = {
	info: async () => ({ sha: (await library.modelInfo({ name: REPO, additionalFields: ["sha"] })).sha }),
	list: async () => {
		const files = [];
		for await (const entry of library.listFiles({ repo: REPO }))
			files.push(entry.path);
		return { files: files.sort() };
	},
	download: async () => {
		const blob = await library.downloadFile({ repo: REPO, path: what });
		return { sha256: createHash("sha256").update(Buffer.from(await blob.arrayBuffer())).digest("hex") };
	},
	// The router itself, or a provider by name: then the Hub is asked what the model is called there.
	chat: async () => {
		const client = new library.InferenceClient("hf_x", what ? {} : { endpointUrl: "https://router.huggingface.co/v1" });
		const answer = await client.chatCompletion({ provider: what, model: REPO, messages: [{ role: "user", content: "hi" }] });
		return { text: answer.choices[0].message.content };
	},
};

(async () => {
	const start = performance.now();
	const outcome = await verbs[verb]().catch((error) => ({ error: chain(error) }));
	console.log(JSON.stringify({ ...outcome, seconds: (performance.now() - start) / 1000 }));
	process.exit(0);
})();

# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""One call of the real huggingface_hub. Says as a JSON line what came of it, after how many seconds,
and, of an error, each message of its chain. Usage: hf.py info | list | download FILE | chat [PROVIDER]"""
import hashlib
import json
import logging
import sys
import time

from huggingface_hub import HfApi, InferenceClient, hf_hub_download

REPO, ROUTER = "acme/tiny", "https://router.huggingface.co/v1"


class Warnings(logging.Handler):
    """The first thing that the library says about a failure, and when."""

    def __init__(self, start):
        super().__init__(logging.WARNING)
        self.start, self.first = start, None

    def emit(self, record):
        self.first = self.first or {"text": record.getMessage(), "seconds": time.monotonic() - self.start}


def info():
    return {"sha": HfApi().model_info(REPO).sha}


def listing():
    return {"files": sorted(item.path for item in HfApi().list_repo_tree(REPO))}


def download(name):
    with open(hf_hub_download(REPO, name), "rb") as data:
        return {"sha256": hashlib.sha256(data.read()).hexdigest()}


def chat(provider=None):
    """The router itself, or a provider by name: then the Hub is asked what the model is called there."""
    client = InferenceClient(provider=provider, base_url=None if provider else ROUTER, api_key="hf_x")
    answer = client.chat_completion([{"role": "user", "content": "hi"}], model=REPO)
    return {"text": answer.choices[0].message.content}


def chain(error):
    texts = []
    while error:
        texts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return texts


def main():
    verb = {"info": info, "list": listing, "download": download, "chat": chat}[sys.argv[1]]
    start = time.monotonic()
    warnings = Warnings(start)
    logging.getLogger("huggingface_hub").addHandler(warnings)
    try:
        outcome = verb(*sys.argv[2:])
    except Exception as error:  # whatever the library raises is what is asked about
        outcome = {"error": chain(error)}
    print(json.dumps({**outcome, "seconds": time.monotonic() - start, "first": warnings.first}))


main()

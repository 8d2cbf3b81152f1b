# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""One HTTPS request of Python's own urllib; the CA comes from SSL_CERT_FILE. Prints the JSON line of
hf.py. Usage: get.py HOST PATH"""
import json
import sys
import time
import urllib.request

start = time.monotonic()
try:
    with urllib.request.urlopen(f"https://{sys.argv[1]}{sys.argv[2]}") as answer:
        outcome = {"status": answer.status}
except OSError as error:
    inner = getattr(error, "reason", error)
    outcome = {"error": [str(error), f"{type(inner).__name__}: {inner}"]}
print(json.dumps({**outcome, "seconds": time.monotonic() - start}))

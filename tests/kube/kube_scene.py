# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""What the cases share: one control plane for the whole run."""
import atexit
import json

import cluster as control_plane
from cluster import TOP  # noqa: F401  (for the cases)

_shared = None


class TestCluster(control_plane.Cluster):
    def ensure_namespaces(self, names):
        self.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                    for name in sorted(set(names))])

    def get(self, *argv):
        return json.loads(self.kubectl("get", *argv, "-o", "json").stdout)


def shared_cluster():
    """Started by the first case that asks; a skip where it cannot be built."""
    global _shared  # pylint: disable=global-statement
    if _shared is None:
        _shared = TestCluster().__enter__()
        atexit.register(_shared.close)
        _shared.install_crds()
    return _shared

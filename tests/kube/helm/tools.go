// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

//go:build tools

// Package helm names the program that scripts/kube-testenv builds, so that go.mod keeps its module.
package helm

import _ "helm.sh/helm/v3/cmd/helm"

// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

//go:build tools

// Package env names the programs that scripts/kube-testenv builds, so that go.mod keeps their modules.
package env

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kubectl"
)

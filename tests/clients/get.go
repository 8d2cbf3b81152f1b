// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only

// One HTTPS request of Go's own client; the CA comes from SSL_CERT_FILE. Prints the JSON line of hf.py.
// Usage: get HOST PATH
package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"time"
)

func chain(err error) (texts []string) {
	for ; err != nil; err = errors.Unwrap(err) {
		texts = append(texts, err.Error())
	}
	return texts
}

func main() {
	start := time.Now()
	outcome := map[string]any{}
	response, err := http.Get("https://" + os.Args[1] + os.Args[2])
	if err != nil {
		outcome["error"] = chain(err)
	} else {
		response.Body.Close()
		outcome["status"] = response.StatusCode
	}
	outcome["seconds"] = time.Since(start).Seconds()
	json.NewEncoder(os.Stdout).Encode(outcome)
}

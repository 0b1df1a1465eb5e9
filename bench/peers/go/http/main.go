// SPDX-License-Identifier: MIT
// "Hello, World!" over HTTP/1.1, as text and as JSON, with Go's net/http.
package main

import (
	"encoding/json"
	"net/http"
	"os"
)

func main() {
	body := []byte("Hello, World!")
	http.HandleFunc("/", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "text/plain")
		response.Write(body)
	})
	http.HandleFunc("/json", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "application/json")
		body, _ := json.Marshal(map[string]string{"message": "Hello, World!"})
		response.Write(body)
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

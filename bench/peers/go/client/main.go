// SPDX-License-Identifier: MIT

// Fetches a page again and again with net/http, so many at a time on connections that are kept.
//
//	client_go PORT PATH COUNT AT_ONCE BYTES
package main

import (
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"tutti/bench/go/usage"
)

func main() {
	url := "http://127.0.0.1:" + os.Args[1] + os.Args[2]
	count, atOnce, bytes := usage.Number(3), usage.Number(4), usage.Number(5)
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConns: 2 * atOnce, MaxIdleConnsPerHost: 2 * atOnce, DisableCompression: true}}
	fetch := func(fetches int) {
		var started int64
		var all sync.WaitGroup
		all.Add(atOnce)
		for i := 0; i < atOnce; i++ {
			go func() {
				defer all.Done()
				for atomic.AddInt64(&started, 1) <= int64(fetches) {
					response, err := client.Get(url)
					if err != nil {
						usage.Stop(err.Error())
					}
					size, _ := io.Copy(io.Discard, response.Body)
					response.Body.Close()
					if response.StatusCode != 200 || size != int64(bytes) {
						usage.Stop("the page is wrong")
					}
				}
			}()
		}
		all.Wait()
	}
	fetch(2 * atOnce) // warm-up
	measured := usage.Begin()
	fetch(count)
	measured.Tell(count)
}

// SPDX-License-Identifier: MIT

// Runs /bin/true again and again with os/exec, so many at a time: processes_go COUNT AT_ONCE
package main

import (
	"os/exec"
	"sync"
	"sync/atomic"

	"tutti/bench/go/usage"
)

func main() {
	count, atOnce := usage.Number(1), usage.Number(2)
	var started int64
	var all sync.WaitGroup
	all.Add(atOnce)
	measured := usage.Begin()
	for i := 0; i < atOnce; i++ {
		go func() {
			defer all.Done()
			for atomic.AddInt64(&started, 1) <= int64(count) {
				if err := exec.Command("/bin/true").Run(); err != nil {
					usage.Stop(err.Error())
				}
			}
		}()
	}
	all.Wait()
	measured.Tell(count)
}

// SPDX-License-Identifier: MIT

// The scheduler's workloads on Go's goroutines, with one thread to run them (GOMAXPROCS=1), two in W6 and W7.
//
//	tasks_go W1|W1b|W2|W4|W5|W6|W7|timers [n]
//
// There is no W3: what an await of a child is elsewhere is a plain call in Go.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	count  uint64
	baseKb int64
)

func statusKb(key string) int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
			kb, _ := strconv.ParseInt(fields[1], 10, 64)
			return kb
		}
	}
	return 0
}

func report(workload string, n uint64, elapsed time.Duration, ok bool) {
	verdict := "ok"
	if !ok {
		verdict = "BAD"
	}
	ns := float64(elapsed.Nanoseconds())
	fmt.Printf("RESULT\tgo\t%s\t%d\t%.2f\t%.2f\t%d\t%d\t-\t%s\n",
		workload, n, ns/float64(n), ns/1e6, statusKb("VmHWM:"), baseKb, verdict)
}

func argument(byDefault uint64) uint64 {
	if len(os.Args) > 2 {
		n, _ := strconv.ParseUint(os.Args[2], 10, 64)
		return n
	}
	return byDefault
}

//go:noinline
func trivial(group *sync.WaitGroup) {
	count++
	group.Done()
}

func spawnAndJoin(n uint64) {
	var group sync.WaitGroup
	group.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go trivial(&group)
	}
	group.Wait()
}

func twoYielders(n uint64) {
	var group sync.WaitGroup
	group.Add(2)
	for k := 0; k < 2; k++ {
		go func() {
			for i := uint64(0); i < n/2; i++ {
				runtime.Gosched()
				count++
			}
			group.Done()
		}()
	}
	group.Wait()
}

func sleepers(n uint64, asleep time.Duration) {
	var group sync.WaitGroup
	group.Add(int(n))
	for i := uint64(0); i < n; i++ {
		go func() {
			time.Sleep(asleep)
			count++
			group.Done()
		}()
	}
	group.Wait()
}

// Sets and stops timers at random distances while `pending` others wait.
func timers(n, pending uint64) time.Duration {
	random := uint64(88172645463325252)
	distance := func() time.Duration {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		return time.Second + time.Duration(random%60_000_000_000)
	}
	waiting := make([]*time.Timer, pending)
	for i := range waiting {
		waiting[i] = time.AfterFunc(distance(), func() {})
	}
	begin := time.Now()
	for i := uint64(0); i < n; i++ {
		if time.AfterFunc(distance(), func() {}).Stop() {
			count++
		}
	}
	elapsed := time.Since(begin)
	for _, timer := range waiting {
		timer.Stop()
	}
	return elapsed
}

func throughAChannel(n uint64) {
	channel := make(chan uint64, 128)
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		for i := uint64(0); i < n; i++ {
			channel <- i
		}
		both.Done()
	}()
	go func() {
		for i := uint64(0); i < n; i++ {
			count += <-channel & 1
		}
		both.Done()
	}()
	both.Wait()
}

// Two goroutines, each with a thread of its own, answer each other.
func acrossThreads(n uint64) {
	there, here := make(chan bool), make(chan bool)
	go func() {
		runtime.LockOSThread()
		for range there {
			here <- true
		}
	}()
	runtime.LockOSThread()
	for i := uint64(0); i < n; i++ {
		there <- true
		<-here
		count++
	}
	close(there)
}

// Two pairs of goroutines on two threads, each with a channel of functions.
func betweenBusyThreads(n uint64) {
	var both sync.WaitGroup
	received := [2]uint64{}
	for k := range received {
		channel := make(chan func(), 128)
		one := &received[k]
		both.Add(1)
		go func() {
			for i := uint64(0); i < n/2; i++ {
				channel <- func() { *one++ }
			}
			close(channel)
		}()
		go func() {
			for function := range channel {
				function()
			}
			both.Done()
		}()
	}
	both.Wait()
	count = received[0] + received[1]
}

func measure(workload string, n, expected uint64, body func()) {
	count = 0
	begin := time.Now()
	body()
	report(workload, n, time.Since(begin), count == expected)
}

func main() {
	what := ""
	if len(os.Args) > 1 {
		what = os.Args[1]
	}
	runtime.GOMAXPROCS(1)
	baseKb = statusKb("VmRSS:")
	switch what {
	case "W1":
		n := argument(1_000_000)
		measure("W1", n, n, func() { spawnAndJoin(n) })
		measure("W1warm", n, n, func() { spawnAndJoin(n) })
	case "W1b":
		n := argument(1_000_000)
		measure("W1b", n, n, func() {
			for batch := uint64(0); batch < n/1000; batch++ {
				spawnAndJoin(1000)
			}
		})
	case "W2":
		n := argument(10_000_000)
		measure("W2", n, n, func() { twoYielders(n) })
	case "W4":
		n := argument(1_000_000)
		seconds, err := strconv.ParseUint(os.Getenv("SLEEP_S"), 10, 64)
		if err != nil {
			seconds = 5
		}
		asleep := time.Duration(seconds) * time.Second
		begin := time.Now()
		sleepers(n, asleep)
		elapsed := time.Since(begin) - asleep
		report("W4", n, elapsed, count == n && elapsed >= 0)
	case "W5":
		n := argument(5_000_000)
		measure("W5", n, n/2, func() { throughAChannel(n) })
	case "W6":
		n := argument(100_000)
		runtime.GOMAXPROCS(2)
		measure("W6", n, n, func() { acrossThreads(n) })
	case "W7":
		n := argument(2_000_000)
		runtime.GOMAXPROCS(2)
		measure("W7", n, n, func() { betweenBusyThreads(n) })
	case "timers":
		n := argument(1_000_000)
		for _, pending := range []uint64{0, 1000, 1_000_000} {
			count = 0
			elapsed := timers(n, pending)
			report(fmt.Sprintf("timer-%d", pending), n, elapsed, count == n)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: tasks_go W1|W1b|W2|W4|W5|W6|W7|timers [n]")
		os.Exit(2)
	}
}

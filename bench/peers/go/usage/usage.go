// SPDX-License-Identifier: MIT

// Package usage is for programs that measure themselves; the same as usage.hpp.
package usage

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Usage begins to measure when it is made.
type Usage struct {
	processor float64
	start     time.Time
}

func processor() float64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func Begin() Usage {
	return Usage{processor(), time.Now()}
}

func (usage Usage) Tell(count int) {
	took := time.Since(usage.start).Seconds()
	used := processor() - usage.processor
	fmt.Printf("{\"count\": %d, \"seconds\": %.6f, \"us\": %.4f}\n", count, took, used*1e6/float64(count))
}

func Stop(what string) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(2)
}

func Number(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil {
		Stop(err.Error())
	}
	return number
}

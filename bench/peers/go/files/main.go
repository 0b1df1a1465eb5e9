// SPDX-License-Identifier: MIT

// Files with Go's os package; random reads are made by 32 goroutines.
//
//	files_go random|direct PATH READS
//	files_go read|write PATH MIB
package main

import (
	"encoding/binary"
	"io"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"tutti/bench/go/usage"
)

const (
	block   = 4096
	piece   = 128 * 1024
	readers = 32
)

func must(err error) {
	if err != nil {
		usage.Stop(err.Error())
	}
}

// Memory as O_DIRECT wants it.
func aligned(size int) []byte {
	memory := make([]byte, size+block)
	skip := block - int(uintptr(unsafe.Pointer(&memory[0]))%block)
	return memory[skip : skip+size]
}

func check(data []byte, number uint64) {
	if binary.LittleEndian.Uint64(data) != number {
		usage.Stop("a block is wrong")
	}
}

func readAtRandom(path string, flags, count int) {
	file, err := os.OpenFile(path, os.O_RDONLY|flags, 0)
	must(err)
	status, err := file.Stat()
	must(err)
	blocks := uint64(status.Size()) / block
	var all sync.WaitGroup
	measured := usage.Begin()
	for i := 0; i < readers; i++ {
		all.Add(1)
		go func(random uint64, left int) {
			defer all.Done()
			data := aligned(block)
			for ; left > 0; left-- {
				random ^= random << 13
				random ^= random >> 7
				random ^= random << 17
				number := random % blocks
				_, err := file.ReadAt(data, int64(number*block))
				must(err)
				check(data, number)
			}
		}(88172645463325252+uint64(i), count/readers)
	}
	all.Wait()
	measured.Tell(count / readers * readers)
}

func readAll(path string, mib int) {
	data := aligned(piece)
	measured := usage.Begin()
	file, err := os.Open(path)
	must(err)
	offset := 0
	for {
		count, err := file.Read(data)
		if err == io.EOF {
			break
		}
		must(err)
		for at := 0; at < count; at += block {
			check(data[at:], uint64(offset+at)/block)
		}
		offset += count
	}
	must(file.Close())
	if offset != mib<<20 {
		usage.Stop("the file is short")
	}
	measured.Tell(mib)
}

func writeAll(path string, mib int) {
	data := aligned(piece)
	measured := usage.Begin()
	file, err := os.Create(path)
	must(err)
	for offset := 0; offset < mib<<20; offset += piece {
		for at := 0; at < piece; at += block {
			binary.LittleEndian.PutUint64(data[at:], uint64(offset+at)/block)
		}
		_, err := file.Write(data)
		must(err)
	}
	must(file.Close())
	measured.Tell(mib)
}

func main() {
	switch path, n := os.Args[2], usage.Number(3); os.Args[1] {
	case "random":
		readAtRandom(path, 0, n)
	case "direct":
		readAtRandom(path, syscall.O_DIRECT, n)
	case "read":
		readAll(path, n)
	case "write":
		writeAll(path, n)
	}
}

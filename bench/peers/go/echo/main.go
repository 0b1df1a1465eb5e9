// SPDX-License-Identifier: MIT
// An echo server on Go's net package: a goroutine for each connection.
package main

import (
	"net"
	"os"
)

func echo(connection net.Conn) {
	defer connection.Close()
	data := make([]byte, 4096)
	for {
		count, err := connection.Read(data)
		if err != nil {
			return
		}
		if _, err := connection.Write(data[:count]); err != nil {
			return
		}
	}
}

func main() {
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	for {
		if connection, err := listener.Accept(); err == nil {
			go echo(connection)
		}
	}
}

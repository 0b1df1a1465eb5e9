// SPDX-License-Identifier: MIT
// An echo server on Go's net package: a goroutine for each connection; echo_go PORT|PATH
package main

import (
	"net"
	"os"
	"strings"
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
	network, address := "tcp4", "127.0.0.1:"+os.Args[1]
	if strings.Contains(os.Args[1], "/") {
		network, address = "unix", os.Args[1]
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		panic(err)
	}
	for {
		if connection, err := listener.Accept(); err == nil {
			go echo(connection)
		}
	}
}

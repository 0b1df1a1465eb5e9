// SPDX-License-Identifier: MIT
// An echo server on Node's net module: echo_node.js PORT
const net = require("net");

net.createServer({ noDelay: true }, (socket) => {
  socket.on("data", (data) => socket.write(data));
  socket.on("error", () => {});
}).listen(Number(process.argv[2]), "127.0.0.1", 4096);

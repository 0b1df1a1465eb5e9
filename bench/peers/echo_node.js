// SPDX-License-Identifier: MIT
// An echo server on Node's net module: echo_node.js PORT|PATH
const net = require("net");
const where = process.argv[2];

net.createServer({ noDelay: true }, (socket) => {
  socket.on("data", (data) => socket.write(data));
  socket.on("error", () => {});
}).listen(where.includes("/") ? { path: where, backlog: 4096 } : { port: Number(where), host: "127.0.0.1", backlog: 4096 });

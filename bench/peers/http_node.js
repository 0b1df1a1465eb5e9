// SPDX-License-Identifier: MIT
// "Hello, World!" over HTTP/1.1, as text and as JSON, with Node's http module: http_node.js PORT
const http = require("http");

http.createServer((request, response) => {
  const json = request.url === "/json";
  const body = json ? JSON.stringify({ message: "Hello, World!" }) : "Hello, World!";
  response.writeHead(200, { "Content-Type": json ? "application/json" : "text/plain", "Content-Length": body.length });
  response.end(body);
}).listen(Number(process.argv[2]), "127.0.0.1", 4096);

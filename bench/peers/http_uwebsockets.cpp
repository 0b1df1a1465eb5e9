// SPDX-License-Identifier: MIT
// "Hello, World!" over HTTP/1.1, as text and as JSON (which it has no library for), with uWebSockets, as its own example does it,
// without TLS: http_uwebsockets PORT
#include <cstdlib>

#include <App.h>

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const auto answer = [](auto* response, auto*) {
    response->writeHeader("Content-Type", "text/plain")->end("Hello, World!");
  };
  const auto answer_json = [](auto* response, auto*) {
    response->writeHeader("Content-Type", "application/json")->end(R"({"message":"Hello, World!"})");
  };
  const auto listening = [](auto* socket) {
    if (socket == nullptr) std::exit(1);
  };
  uWS::App().get("/", answer).get("/json", answer_json).listen("127.0.0.1", std::atoi(arguments[1]), listening).run();
}

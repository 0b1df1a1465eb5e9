// SPDX-License-Identifier: MIT
// The server of `tutti demo`: pages that take their time, and some that fail.
#include "demo_server.hpp"

#include <charconv>
#include <chrono>

#include <tutti/http.hpp>
#include <tutti/tutti.hpp>

namespace tutti::app {

namespace {

using namespace std::chrono_literals;

Coro<http::Response> page(http::Request& request) {
  const std::string& text = request.match("number");
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw http::HTTPException(404);
  co_await sleep(DemoServer::latency(number));
  co_return http::Response::text(std::string(200 + number * 7919 % 5000, '.'));
}

Coro<http::Response> silence() {
  co_await sleep(1h);
  co_return http::Response(204);
}

/// A server that promises more than it sends.
Coro<> send_half(StreamReader reader, StreamWriter writer) {
  (void)co_await reader.readuntil("\r\n\r\n");
  writer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(500, '.'));
  co_await writer.drain();
  writer.close();
  co_await writer.wait_closed();
}

}  // namespace

DemoServer::DemoServer() : server_({.shutdown_timeout = 1s, .handler_cancellation = true}) {
  server_.get("/page/{number}", page);
  server_.get("/silent", silence);
  server_.get("/error", []() -> Coro<http::Response> {
    co_await sleep(20ms);
    throw http::HTTPException(500, "out of order");
  });
  server_.get("/flaky", [this]() -> Coro<http::Response> {
    co_await sleep(20ms);
    if (++flaky_requests_ % 3 != 0) throw http::HTTPException(503, "try again");
    co_return http::Response::text("here at last");
  });
}

Coro<> DemoServer::start() {
  co_await server_.start();
  rude_ = co_await start_server(send_half, "127.0.0.1", 0);
  // A port that was free a moment ago, and that nobody has now.
  Server gone = co_await start_server(send_half, "127.0.0.1", 0);
  refused_port_ = gone.port();
  gone.close();
  co_await gone.wait_closed();
}

Coro<> DemoServer::stop() {
  rude_->close();
  rude_->abort_clients();
  co_await rude_->wait_closed();
  co_await server_.close();
}

Duration DemoServer::latency(std::size_t page) noexcept {
  // A multiplicative hash as the dice, squared so that most are short, as they are on real networks.
  const double dice = static_cast<double>((page * 2654435761U) % 4294967296U) / 4294967296.0;
  return 5ms + std::chrono::duration_cast<Duration>(55ms * dice * dice);
}

std::string DemoServer::truncated_url() const {
  return "http://127.0.0.1:" + std::to_string(rude_->port()) + "/truncated";
}

std::string DemoServer::refused_url() const { return "http://127.0.0.1:" + std::to_string(refused_port_) + "/refused"; }

}  // namespace tutti::app

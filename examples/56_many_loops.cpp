// SPDX-License-Identifier: MIT
// More than one core: a loop in each of several threads, all on one port, and the kernel shares out the connections.
//
//   make build && build/release/examples/example_56_many_loops
#include <iostream>
#include <semaphore>
#include <set>
#include <thread>

#include <tutti/http.hpp>
#include <tutti/tutti.hpp>

using tutti::Coro;
namespace http = tutti::http;

// [region worker]
/// A thread with a loop and a server. Loops share nothing; the ways from one to another are those from any thread.
class Worker {
 public:
  Worker(int number, std::uint16_t port) : thread_([=, this] { tutti::run(serve(number, port)); }) { ready_.acquire(); }
  ~Worker() {
    loop_->call_soon_threadsafe([this] { stop_.set(); });
    thread_.join();
  }
  std::string url;

 private:
  Coro<> serve(int number, std::uint16_t port) {
    http::Server server;
    server.get("/", [number]() -> Coro<http::Response> { co_return http::Response::text(std::to_string(number)); });
    co_await server.start("127.0.0.1", port, {.reuse_port = true});
    url = server.url();
    loop_ = &tutti::get_running_loop();
    ready_.release();
    co_await stop_.wait();
    co_await server.close();
  }

  tutti::EventLoop* loop_ = nullptr;
  tutti::Event stop_;
  std::binary_semaphore ready_{0};
  std::thread thread_;  // last: it uses all the others
};
// [endregion]

// [region main]
Coro<> async_main(std::string url) {
  http::ClientSession session({.connector = {.force_close = true}});  // each request comes by a connection of its own
  std::set<std::string> loops;
  for (int i = 0; i < 64; ++i) loops.insert(co_await (co_await session.get(url)).text());
  std::cout << "64 answers, from " << loops.size() << " loops\n";
}

int main() {
  Worker first(1, 0);  // finds a free port
  Worker second(2, static_cast<std::uint16_t>(std::stoi(first.url.substr(first.url.rfind(':') + 1))));
  tutti::run(async_main(first.url));
}
// [endregion]

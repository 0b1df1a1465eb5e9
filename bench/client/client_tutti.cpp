// SPDX-License-Identifier: MIT
// Fetches a page again and again with Tutti's HTTP client, so many at a time on connections that are kept.
// With "stream" the page is read in the pieces in which it comes, without it as a whole.
//   client_tutti PORT PATH COUNT AT_ONCE BYTES [stream]
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <tutti/http/client.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>

#include "../usage.hpp"

using tutti::Coro;

namespace {

struct Plan {
  std::string url;
  std::uint64_t left = 0;
  std::size_t at_once = 0;
  std::size_t bytes = 0;
  bool as_stream = false;
};

Coro<std::size_t> read(tutti::http::ClientResponse response, bool as_stream) {
  if (!as_stream) co_return (co_await response.read()).size();
  std::size_t size = 0;
  for (;;) {
    const std::string piece = co_await response.content().readany();
    if (piece.empty()) co_return size;
    size += piece.size();
  }
}

Coro<> fetch_until_done(tutti::http::ClientSession& session, Plan& plan) {
  while (plan.left != 0) {
    --plan.left;
    auto response = co_await session.get(plan.url);
    const int status = response.status();
    if (co_await read(std::move(response), plan.as_stream) != plan.bytes || status != 200) {
      bench::stop("the page is wrong");
    }
  }
}

Coro<> fetch(tutti::http::ClientSession& session, Plan& plan, std::uint64_t count) {
  plan.left = count;
  std::vector<Coro<>> workers;
  for (std::size_t i = 0; i < plan.at_once; ++i) workers.push_back(fetch_until_done(session, plan));
  co_await tutti::gather(workers);
}

Coro<> measure(Plan plan, std::uint64_t count) {
  tutti::http::ClientSession session({.connector = {.limit = plan.at_once}});
  co_await fetch(session, plan, 2 * plan.at_once);  // warm-up
  const bench::Usage usage;
  co_await fetch(session, plan, count);
  usage.tell(count);
  co_await session.close();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 6) bench::stop("usage: client_tutti PORT PATH COUNT AT_ONCE BYTES [stream]");
  const auto number = [&](int index) { return std::strtoull(arguments[index], nullptr, 10); };
  tutti::run(measure({.url = std::string("http://127.0.0.1:") + arguments[1] + arguments[2],
                      .at_once = number(4),
                      .bytes = number(5),
                      .as_stream = count > 6},
                     number(3)));
}

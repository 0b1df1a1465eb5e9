// SPDX-License-Identifier: MIT
// What stands behind a `ClientSession`: from a call to the requests that are sent.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <tutti/base/clock.hpp>
#include <tutti/http/client.hpp>
#include <tutti/task/coro.hpp>

#include "call.hpp"
#include "pool.hpp"

namespace tutti::http::detail {

/// Shared by the handle and by the requests under way.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(ClientSessionOptions options);

  /// A request with all that belongs to it: redirects, the second try, limits.
  static Coro<ClientResponse> request(std::shared_ptr<Session> self, std::string method, RequestUrl url,
                                      RequestOptions options);
  [[nodiscard]] Pool& pool() const noexcept { return *pool_; }

 private:
  Coro<ClientResponse> follow(Call& call);
  Coro<std::shared_ptr<ResponseState>> send(const Call& call);
  Coro<std::shared_ptr<ResponseState>> try_once(const Call& call, bool fresh);
  Coro<PoolSlot> acquire(const Call& call, bool fresh);
  Coro<Streams> connect(const Call& call);

  ClientSessionOptions options_;
  std::shared_ptr<Pool> pool_;
};

}  // namespace tutti::http::detail

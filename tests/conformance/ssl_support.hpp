// SPDX-License-Identifier: MIT
// What the tests of TLS share.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <tutti/io/ssl.hpp>
#include <tutti/io/streams.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {

/// Knows whether a context is gone with everything that had it: Python's `weakref.ref(context)`.
class Released {
 public:
  SSLContext watch(SSLContext context) {
    auto token = std::make_shared<int>();
    token_ = token;
    context.set_sni_callback(
        [token](std::string_view) { return std::optional<SSLContext>(); });  // goes with the context
    return context;
  }
  [[nodiscard]] bool operator()() const { return token_.expired(); }

 private:
  std::weak_ptr<int> token_;
};

/// What is under way may take some iterations to end.
inline Coro<bool> becomes_released(const Released& released) {
  for (int i = 0; i < 100 && !released(); ++i) co_await turn();
  co_return released();
}

/// However the connection has ended.
inline Coro<> close_quietly(StreamWriter& writer) {
  writer.close();
  (void)co_await error_of(writer.wait_closed());
}

}  // namespace tutti::conformance

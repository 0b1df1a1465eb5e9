// SPDX-License-Identifier: MIT
// What the tests of TLS share.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <tutti/io/ssl.hpp>

#include "net_support.hpp"
#include "support/certificates.hpp"

namespace tls_support {

using tutti::SSLContext;

/// A server's context with a certificate for this machine.
inline SSLContext server_context(const test_support::CertificateOptions& options = {}) {
  SSLContext context = tutti::create_default_context(tutti::Purpose::client_auth);
  context.load_cert_chain(test_support::authority().issue("localhost", options), {}, options.password);
  return context;
}

/// A client's context that trusts the tests' authority and nobody else.
inline SSLContext client_context() {
  return tutti::create_default_context(tutti::Purpose::server_auth, {.cafile = test_support::authority().file()});
}

/// The two ends of one connection with TLS.
inline tutti::Coro<net_support::Pair> tls_pair(SSLContext server_side, SSLContext client_side,
                                               std::size_t limit = std::size_t{64} * 1024) {
  tutti::Future<tutti::Streams> accepted;
  auto server = co_await tutti::start_server(
      [accepted](tutti::StreamReader reader, tutti::StreamWriter writer) {
        accepted.set_result(tutti::Streams{std::move(reader), std::move(writer)});
      },
      "127.0.0.1", 0, {.limit = limit, .ssl = std::move(server_side)});
  tutti::Streams client =
      co_await tutti::open_connection("127.0.0.1", server.port(), {.limit = limit, .ssl = std::move(client_side)});
  tutti::Streams peer = co_await std::move(accepted);
  co_return net_support::Pair{std::move(server), std::move(client), std::move(peer)};
}

inline tutti::Coro<net_support::Pair> tls_pair(std::size_t limit = std::size_t{64} * 1024) {
  return tls_pair(server_context(), client_context(), limit);
}

}  // namespace tls_support

// SPDX-License-Identifier: MIT
// What a context knows besides what OpenSSL keeps for it.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include <tutti/io/ssl.hpp>

namespace tutti::detail {

/// Belongs to the SSL_CTX, so that it lives as long as any connection that was made with it or switched to it.
struct SSLSettings {
  SSLProtocol protocol = SSLProtocol::tls_client;
  bool check_hostname = false;
  bool suppress_ragged_eofs = true;
  std::string alpn{};  // the names, each behind its length
  MoveOnlyFunction<std::optional<SSLContext>(std::string_view name)> sni_callback{};
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> keylog{nullptr, &std::fclose};

  /// Adds them to a new context, which owns them from then on. *Errors*: `std::bad_alloc`.
  static SSLSettings& attach(SSL_CTX* context);
  static SSLSettings& of(const SSL_CTX* context) noexcept;
};

}  // namespace tutti::detail

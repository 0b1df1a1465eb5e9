// SPDX-License-Identifier: MIT
// From OpenSSL's queue of errors to exceptions.
#pragma once

#include <exception>
#include <string>

#include <openssl/ssl.h>

#include <tutti/io/ssl.hpp>

namespace tutti::detail {

/// The cause of the last failure, as an exception: a system call's error, or else an `SSLError`; empties the queue.
[[nodiscard]] std::exception_ptr take_ssl_error(const std::string& context);
[[noreturn]] void throw_ssl_error(const std::string& context);

/// The same for a failure on a connection, which knows what is wrong with a certificate.
[[nodiscard]] std::exception_ptr take_connection_error(const SSL* ssl, const std::string& server_hostname,
                                                       const std::string& context);

}  // namespace tutti::detail

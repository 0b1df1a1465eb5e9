// SPDX-License-Identifier: MIT
// A connection of the client: it carries one exchange at a time.
#pragma once

#include <utility>

#include <tutti/http/parser.hpp>
#include <tutti/io/streams.hpp>

namespace tutti::http::detail {

class ClientConnection {
 public:
  ClientConnection(Streams streams, const ParserLimits& limits)
      : reader(std::move(streams.reader)), writer(std::move(streams.writer)), parser(Method::get, limits) {}
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection() { writer.abort(); }

  /// Whether another request may be sent: all was sent, nothing came that nobody asked for, and the server has not
  /// closed it.
  [[nodiscard]] bool clean() const noexcept {
    return reader.buffered().empty() && !reader.at_eof() && !reader.exception() && !writer.is_closing() &&
           writer.transport().write_buffer_size() == 0;
  }

  StreamReader reader;
  StreamWriter writer;
  ResponseParser parser;
  bool reused = false;  // it has carried a request before
};

}  // namespace tutti::http::detail

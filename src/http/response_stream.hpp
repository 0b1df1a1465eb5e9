// SPDX-License-Identifier: MIT
// What a StreamResponse and its handles share with the connection.
#pragma once

#include <tutti/http/message.hpp>

namespace tutti::http::detail {

class ServerConnection;

struct ResponseStream {
  ResponseHead head;
  ServerConnection* connection = nullptr;  // while the request lives
  bool prepared = false;
};

}  // namespace tutti::http::detail

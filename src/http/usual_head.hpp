// SPDX-License-Identifier: MIT
// The heads that nearly all messages have, read in one pass. It takes less than the strict rules of parser_policy.hpp allow and finds no
// fault with anything: what it does not take is theirs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <tutti/base/bytes.hpp>
#include <tutti/http/message.hpp>

#include "parser_policy.hpp"

namespace tutti::http::detail {

struct UsualHead {
  std::size_t size = 0;           ///< 0: it is not whole, or not usual
  bool names_connection = false;  ///< it has a `Connection` field
  std::uint64_t length = 0;       ///< of the body
};

/// Reads a head of a path, a version and one valid `Host`, without any field that says how to read what follows (a body, another
/// protocol). `known_host`: was found valid before, since a client says the same each time; the one that is found now is kept there.
[[nodiscard]] UsualHead read_usual_head(BytesView data, const BlockLimits& limits, std::string& known_host,
                                        RequestHead& head);

/// Reads a head of a final status whose responses have a body, with one valid `Content-Length` and no other field that says how to read
/// what follows. Not for the answer to a HEAD or a CONNECT.
[[nodiscard]] UsualHead read_usual_head(BytesView data, const BlockLimits& limits, ResponseHead& head);

}  // namespace tutti::http::detail

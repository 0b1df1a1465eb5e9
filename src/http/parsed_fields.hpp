// SPDX-License-Identifier: MIT
// What the bytes-only files of this layer share and nobody else needs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tutti/http/headers.hpp>

namespace tutti::http::detail {

/// The parser's way into `Headers`: it has checked each byte already.
struct ParsedFields {
  static void add(Headers& headers, std::string_view name, std::string_view value) { headers.append(name, value); }
};

/// `text` in quotes for a message, cut if it is long, with control characters and non-ASCII bytes as \xNN.
[[nodiscard]] std::string quote(std::string_view text, std::size_t most = 60);

/// Whether a field must not stand behind a chunked body, where it would come too late or go unseen by what guards a server:
/// framing, routing, authentication, cookies, and what says how to read the body. *Source*: RFC 9110 6.5.1.
[[nodiscard]] bool forbidden_in_trailer(std::string_view name) noexcept;

/// The value of a Content-Length: digits only, no sign, no list, no leading zero (which some read as octal), at most 2^63 - 1.
[[nodiscard]] bool parse_content_length(std::string_view text, unsigned long long& length) noexcept;

}  // namespace tutti::http::detail

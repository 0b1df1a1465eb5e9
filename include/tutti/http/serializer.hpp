// SPDX-License-Identifier: MIT
// Messages in, bytes out. What a program puts into a head can never end a line or start a second message.
#pragma once

#include <cstdint>
#include <string>

#include <tutti/base/bytes.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>

namespace tutti::http {

/// Appends the head, with the empty line behind it, to `out`.
/// *Errors*: `ValueError`, with `out` unchanged, if the method is not a token, the target has a space, a control or a byte
/// above 127, there is not exactly one `Host` (HTTP/1.1), or the framing is not sure: `Content-Length` twice, not a number
/// or beside `Transfer-Encoding`, a transfer coding that is not `chunked`, or one in HTTP/1.0.
void serialize(const RequestHead& head, std::string& out);

/// The same for a response. An empty reason becomes the registered one. `Content-Length` and `Transfer-Encoding` are left out
/// of 1xx and 204 responses, which must not have them (RFC 9110 8.6, RFC 9112 6.1).
/// *Errors*: `ValueError` as above, or for a status outside 100..999.
void serialize(const ResponseHead& head, std::string& out);

[[nodiscard]] std::string serialize(const RequestHead& head);
[[nodiscard]] std::string serialize(const ResponseHead& head);

/// Appends `data` as one chunk to `out`; nothing if it is empty, because an empty chunk ends the body.
void append_chunk(BytesView data, std::string& out);

/// What stands before the `size` bytes of a chunk, for those who write the bytes themselves; behind them comes "\r\n".
[[nodiscard]] std::string chunk_prefix(std::uint64_t size);

/// Appends the end of a chunked body, with these fields behind it.
/// *Errors*: `ValueError` for fields that must not stand there: framing, `Host`, authentication, cookies.
void append_last_chunk(std::string& out, const Headers& trailers = {});

}  // namespace tutti::http

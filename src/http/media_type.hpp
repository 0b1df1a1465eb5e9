// SPDX-License-Identifier: MIT
// What `Content-Type` says, without its parameters.
#pragma once

#include <string>

#include <tutti/http/headers.hpp>

namespace tutti::http::detail {

/// "text/html" of "Text/HTML; charset=utf-8"; "application/octet-stream" without the field.
[[nodiscard]] std::string media_type(const Headers& headers);

}  // namespace tutti::http::detail

// SPDX-License-Identifier: MIT
// Texts that are to be URLs, in messages.
#pragma once

#include <string>
#include <string_view>

namespace tutti::http::detail {

/// The text with what may be user and password hidden, and the fragment, which may be a token, whatever is wrong with it:
/// errors get into logs.
[[nodiscard]] std::string without_secrets(std::string_view text);

}  // namespace tutti::http::detail

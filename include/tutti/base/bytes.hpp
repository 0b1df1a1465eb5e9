// SPDX-License-Identifier: MIT
// Bytes: what streams carry. Owned bytes are `std::string` (as Python's `bytes`), borrowed ones views.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tutti {

/// Borrowed bytes that are only read.
using BytesView = std::string_view;
/// Borrowed memory that is written to.
using MutableBytes = std::span<char>;

}  // namespace tutti

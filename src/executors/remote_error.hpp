// SPDX-License-Identifier: MIT
// Exceptions as bytes.
#pragma once

#include <exception>

#include <tutti/executors/serialize.hpp>

namespace tutti::detail {

/// Writes the exceptions of Tutti's error tree and of the standard library as what they are, groups with all that is in them, others as
/// a `RuntimeError` whose message begins with the name of their type.
void write_exception(ByteWriter& out, const std::exception_ptr& error);
[[nodiscard]] std::exception_ptr read_exception(ByteReader& in);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// The first of several addresses that can be reached.
#pragma once

#include <string>
#include <vector>

#include <tutti/base/ref.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/task/coro.hpp>

#include "connection.hpp"

namespace tutti::detail {

/// Takes turns between the families; `first` addresses of the first family come before that. *Source*: RFC 8305,
/// section 4.
[[nodiscard]] std::vector<Address> interleave_families(std::vector<Address> addresses, std::size_t first);

/// Tries the addresses in their order, one after another or staggered, as the options say. `name` stands for all of
/// them in messages. *Errors*: `OSError`; `ExceptionGroup` of them with `all_errors`.
[[nodiscard]] Coro<Ref<Connection>> connect_first(std::vector<Address> addresses, std::string name,
                                                  ConnectOptions options);

}  // namespace tutti::detail

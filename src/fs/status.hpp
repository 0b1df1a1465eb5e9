// SPDX-License-Identifier: MIT
// From the kernel's statx to `files::Stat`.
#pragma once

#include <cstdint>

#include <sys/stat.h>

#include <tutti/fs/stat.hpp>

namespace tutti::detail {

inline constexpr std::uint32_t kStatMask = STATX_BASIC_STATS | STATX_BTIME;

[[nodiscard]] files::FileType type_of(std::uint32_t mode) noexcept;
[[nodiscard]] files::Stat to_stat(const struct statx& status);

}  // namespace tutti::detail

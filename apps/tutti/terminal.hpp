// SPDX-License-Identifier: MIT
// Standard output and standard error: what they are, and writing to them.
#pragma once

#include <cstddef>
#include <string_view>

namespace tutti::app {

/// A descriptor to print to. Whoever reads may go away at any time (`| head`): that is remembered, and no error.
class Output {
 public:
  explicit Output(int fd);

  void write(std::string_view text);
  /// Whether writing has failed; nothing is written from then on.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }
  /// Whether it is a terminal that may be coloured: see https://no-color.org
  [[nodiscard]] bool colour() const noexcept { return colour_; }
  /// The columns of the terminal; 100 if it is none.
  [[nodiscard]] std::size_t width() const;

 private:
  int fd_;
  bool broken_ = false;
  bool terminal_;
  bool colour_;
};

/// Whether the locale's characters are UTF-8. *Source*: locale(7).
[[nodiscard]] bool unicode_locale();

/// As many descriptors as this process may have, for many connections. *Source*: getrlimit(2).
void raise_descriptor_limit() noexcept;

}  // namespace tutti::app

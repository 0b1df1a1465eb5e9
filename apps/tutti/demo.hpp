// SPDX-License-Identifier: MIT
// The command `tutti demo`.
#pragma once

#include <cstddef>
#include <string>

namespace tutti::app {

struct DemoArguments {
  std::string output;  ///< the directory for the pictures; empty: build/demo, or a new temporary one
  std::size_t pages = 200;
  std::size_t concurrency = 50;
};

/// Shows what the library is about on a server of its own; gives the exit code: 0 if all went as it should.
[[nodiscard]] int run_demo(const DemoArguments& arguments);

}  // namespace tutti::app

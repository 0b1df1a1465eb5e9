// SPDX-License-Identifier: MIT
// Tells how far it has come.
#pragma once

#include <cstddef>

#include <tutti/base/clock.hpp>
#include <tutti/task/coro.hpp>

#include "report.hpp"
#include "result.hpp"
#include "terminal.hpp"

namespace tutti::app {

/// On a terminal a line that is drawn again and again, elsewhere a line a second.
class Progress {
 public:
  Progress(std::size_t total, Output& output) : output_(&output) { count_.total = total; }

  /// Another one has ended.
  void add(const FetchResult& result);
  /// Takes the line off the terminal, before something else is written there.
  void clear();
  /// Draws until it is cancelled.
  [[nodiscard]] Coro<> run();

 private:
  void draw();

  Output* output_;
  ProgressCount count_;
  bool drawn_ = false;
};

}  // namespace tutti::app

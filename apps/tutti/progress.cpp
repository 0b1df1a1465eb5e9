// SPDX-License-Identifier: MIT
// Tells how far it has come.
#include "progress.hpp"

#include <chrono>
#include <string>

#include <tutti/tutti.hpp>

namespace tutti::app {

void Progress::add(const FetchResult& result) {
  ++count_.done;
  count_.failed += result.ok() ? 0 : 1;
  count_.bytes += result.size;
}

void Progress::clear() {
  if (drawn_) output_->write("\r\x1b[K");
  drawn_ = false;
}

void Progress::draw() {
  if (output_->is_terminal()) {
    // One column less: some terminals begin a new line when the last one is filled.
    output_->write("\r\x1b[K" + progress_bar(count_, output_->width() - 1, unicode_locale()));
    drawn_ = true;
  } else {
    output_->write(progress_words(count_) + "\n");
  }
}

Coro<> Progress::run() {
  const TimePoint start = get_running_loop().time();
  const Duration interval = output_->is_terminal() ? std::chrono::milliseconds(100) : std::chrono::seconds(1);
  for (;;) {
    co_await sleep(interval);
    count_.elapsed = get_running_loop().time() - start;
    draw();
  }
}

}  // namespace tutti::app

// SPDX-License-Identifier: MIT
// Answers to requests that came together go out together.
#pragma once

#include <cstddef>
#include <string>

#include <tutti/base/bytes.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/loop/ready.hpp>

namespace tutti::http::detail {

/// Holds written bytes back for what is about to follow, but never over a wait: its entry in the ready queue sends them
/// in the next iteration if nobody did before.
class Cork final : private lowlevel::Ready {
 public:
  /// `writer` must outlive it.
  explicit Cork(StreamWriter& writer) noexcept : writer_(writer) {}
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;
  /// Sends what is left: it belongs to answers that are complete.
  ~Cork();

  /// More would only wait for longer.
  [[nodiscard]] bool full() const noexcept { return bytes_.size() >= kMost; }
  /// What is held. Who adds to it calls `hold` or `send`.
  [[nodiscard]] std::string& bytes();
  /// It may wait for more.
  void hold();
  /// Sends what is held; true if that was anything.
  bool send();
  /// The same, and `data` behind it.
  void send_with(BytesView data);

 private:
  static constexpr std::size_t kMost = std::size_t{64} * 1024;
  void run() override { send_or_abort(); }
  void drop() noexcept override { queued_ = false; }
  void send_or_abort() noexcept;

  StreamWriter& writer_;
  std::string bytes_;
  bool queued_ = false;
};

}  // namespace tutti::http::detail

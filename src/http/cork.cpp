// SPDX-License-Identifier: MIT
#include "cork.hpp"

namespace tutti::http::detail {

namespace {
constexpr std::size_t kUsual = 512;
}

Cork::~Cork() {
  if (queued_) writer_.transport().loop().remove_ready(*this);
  send_or_abort();
}

std::string& Cork::bytes() {
  if (bytes_.empty()) bytes_.reserve(kUsual);
  return bytes_;
}

void Cork::hold() {
  if (queued_) return;
  queued_ = true;
  writer_.transport().loop().make_ready(*this);
}

bool Cork::send() {
  if (bytes_.empty()) return false;
  writer_.write(bytes_);
  bytes_ = std::string();  // an idle connection keeps none
  return true;
}

void Cork::send_with(BytesView data) {
  if (bytes_.empty()) return writer_.write(data);
  bytes_.append(data);
  send();
}

void Cork::send_or_abort() noexcept {
  queued_ = false;
  try {
    send();
  } catch (...) {
    writer_.abort();  // no memory: a stream with a hole would be worse
  }
}

}  // namespace tutti::http::detail

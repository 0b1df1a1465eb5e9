// SPDX-License-Identifier: MIT
#include "upload.hpp"

#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/http/serializer.hpp>

namespace tutti::http::detail {

void Upload::start() { task_ = create_task(run(shared_from_this()), {.name = "http upload"}); }

void Upload::stop() noexcept {
  writer_ = nullptr;
  if (const auto task = std::exchange(task_, std::nullopt)) task->cancel();
}

Coro<> Upload::run(std::shared_ptr<Upload> self) {
  try {
    co_await self->send_pieces();
  } catch (...) {
    if (self->writer_ == nullptr) throw;  // it was stopped
    self->error_ = std::current_exception();
    self->writer_->abort();
  }
  self->task_.reset();
}

Coro<> Upload::send_pieces() {
  const Body::Pieces pieces = body_.pieces();
  while (auto piece = co_await pieces.next()) {
    if (writer_ == nullptr) co_return;
    send(std::move(*piece));
    try {
      co_await writer_->drain();
    } catch (const ConnectionError&) {
      // Reading the response tells better what happened: it may have come before the connection broke.
      co_return;
    }
  }
  if (writer_ == nullptr) co_return;
  if (length_ && sent_ != *length_) {
    throw ValueError("the body has " + std::to_string(sent_) + " bytes, and not the " + std::to_string(*length_) +
                     " of Content-Length");
  }
  std::string end;
  if (!length_) append_last_chunk(end);
  write({end});
  done_ = true;
}

void Upload::send(std::string piece) {
  sent_ += piece.size();
  if (!length_) {
    const std::string prefix = piece.empty() ? std::string() : chunk_prefix(piece.size());
    return write({prefix, piece, piece.empty() ? BytesView() : BytesView("\r\n")});
  }
  if (sent_ > *length_) throw ValueError("the body is longer than Content-Length: " + std::to_string(*length_));
  write({piece});
}

void Upload::write(std::initializer_list<BytesView> pieces) {
  for (const BytesView piece : pieces) written_ += piece.size();
  writer_->writelines(pieces);
}

}  // namespace tutti::http::detail

// SPDX-License-Identifier: MIT
#include "tls_transport.hpp"

#include <algorithm>
#include <utility>

#include <openssl/err.h>

#include <tutti/base/error.hpp>

#include "ssl_errors.hpp"

namespace tutti::detail {
namespace {

constexpr std::size_t kRecord = std::size_t{16} * 1024;  // the most that a record of TLS holds
// How much is encrypted before it is handed down: so that a large write needs no second copy of all of it.
constexpr std::size_t kFlushAt = 4 * kRecord;

}  // namespace

TLSTransport::~TLSTransport() { deadline_.clear(); }

lowlevel::Transport* TLSTransport::uppermost() noexcept {
  lowlevel::Transport* const upper = receiver_ ? receiver_->upper() : nullptr;
  return upper != nullptr ? upper : this;
}

std::string TLSTransport::name() const {
  const std::string peer = description();
  const std::string& host = options_.server_hostname;
  return host.empty() || peer.starts_with(host) ? peer : host + " (" + peer + ")";
}

// ---- the handshake ----

void TLSTransport::start(ByteBuffer&& early, bool eof) {
  handshake_.emplace(loop());
  below_eof_ = eof;
  below_->set_receiver(Ref<lowlevel::Receiver>::adopt(new Below(Ref<TLSTransport>(this))));
  incoming_ = std::move(early);
  deadline_.set(options_.ssl_handshake_timeout);
  go_on();
  below_->resume_reading();
}

Coro<> TLSTransport::handshake(Ref<TLSTransport> self) {
  const Future<> waiter = *self->handshake_;
  struct Abort {  // when it is cancelled, also after the handshake was done
    TLSTransport* transport;
    ~Abort() {
      if (transport != nullptr) transport->abort();
    }
  } unless_done{self.get()};
  co_await waiter;
  unless_done.transport = nullptr;
}

void TLSTransport::step_handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return finish_handshake();
  if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    return fail(take_connection_error(ssl_.get(), options_.server_hostname, "TLS handshake with " + name()));
  }
  flush();
  if (below_eof_) {
    fail(std::make_exception_ptr(ConnectionResetError(std::make_error_code(std::errc::connection_reset),
                                                      "TLS handshake with " + name() + ": the peer has closed")));
  }
}

void TLSTransport::finish_handshake() {
  stage_ = Stage::open;
  deadline_.clear();
  const ByteBuffer queued = std::move(queued_);
  encrypt(queued.view());
  flush();
  if (stage_ != Stage::open) return;
  update_pause();
  if (!handshake_->done()) handshake_->set_result();
  if (reading_) return read_some();
  below_->pause_reading();
}

// ---- what comes ----

void TLSTransport::go_on() noexcept {
  try {
    switch (stage_) {
      case Stage::handshake: return step_handshake();
      case Stage::open: return read_some();
      case Stage::closing: return await_peers_end();
      case Stage::ended:
      case Stage::lost: incoming_.clear();
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

void TLSTransport::data_from_below(ByteBuffer&& data) noexcept {
  try {
    if (incoming_.empty()) {
      incoming_ = std::move(data);
    } else {
      incoming_.append(data.view());
    }
  } catch (...) {
    return fail(std::current_exception());
  }
  go_on();
}

bool TLSTransport::eof_from_below() noexcept {
  below_eof_ = true;
  go_on();
  return true;
}

void TLSTransport::read_some() {
  if (!reading_) return;
  ByteBuffer data;
  int result = 1;
  while (result > 0) {
    const std::size_t coming = incoming_.size() + static_cast<std::size_t>(SSL_pending(ssl_.get()));
    const std::size_t useful = std::clamp<std::size_t>(coming, 64, kRecord);
    if (data.room().size() < useful) data.reserve(useful);
    std::size_t count = 0;
    ERR_clear_error();
    result = SSL_read_ex(ssl_.get(), data.room().data(), data.room().size(), &count);
    data.commit(count);
  }
  const int error = SSL_get_error(ssl_.get(), result);
  std::exception_ptr failure;
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN) {
    failure = take_connection_error(ssl_.get(), options_.server_hostname, "read from " + name());
  }
  if (incoming_.empty()) incoming_ = ByteBuffer();  // a connection that idles holds no memory
  if (!failure) flush();                            // else `fail` does it
  if (!data.empty()) {
    const Ref<lowlevel::Receiver> receiver = receiver_;  // which may be replaced meanwhile
    receiver->data_received(std::move(data));
  }
  if (failure) return fail(std::move(failure));
  if (error == SSL_ERROR_ZERO_RETURN || below_eof_) read_ended(error == SSL_ERROR_ZERO_RETURN);
}

/// TLS has no open ends: when the peer has ended, so do we, after what was written.
void TLSTransport::read_ended(bool by_peer) {
  if (!reading_ || stage_ != Stage::open) return;  // told when its user reads again, or not at all
  reading_ = false;
  if (!by_peer && !object_.context().suppress_ragged_eofs()) {
    return fail(std::make_exception_ptr(SSLEOFError(SSL_R_UNEXPECTED_EOF_WHILE_READING, "read from " + name(),
                                                    "EOF occurred in violation of protocol")));
  }
  const Ref<lowlevel::Receiver> receiver = receiver_;
  (void)receiver->eof_received();
  close();
}

/// We have ended, the peer has not: what it still sends is for nobody.
void TLSTransport::await_peers_end() {
  char sink[1024];
  std::size_t count = 0;
  int result = 1;
  while (result > 0) {
    ERR_clear_error();
    result = SSL_read_ex(ssl_.get(), sink, sizeof(sink), &count);
  }
  if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ || below_eof_) {
    ERR_clear_error();
    end_below();
  }
}

void TLSTransport::set_receiver(Ref<lowlevel::Receiver> receiver) noexcept {
  receiver_ = std::move(receiver);
  if (stage_ == Stage::lost && !told_) schedule();
}

void TLSTransport::pause_reading() noexcept {
  reading_ = false;
  if (stage_ == Stage::open) below_->pause_reading();
}

void TLSTransport::resume_reading() noexcept {
  if (is_closing() || reading_) return;
  reading_ = true;
  if (stage_ != Stage::open) return;
  below_->resume_reading();
  schedule();  // what is here already
}

// ---- what goes ----

void TLSTransport::write(BytesView data) {
  const BytesView pieces[] = {data};
  writelines(pieces);
}

void TLSTransport::writelines(std::span<const BytesView> pieces) {
  if (is_closing()) return;
  if (stage_ == Stage::handshake) {
    for (const BytesView piece : pieces) queued_.append(piece);
    return update_pause();
  }
  encrypt_all(pieces);
  flush();
}

/// Small pieces share a record.
void TLSTransport::encrypt_all(std::span<const BytesView> pieces) {
  if (pieces.size() == 1) return encrypt(pieces.front());
  ByteBuffer record;
  for (BytesView piece : pieces) {
    while (!piece.empty()) {
      if (record.empty() && piece.size() >= kRecord) {
        const std::size_t whole = piece.size() / kRecord * kRecord;
        encrypt(piece.substr(0, whole));
        piece.remove_prefix(whole);
        continue;
      }
      const std::size_t count = std::min(piece.size(), kRecord - record.size());
      record.append(piece.substr(0, count));
      piece.remove_prefix(count);
      if (record.size() == kRecord) {
        encrypt(record.view());
        record.clear();
      }
    }
  }
  encrypt(record.view());
}

void TLSTransport::encrypt(BytesView data) {
  while (!data.empty() && stage_ == Stage::open) {
    std::size_t count = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), data.data(), std::min(data.size(), kFlushAt), &count) != 1) {
      return fail(take_connection_error(ssl_.get(), options_.server_hostname, "write to " + name()));
    }
    data.remove_prefix(count);
    if (outgoing_.size() >= kFlushAt) flush();
  }
}

void TLSTransport::flush() {
  if (outgoing_.empty()) return;
  const ByteBuffer data = std::move(outgoing_);
  outgoing_ = ByteBuffer();
  below_->write(data.view());
}

void TLSTransport::write_eof() { throw RuntimeError("write_eof: TLS cannot end one direction alone"); }

void TLSTransport::set_write_buffer_limits(std::size_t high, std::size_t low) {
  below_->set_write_buffer_limits(high, low);
  update_pause();
}

void TLSTransport::below_full(bool full) noexcept {
  below_full_ = full;
  update_pause();
}

void TLSTransport::update_pause() noexcept {
  const bool full = below_full_ || queued_.size() > get_write_buffer_limits().high;
  if (full == paused_ || !receiver_ || stage_ >= Stage::ended) return;
  paused_ = full;
  if (full) {
    receiver_->pause_writing();
  } else {
    receiver_->resume_writing();
  }
}

// ---- the end ----

void TLSTransport::close() noexcept {
  if (is_closing()) return;
  if (stage_ == Stage::handshake) return abort();
  reading_ = false;
  try {
    send_end();
  } catch (...) {
    fail(std::current_exception());
  }
}

void TLSTransport::send_end() {
  stage_ = Stage::closing;
  all_sent_ = below_->unsent_size() == 0;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  flush();
  if (stage_ != Stage::closing) return;
  if (below_eof_ || object_.close_notify_received()) return end_below();
  deadline_.set(options_.ssl_shutdown_timeout);
  below_->resume_reading();
  schedule();
}

void TLSTransport::end_below() noexcept {
  stage_ = Stage::ended;
  deadline_.clear();
  below_->close();
}

void TLSTransport::abort() noexcept {
  if (stage_ >= Stage::ended) return below_->abort();
  stage_ = Stage::ended;
  deadline_.clear();
  below_->abort();
}

/// It ends with an error. What tells the peer why is sent, unless what was written before it waits for the peer.
void TLSTransport::fail(std::exception_ptr why) noexcept {
  if (stage_ >= Stage::ended) return;
  stage_ = Stage::ended;
  reading_ = false;
  why_ = std::move(why);
  deadline_.clear();
  if (below_->write_buffer_size() != 0) return below_->abort();
  try {
    flush();
    deadline_.set(options_.ssl_shutdown_timeout);  // a peer that takes nothing is not waited for
  } catch (...) {
    return below_->abort();
  }
  below_->close();
}

void TLSTransport::deadline_passed() noexcept {
  const Ref<TLSTransport> self(this);
  const auto seconds = [](Duration time) {
    std::string text = std::to_string(std::chrono::duration<double>(time).count());
    text.erase(text.find_last_not_of('0') + 1);
    return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  };
  if (stage_ == Stage::handshake) {
    return fail(std::make_exception_ptr(ConnectionAbortedError(
        std::make_error_code(std::errc::connection_aborted),
        "TLS handshake with " + name() + ": took longer than " + seconds(options_.ssl_handshake_timeout) + " s")));
  }
  if (stage_ == Stage::closing) {
    stage_ = Stage::ended;
    why_ = std::make_exception_ptr(TimeoutError("TLS shutdown with " + name() + ": took longer than " +
                                                seconds(options_.ssl_shutdown_timeout) + " s"));
  }
  below_->abort();
}

std::exception_ptr TLSTransport::handshake_error(std::exception_ptr below) const {
  const std::string context = "TLS handshake with " + name();
  try {
    if (below) std::rethrow_exception(below);
  } catch (const OSError& error) {
    return make_os_error(error.error_number(), context);
  } catch (...) {
    return std::current_exception();
  }
  return std::make_exception_ptr(ConnectionAbortedError(std::make_error_code(std::errc::connection_aborted),
                                                        context + ": the connection was closed"));
}

void TLSTransport::lost_below(std::exception_ptr error) noexcept {
  // A peer that does not wait for our end resets the connection over it: then it has ended, and all was sent.
  const bool in_order = all_sent_ && (*all_sent_ || below_->unsent_size() == 0);
  const bool in_handshake = handshake_ && !handshake_->done();
  stage_ = Stage::lost;
  reading_ = false;
  deadline_.clear();
  incoming_ = ByteBuffer();
  queued_ = ByteBuffer();
  if (!why_ && !in_order) why_ = in_handshake ? handshake_error(std::move(error)) : std::move(error);
  if (in_handshake) handshake_->set_exception(why_);
  tell_lost();
}

void TLSTransport::tell_lost() noexcept {
  if (told_ || !receiver_) return;
  told_ = true;
  const Ref<lowlevel::Receiver> receiver = std::move(receiver_);
  receiver->connection_lost(why_);
}

// ---- in a later iteration ----

void TLSTransport::schedule() noexcept {
  if (scheduled_) return;
  scheduled_ = true;
  retain();
  loop().make_ready(*this);
}

void TLSTransport::run() {
  const Ref<TLSTransport> self = Ref<TLSTransport>::adopt(this);
  scheduled_ = false;
  if (stage_ == Stage::lost) return tell_lost();
  go_on();
}

void TLSTransport::drop() noexcept {
  scheduled_ = false;
  release();
}

void TLSTransport::Deadline::set(Duration from_now) {
  EventLoop& loop = owner_.loop();
  clear();
  loop.add_timer(*this, loop.time() + to_duration(from_now));
  set_ = true;
}

void TLSTransport::Deadline::clear() noexcept {
  if (!std::exchange(set_, false)) return;
  if (!owner_.loop().remove_timer(*this)) owner_.loop().remove_ready(*this);  // it is due already
}

Coro<Ref<lowlevel::Transport>> start_tls(Ref<lowlevel::Transport> below, SSLContext context, TLSOptions options,
                                         ByteBuffer early) {
  auto transport = Ref<TLSTransport>::adopt(new TLSTransport(std::move(below), context, std::move(options)));
  transport->start(std::move(early), false);
  co_await TLSTransport::handshake(transport);
  co_return Ref<lowlevel::Transport>(transport.get());
}

}  // namespace tutti::detail

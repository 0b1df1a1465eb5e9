// SPDX-License-Identifier: MIT
// TLS as a transport on top of any other transport.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <openssl/ssl.h>

#include <tutti/base/frame_pool.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/ssl.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/loop/timer.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

#include "openssl_pointers.hpp"

namespace tutti::detail {

/// What its user writes is encrypted at once and handed down, so flow control is that of the transport below; what comes
/// from below is decrypted when its user reads, and the transport below is paused meanwhile. So at most what one read
/// below brought is kept here.
///
/// OpenSSL sees neither sockets nor waiting: its BIO takes from `incoming_` and adds to `outgoing_`. The transport below
/// holds this one through its receiver until the connection is lost.
class TLSTransport final : public lowlevel::Transport, private lowlevel::Ready, public lowlevel::PoolAllocated {
 public:
  /// *Errors*: `ValueError` for options that do not go with the context; `SSLError`.
  TLSTransport(Ref<lowlevel::Transport> below, const SSLContext& context, TLSOptions options);

  /// Takes over the transport below and begins the handshake; `early` came before it did, and perhaps the end.
  void start(ByteBuffer&& early, bool eof);
  /// Waits for its end; once. *Errors*: what it failed with.
  [[nodiscard]] static Coro<> handshake(Ref<TLSTransport> self);

  void set_receiver(Ref<lowlevel::Receiver> receiver) noexcept override;
  [[nodiscard]] Ref<lowlevel::Receiver> receiver() const noexcept override { return receiver_; }
  [[nodiscard]] EventLoop& loop() const noexcept override { return below_->loop(); }
  void pause_reading() noexcept override;
  void resume_reading() noexcept override;
  [[nodiscard]] bool is_reading() const noexcept override { return reading_ && !is_closing(); }

  void write(BytesView data) override;
  void writelines(std::span<const BytesView> pieces) override;
  void write_eof() override;
  [[nodiscard]] bool can_write_eof() const noexcept override { return false; }
  [[nodiscard]] std::size_t write_buffer_size() const noexcept override {
    return queued_.size() + below_->write_buffer_size();
  }
  [[nodiscard]] std::size_t unsent_size() const noexcept override { return queued_.size() + below_->unsent_size(); }
  void set_write_buffer_limits(std::size_t high, std::size_t low) override;
  [[nodiscard]] lowlevel::WriteBufferLimits get_write_buffer_limits() const noexcept override {
    return below_->get_write_buffer_limits();
  }

  void close() noexcept override;
  void abort() noexcept override;
  [[nodiscard]] bool is_closing() const noexcept override { return stage_ >= Stage::closing || below_->is_closing(); }

  [[nodiscard]] Address peername() const override { return below_->peername(); }
  [[nodiscard]] Address sockname() const override { return below_->sockname(); }
  [[nodiscard]] std::string description() const override { return below_->description(); }
  [[nodiscard]] int fd() const noexcept override { return below_->fd(); }
  [[nodiscard]] const SSLObject* ssl_object() const noexcept override { return &object_; }

 private:
  enum class Stage : unsigned char {
    handshake,
    open,
    closing,  // our end was sent, the peer's is awaited
    ended,    // only the loss of the transport below is awaited
    lost,
  };

  /// What the transport below knows of this one.
  class Below final : public lowlevel::Receiver, public lowlevel::PoolAllocated {
   public:
    explicit Below(Ref<TLSTransport> above) noexcept : above_(std::move(above)) {}
    void data_received(ByteBuffer&& data) noexcept override { above_->data_from_below(std::move(data)); }
    bool eof_received() noexcept override { return above_->eof_from_below(); }
    void connection_lost(std::exception_ptr error) noexcept override { above_->lost_below(std::move(error)); }
    void pause_writing() noexcept override { above_->below_full(true); }
    void resume_writing() noexcept override { above_->below_full(false); }
    lowlevel::Transport* upper() noexcept override { return above_->uppermost(); }

   private:
    ~Below() override { above_->receiver_ = nullptr; }  // the loop may have closed, and nobody is told
    const Ref<TLSTransport> above_;
  };

  /// The handshake's time, and then that of the end.
  class Deadline final : public lowlevel::Timer {
   public:
    explicit Deadline(TLSTransport& owner) noexcept : owner_(owner) {}
    void run() override {
      set_ = false;
      owner_.deadline_passed();
    }
    void drop() noexcept override { set_ = false; }
    bool cancel(std::string_view) override { return false; }
    void set(Duration from_now);
    void clear() noexcept;

   private:
    TLSTransport& owner_;
    bool set_ = false;
  };

  struct BioCallbacks;

  ~TLSTransport() override;
  void run() override;
  void drop() noexcept override;
  [[nodiscard]] lowlevel::Transport* uppermost() noexcept;

  // ---- from below ----
  void data_from_below(ByteBuffer&& data) noexcept;
  bool eof_from_below() noexcept;
  void lost_below(std::exception_ptr error) noexcept;
  void below_full(bool full) noexcept;

  // ---- through OpenSSL ----
  void go_on() noexcept;
  void step_handshake();
  void finish_handshake();
  void read_some();
  void read_ended(bool by_peer);
  void await_peers_end();
  void encrypt(BytesView data);
  void encrypt_all(std::span<const BytesView> pieces);
  void flush();

  // ---- the end ----
  void schedule() noexcept;
  void deadline_passed() noexcept;
  void send_end();
  void fail(std::exception_ptr why) noexcept;
  void end_below() noexcept;
  void tell_lost() noexcept;
  void update_pause() noexcept;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::exception_ptr handshake_error(std::exception_ptr below) const;

  const Ref<lowlevel::Transport> below_;
  Ref<lowlevel::Receiver> receiver_;
  const TLSOptions options_;
  const SSLPointer ssl_;
  const SSLObject object_;
  ByteBuffer incoming_;  // encrypted
  ByteBuffer outgoing_;  // encrypted
  ByteBuffer queued_;    // written during the handshake, not encrypted
  std::optional<Future<>> handshake_;
  std::optional<bool> all_sent_;  // when our end was about to be sent: whether nothing stood before it
  std::exception_ptr why_;        // it ends
  Deadline deadline_{*this};
  Stage stage_ = Stage::handshake;
  bool reading_ = false;     // the receiver wants data
  bool below_eof_ = false;   // none will come from below
  bool below_full_ = false;  // the transport below asked not to write
  bool paused_ = false;      // the receiver was asked not to write
  bool scheduled_ = false;
  bool told_ = false;  // the receiver knows of the loss
};

/// A transport for TLS on `below`, whose handshake is done; it has no receiver yet. `early` came from below before.
/// *Errors*: what the handshake failed with; the transport below has ended then. *Cancellation*: aborts the transport
/// below.
[[nodiscard]] Coro<Ref<lowlevel::Transport>> start_tls(Ref<lowlevel::Transport> below, SSLContext context,
                                                       TLSOptions options, ByteBuffer early = {});

}  // namespace tutti::detail

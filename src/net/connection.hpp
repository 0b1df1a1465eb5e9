// SPDX-License-Identifier: MIT
// A connected socket as a transport.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include <tutti/base/fd.hpp>
#include <tutti/base/frame_pool.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/loop/operation.hpp>
#include <tutti/task/future.hpp>

#include "io/flow.hpp"
#include "loop/loop_list.hpp"
#include "loop/receiving.hpp"
#include "stored_address.hpp"

namespace tutti::detail {

/// Is told when a connection that it owns has ended. (A server.)
class ConnectionOwner : public lowlevel::Shared {
 public:
  virtual void connection_ended() noexcept = 0;
};

/// Owns the descriptor, at most one read and one write under way, and their memory.
///
/// Until an operation's completion the kernel owns its memory, so each operation in flight holds a reference. The end
/// always comes in one order: cancel what is in flight, wait for the completions, tell the back end, close, tell the
/// receiver.
/// Ten thousand of them may wait for bytes, so what only some need stands elsewhere: what is written, while it is; what is read, from when it
/// has come.
///
/// As an entry of the ready queue it says that bytes came and wait in `incoming_`.
class Connection final : public lowlevel::Transport,
                         public LoopMember,
                         private lowlevel::Ready,
                         public lowlevel::PoolAllocated {
 public:
  Connection(EventLoop& loop, Fd socket, const Address& peer, Ref<ConnectionOwner> owner);

  void set_receiver(Ref<lowlevel::Receiver> receiver) noexcept override { receiver_ = std::move(receiver); }
  [[nodiscard]] Ref<lowlevel::Receiver> receiver() const noexcept override { return receiver_; }
  [[nodiscard]] EventLoop& loop() const noexcept override { return *loop_; }
  void pause_reading() noexcept override { reading_ = false; }
  void resume_reading() noexcept override;
  [[nodiscard]] bool is_reading() const noexcept override { return reading_ && !closing_; }

  void write(BytesView data) override;
  void writelines(std::span<const BytesView> pieces) override;
  void write_eof() override;
  [[nodiscard]] bool can_write_eof() const noexcept override { return true; }
  /// What was put off is as good as sent.
  [[nodiscard]] std::size_t write_buffer_size() const noexcept override {
    return sending_ ? (put_off_ ? 0 : sending_->bytes.size()) + sending_->queued.size() : 0;
  }
  [[nodiscard]] std::size_t unsent_size() const noexcept override {
    return sending_ ? sending_->bytes.size() + sending_->queued.size() : 0;
  }
  void set_write_buffer_limits(std::size_t high, std::size_t low) override;
  [[nodiscard]] lowlevel::WriteBufferLimits get_write_buffer_limits() const noexcept override {
    return marks_.limits();
  }

  void close() noexcept override;
  void abort() noexcept override { end(nullptr); }
  [[nodiscard]] bool is_closing() const noexcept override { return closing_; }

  [[nodiscard]] Address peername() const override { return peer_.get(); }
  [[nodiscard]] Address sockname() const override;
  [[nodiscard]] int fd() const noexcept override { return socket_.get(); }

  /// For sendfile(2): nobody else writes until `end_sendfile`. Gives the socket once more; a loss of the connection
  /// meanwhile is to be seen on that. `sent` becomes done when what was written before was sent, or fails.
  /// *Errors*: `RuntimeError` if one is in progress; `OSError`.
  [[nodiscard]] Fd begin_sendfile(Future<> sent);
  void end_sendfile() noexcept;
  /// Ends now; `why` is what its receiver is told.
  void fail(std::exception_ptr why) noexcept { end(std::move(why)); }

  /// The transport that its user sees: this one, or the last of those on top of it.
  [[nodiscard]] lowlevel::Transport& uppermost() noexcept;
  [[nodiscard]] const ConnectionOwner* owner() const noexcept { return owner_.get(); }
  void loop_closes() noexcept override;

 private:
  // Whom the operations below call, and whether they were submitted and are not back yet: what was delivered still stands in the ready
  // queue for a while.
  void read_done();
  void write_done();
  [[nodiscard]] MutableBytes place(MutableBytes lent) noexcept;
  [[nodiscard]] lowlevel::Ready* take(BytesView bytes) noexcept;
  [[no_unique_address]] WriteMarks marks_;  // its last bytes are free for what follows
  bool read_under_way_ = false;
  bool write_under_way_ = false;

  template <class Base, bool Connection::* UnderWay, void (Connection::*Done)()>
  class Part : public Base {
   public:
    explicit Part(Connection& connection) noexcept : connection_(connection) {}
    static constexpr bool Connection::* under_way = UnderWay;

    void run() override {
      const Ref<Connection> self = Ref<Connection>::adopt(&connection_);
      (*self).*UnderWay = false;
      ((*self).*Done)();
    }
    void drop() noexcept override {
      const Ref<Connection> self = Ref<Connection>::adopt(&connection_);
      (*self).*UnderWay = false;
      self->dropped();
    }

   protected:
    Connection& connection_;
  };

  class Reading final : public Part<Receiving, &Connection::read_under_way_, &Connection::read_done> {
   public:
    using Part::Part;
    MutableBytes place(MutableBytes lent) noexcept override { return connection_.place(lent); }
    lowlevel::Ready* take(BytesView bytes) noexcept override { return connection_.take(bytes); }
  };

  /// Made when something is to be written that cannot be sent at once, and gone when it was.
  class Sending final : public Part<lowlevel::Operation, &Connection::write_under_way_, &Connection::write_done>,
                        public lowlevel::PoolAllocated {
   public:
    using Part::Part;
    ByteBuffer bytes;              // the kernel's while it is under way
    ByteBuffer queued;             // what comes behind them
    std::uint64_t put_off_in = 0;  // the iteration
  };

  ~Connection() override;
  void run() override;
  void drop() noexcept override;

  template <class Operation>
  void submit(Operation& operation) noexcept;
  void submit_read() noexcept;
  void expect_much() noexcept;
  void receiving_done();
  [[nodiscard]] lowlevel::Ready* announce() noexcept;
  void arrived();
  void deliver();
  int read_burst();
  [[nodiscard]] bool can_write(const char* operation) const;
  [[nodiscard]] bool nothing_written() const noexcept {
    return !sending_ || (sending_->bytes.empty() && sending_->queued.empty());
  }
  [[nodiscard]] bool idle_for_writing() const noexcept { return nothing_written() && !sendfile_; }
  void all_was_sent() noexcept;
  void put_off(std::span<const BytesView> pieces);
  std::size_t send_now(std::span<const BytesView> pieces) noexcept;
  [[nodiscard]] Sending& sending();
  void submit_write() noexcept;
  void shut_down_writing() noexcept;
  void check_high() noexcept;
  void check_low() noexcept;
  [[nodiscard]] std::exception_ptr error(const char* operation, int number) const;
  void end(std::exception_ptr why) noexcept;
  void finish() noexcept;
  void dropped() noexcept;
  void release_socket() noexcept;

  bool reading_ = false;         // the receiver wants data
  bool eof_ = false;             // there will be none
  bool write_eof_ = false;       // asked for
  bool closing_ = false;         // close() or worse
  bool ending_ = false;          // what is in flight was cancelled: no way back
  bool drained_ = false;         // the last read took all that was there
  bool arrival_queued_ = false;  // holds a reference then
  const bool in_kernel_;         // the kernel makes the calls, those of an iteration together
  bool puts_off_;                // small writes, to the next submission
  bool put_off_ = false;         // what is being sent was, and does not count
  bool receives_;                // it does: by a `Receiving`, which goes on
  const bool reads_all_;  // a short read means that; on Unix sockets it stops short where descriptors were passed
  std::uint8_t small_reads_ = 0;  // one after the other, piece by piece
  Fd socket_;
  ReadBurst burst_;
  EventLoop* loop_;
  Ref<lowlevel::Receiver> receiver_;
  Ref<ConnectionOwner> owner_;
  std::exception_ptr why_;
  ByteBuffer incoming_;  // the kernel's while read_ is under way, unless it goes on
  std::unique_ptr<Sending> sending_;
  std::unique_ptr<Future<>> sendfile_;  // one is in progress; it waits for what was written before
  Reading read_{*this};
  StoredAddress peer_;
};

}  // namespace tutti::detail

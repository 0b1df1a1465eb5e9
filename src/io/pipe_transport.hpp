// SPDX-License-Identifier: MIT
// One end of a pipe as a transport.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include <tutti/base/fd.hpp>
#include <tutti/base/frame_pool.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/loop/operation.hpp>

#include "flow.hpp"
#include "loop/loop_list.hpp"

namespace tutti::detail {

/// What both ends have in common: the descriptor, and how they come to their end.
///
/// A pipe only ever waits for readiness and then makes the call itself: so no byte is under way when reading stops (the
/// next reader of a terminal finds it), and the kernel never holds memory. Each wait in flight holds a reference.
class PipeTransport : public lowlevel::Transport,
                      public LoopMember,
                      private lowlevel::Ready,
                      public lowlevel::PoolAllocated {
 public:
  void set_receiver(Ref<lowlevel::Receiver> receiver) noexcept override { receiver_ = std::move(receiver); }
  [[nodiscard]] Ref<lowlevel::Receiver> receiver() const noexcept override { return receiver_; }
  [[nodiscard]] EventLoop& loop() const noexcept override { return *loop_; }
  void abort() noexcept override { end(nullptr); }
  [[nodiscard]] bool is_closing() const noexcept override { return closing_; }
  [[nodiscard]] Address peername() const override { return {}; }
  [[nodiscard]] Address sockname() const override { return {}; }
  [[nodiscard]] std::string description() const override { return name_; }
  [[nodiscard]] int fd() const noexcept override { return pipe_.get(); }
  void loop_closes() noexcept override;

 protected:
  /// A wait for readiness.
  class Wait final : public lowlevel::Operation {
   public:
    explicit Wait(PipeTransport& end) noexcept : end_(end) {}
    bool under_way = false;
    void run() override;
    void drop() noexcept override;

   private:
    PipeTransport& end_;
  };

  PipeTransport(EventLoop& loop, Fd pipe, std::string name);
  ~PipeTransport() override;

  void start(Wait& wait, std::uint32_t events) noexcept;
  /// A wait is over, and the end has not begun.
  virtual void woken(Wait& wait) = 0;
  /// Cancels what waits.
  virtual void cancel_waits() noexcept = 0;
  /// Drops what is buffered.
  virtual void drop_buffers() noexcept = 0;
  [[nodiscard]] std::exception_ptr error(const char* operation, int number) const;
  void end(std::exception_ptr why) noexcept;

  EventLoop* loop_;
  Fd pipe_;
  bool closing_ = false;  // close() or worse
  bool ending_ = false;   // what waits was cancelled: no way back
  Ref<lowlevel::Receiver> receiver_;

 private:
  void run() override;
  void drop() noexcept override;
  void finish() noexcept;
  void release_pipe() noexcept;

  unsigned waiting_ = 0;
  std::exception_ptr why_;
  std::string name_;
};

class ReadPipe final : public PipeTransport {
 public:
  ReadPipe(EventLoop& loop, Fd pipe, std::string name) : PipeTransport(loop, std::move(pipe), std::move(name)) {}

  void pause_reading() noexcept override { reading_ = false; }
  void resume_reading() noexcept override;
  [[nodiscard]] bool is_reading() const noexcept override { return reading_ && !closing_; }

  void write(BytesView data) override;
  void writelines(std::span<const BytesView> pieces) override;
  void write_eof() override;
  [[nodiscard]] bool can_write_eof() const noexcept override { return false; }
  [[nodiscard]] std::size_t write_buffer_size() const noexcept override { return 0; }
  void set_write_buffer_limits(std::size_t high, std::size_t low) override;
  [[nodiscard]] lowlevel::WriteBufferLimits get_write_buffer_limits() const noexcept override { return {}; }
  void close() noexcept override { end(nullptr); }

 private:
  void woken(Wait& wait) override;
  void cancel_waits() noexcept override { readable_.cancel({}); }
  void drop_buffers() noexcept override {}
  void read();

  bool reading_ = false;  // the receiver wants data
  bool eof_ = false;      // there will be none
  ReadBurst burst_;
  Wait readable_{*this};
};

class WritePipe final : public PipeTransport {
 public:
  WritePipe(EventLoop& loop, Fd pipe, std::string name) : PipeTransport(loop, std::move(pipe), std::move(name)) {}
  /// Watches for the end of the last reader.
  void watch() noexcept { start(broken_, 0); }

  void pause_reading() noexcept override {}
  void resume_reading() noexcept override {}
  [[nodiscard]] bool is_reading() const noexcept override { return false; }

  void write(BytesView data) override;
  void writelines(std::span<const BytesView> pieces) override;
  void write_eof() override { close(); }
  [[nodiscard]] bool can_write_eof() const noexcept override { return true; }
  [[nodiscard]] std::size_t write_buffer_size() const noexcept override { return queued_.size(); }
  void set_write_buffer_limits(std::size_t high, std::size_t low) override;
  [[nodiscard]] lowlevel::WriteBufferLimits get_write_buffer_limits() const noexcept override {
    return marks_.limits();
  }
  void close() noexcept override;

 private:
  void woken(Wait& wait) override;
  void cancel_waits() noexcept override;
  void drop_buffers() noexcept override { queued_ = ByteBuffer(); }
  std::size_t write_now(std::span<const BytesView> pieces) noexcept;
  void check_high() noexcept;
  void check_low() noexcept;

  WriteMarks marks_;
  ByteBuffer queued_;
  Wait writable_{*this};
  Wait broken_{*this};
};

}  // namespace tutti::detail

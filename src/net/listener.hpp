// SPDX-License-Identifier: MIT
// A listening socket that accepts.
#pragma once

#include <cstdint>
#include <exception>

#include <tutti/base/fd.hpp>
#include <tutti/base/function.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/address.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/operation.hpp>

#include "connection.hpp"
#include "loop/loop_list.hpp"

namespace tutti::detail {

/// What a listener is for.
class Acceptor : public ConnectionOwner {
 public:
  /// A connection came.
  virtual void accepted(Fd socket, const Address& peer) = 0;
  /// Whether it takes no more for now; `Listener::resume` follows when it does again.
  [[nodiscard]] virtual bool full() const noexcept = 0;
  /// It has stopped and its descriptor is closed.
  virtual void listener_ended() noexcept = 0;
};

/// Owns the descriptor and one accept under way; lives until that has come back.
class Listener final : public lowlevel::Shared, public LoopMember, private lowlevel::Operation {
 public:
  Listener(EventLoop& loop, Fd socket, Ref<Acceptor> acceptor);

  /// *Errors*: `OSError`.
  void start(int backlog);
  /// Goes on accepting if it had stopped because the acceptor was full.
  void resume() noexcept;
  /// Refuses new connections from now on; `listener_ended` follows, perhaps inside this call.
  void stop() noexcept;
  [[nodiscard]] Address address() const { return address_; }
  void loop_closes() noexcept override;

 private:
  ~Listener() override;
  void run() override;
  void drop() noexcept override;
  bool cancel(std::string_view message) override { return Operation::cancel(message); }

  void submit_accept() noexcept;
  void hand_over(int descriptor);
  int accept_more();
  void go_on(int error);
  void tell_full();
  void pause(int error);
  void fail(std::exception_ptr error) noexcept;
  void release_socket() noexcept;
  void end() noexcept;

  EventLoop* loop_;
  Fd socket_;
  Ref<Acceptor> acceptor_;
  Address address_;
  TimerHandle pause_;
  bool started_ = false;
  bool stopping_ = false;
  bool accepting_ = false;  // the accept was submitted and has not come back
  bool waiting_ = false;    // for the acceptor, which is full
  alignas(8) char peer_[128];
  std::uint32_t peer_size_ = 0;
};

}  // namespace tutti::detail

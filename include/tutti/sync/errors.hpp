// SPDX-License-Identifier: MIT
// The errors of this layer; base/error.hpp shows where they stand in the tree.
#pragma once

#include <stdexcept>

#include <tutti/base/error.hpp>

namespace tutti {

/// The barrier was aborted, or reset while tasks waited in it.
class BrokenBarrierError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
  ~BrokenBarrierError() override;
};

/// `get_nowait` found nothing.
class QueueEmpty : public std::runtime_error {
 public:
  QueueEmpty() : runtime_error("the queue is empty") {}
  ~QueueEmpty() override;
};

/// `put_nowait` found no room.
class QueueFull : public std::runtime_error {
 public:
  QueueFull() : runtime_error("the queue is full") {}
  ~QueueFull() override;
};

/// The queue was shut down.
class QueueShutDown : public std::runtime_error {
 public:
  QueueShutDown() : runtime_error("the queue was shut down") {}
  ~QueueShutDown() override;
};

/// Another task uses what only one at a time may.
class BusyResourceError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
  ~BusyResourceError() override;
};

/// An operation that must not wait would have to.
class WouldBlock : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~WouldBlock() override;
};

/// This end of a channel was closed.
class ClosedResourceError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~ClosedResourceError() override;
};

/// All ends on the other side of a channel were closed: nobody will take what is sent.
class BrokenResourceError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~BrokenResourceError() override;
};

/// All sending ends of a channel were closed, and no item is left.
class EndOfChannel : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
  ~EndOfChannel() override;
};

}  // namespace tutti

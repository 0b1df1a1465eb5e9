// SPDX-License-Identifier: MIT
// A receive that goes on: an ability that a back end may have.
#pragma once

#include <limits>
#include <memory>

#include <tutti/base/bytes.hpp>
#include <tutti/loop/io_backend.hpp>
#include <tutti/loop/operation.hpp>

namespace tutti::detail {

/// Takes all that comes on a socket, from its submission until its completion: 0 at the end of the stream, a negative errno,
/// -ECANCELED. The memory is the back end's, so none is held while nothing comes. Only for a back end that `receives_on`;
/// -ENOBUFS says that it has no memory to lend, and an ordinary receive is to be made instead.
///
/// It is two entries of the ready queue: itself for its end, and `arrival` for bytes, which stands there before the end.
class Receiving : public lowlevel::Operation {
 public:
  void prepare(int descriptor) noexcept {
    prepare_recv(descriptor, {});
    length = std::numeric_limits<std::size_t>::max();
  }

  /// Is handed bytes inside the back end's `poll`: they are to be copied, and looked at when the entry that this gives runs.
  /// Null if that stands in the ready queue already.
  /// Nothing if nothing had come to where `place` said.
  virtual lowlevel::Ready* take(BytesView bytes) noexcept = 0;

  /// Is asked there, unless the kernel receives by itself, where to read to: the memory that is lent, or some of its own.
  virtual MutableBytes place(MutableBytes lent) noexcept = 0;

 protected:
  Receiving() noexcept = default;
  ~Receiving() = default;
};

[[nodiscard]] inline bool is_receiving(const lowlevel::Operation& operation) noexcept {
  return operation.opcode == lowlevel::Opcode::recv && operation.buffer == nullptr &&
         operation.length == std::numeric_limits<std::size_t>::max();
}

/// A back end that knows `Receiving` derives from this too.
class ReceivingBackend {
 public:
  virtual ~ReceivingBackend() = default;
  /// Whether the kernel makes the calls: those of an iteration leave together.
  [[nodiscard]] virtual bool in_kernel() const noexcept = 0;
};

[[nodiscard]] inline bool receives_on(const lowlevel::IoBackend& backend) noexcept {
  return dynamic_cast<const ReceivingBackend*>(&backend) != nullptr;
}
[[nodiscard]] inline bool receives_in_kernel(const lowlevel::IoBackend& backend) noexcept {
  const auto* const receiving = dynamic_cast<const ReceivingBackend*>(&backend);
  return receiving != nullptr && receiving->in_kernel();
}

/// For back ends that make the calls themselves: the memory that they lend, to one after the other.
class LentMemory {
 public:
  /// Once is enough. False if there is none.
  [[nodiscard]] bool provide() noexcept;
  /// What a call of recv(2) brings, handed over; its result.
  int receive(Receiving& operation, lowlevel::ReadyQueue& arrivals, bool& filled) const noexcept;

 private:
  std::unique_ptr<char[]> memory_;
};

}  // namespace tutti::detail

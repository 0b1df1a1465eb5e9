// SPDX-License-Identifier: MIT
// Who waits for what on a descriptor: operations that would take bytes from each other stand in line.
#pragma once

#include <vector>

#include <tutti/loop/operation.hpp>

#include "operation_queue.hpp"

namespace tutti::detail {

/// What an operation takes part in. `neither`: it takes nothing from others (polls, calls at an offset).
enum class Side { reading, writing, neither };

[[nodiscard]] inline Side side_of(const Operation& operation) noexcept {
  switch (operation.opcode) {
    case Opcode::recv:
    case Opcode::recvmsg:
    case Opcode::accept: return Side::reading;
    case Opcode::send:
    case Opcode::sendmsg:
    case Opcode::connect: return Side::writing;
    case Opcode::read: return operation.offset < 0 ? Side::reading : Side::neither;
    case Opcode::write: return operation.offset < 0 ? Side::writing : Side::neither;
    default: return Side::neither;
  }
}

/// The lines of all descriptors, one for each side. First come, first served.
class Turns {
 public:
  /// Puts `operation` in its line, if there is one. True: it is its turn at once.
  [[nodiscard]] bool enter(Operation& operation);

  /// Takes it out again. Gives the one whose turn comes by that, or null.
  Operation* leave(Operation& operation) noexcept;

 private:
  struct Lines {
    OperationQueue reading;
    OperationQueue writing;
  };

  OperationQueue* line_of(const Operation& operation) noexcept;

  std::vector<Lines> lines_;  // by descriptor
};

}  // namespace tutti::detail

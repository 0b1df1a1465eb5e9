// SPDX-License-Identifier: MIT
// What random tasks do outside of the program's memory: sockets, files, pipes, protocols, threads and child processes.
#pragma once

#include <memory>

#include "stress.hpp"

namespace stress {

/// The things of one run. It is there as long as the tasks of `crowd` are.
class Outside {
 public:
  Outside() = default;
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  virtual ~Outside() = default;

  /// Before the first act: the servers listen.
  virtual Coro<> open() = 0;
  /// One of the acts, by chance.
  virtual Coro<> act() = 0;
  /// When all tasks have ended: nothing is lost, and nothing left.
  virtual Coro<> close() = 0;
};

std::unique_ptr<Outside> make_outside(Crowd& crowd);

/// Of what such acts may leave, only writers that nobody closed are reported.
void expect_only_reports_of_outside();

}  // namespace stress

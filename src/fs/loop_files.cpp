// SPDX-License-Identifier: MIT
#include "loop_files.hpp"

#include "file_state.hpp"

namespace tutti::detail {

void LoopFiles::add(FileLink& file) noexcept {
  file.previous = files_.previous;
  file.following = &files_;
  file.previous->following = &file;
  files_.previous = &file;
}

void LoopFiles::close(EventLoop&) noexcept {
  while (files_.following != &files_) {
    auto& file = static_cast<FileState&>(*files_.following);
    file.unlink();
    file.loop_closes();
  }
}

}  // namespace tutti::detail

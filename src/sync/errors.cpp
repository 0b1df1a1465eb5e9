// SPDX-License-Identifier: MIT
// The destructors stand here so that the types' tables are made once.
#include <tutti/sync/errors.hpp>

namespace tutti {

BrokenBarrierError::~BrokenBarrierError() = default;
QueueEmpty::~QueueEmpty() = default;
QueueFull::~QueueFull() = default;
QueueShutDown::~QueueShutDown() = default;
BusyResourceError::~BusyResourceError() = default;
WouldBlock::~WouldBlock() = default;
ClosedResourceError::~ClosedResourceError() = default;
BrokenResourceError::~BrokenResourceError() = default;
EndOfChannel::~EndOfChannel() = default;

}  // namespace tutti

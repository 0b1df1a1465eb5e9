// SPDX-License-Identifier: MIT
// Durations and clocks of std::chrono. libstdc++'s <chrono> also brings calendars and <sstream>: more than a quarter of the time in
// which a program with <tutti/tutti.hpp> compiles. Programs that need those include <chrono> themselves.
#pragma once

#if __has_include(<bits/chrono.h>)
#include <bits/chrono.h>  // IWYU pragma: keep; what <mutex>, <thread> and <condition_variable> of libstdc++ include
#else
#include <chrono>
#endif
